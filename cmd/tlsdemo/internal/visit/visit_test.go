package visit

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/forge"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// soundSet is valid at noon.
func soundSet(t testing.TB) certs.Set {
	t.Helper()
	f := &forge.Forge{Now: noon.Add(-24 * time.Hour)}
	set := f.Set()
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	return set
}

// stateOf is a connection of a client that presented these certificates.
func stateOf(presented ...*x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{
		Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, CurveID: tls.X25519MLKEM768,
		HandshakeComplete: true, NegotiatedProtocol: "http/1.1", ServerName: "localhost", PeerCertificates: presented,
	}
}

// verified has the certificates verified, too.
func verified(presented ...*x509.Certificate) *tls.ConnectionState {
	state := stateOf(presented...)
	state.VerifiedChains = [][]*x509.Certificate{presented}
	return state
}

// ask has a request answered.
func ask(h *Handler, state *tls.ConnectionState, method, target string, header http.Header) *http.Response {
	r := httptest.NewRequest(method, target, http.NoBody)
	r.TLS, r.RemoteAddr = state, "127.0.0.1:50000"
	for key, values := range header {
		r.Header[key] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func accepting(mediaType string) http.Header { return http.Header{"Accept": {mediaType}} }

func bodyOf(t testing.TB, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// What is said in each form, to the letter. Serials and fingerprints differ from run to run.
func TestGolden(t *testing.T) {
	set := soundSet(t)
	leaf, ca := set[certs.Client].Leaf(), set[certs.CA].Leaf()
	refusal := &Verdict{Code: "client-cert-expired", Text: "it expired 2 days ago", AtFault: `the certificate "CN=client"`, Hint: "tlsdemo certs renew client", Certainty: "certain"}
	for name, test := range map[string]struct {
		state *tls.ConnectionState
		judge func(tls.ConnectionState) *Verdict
	}{
		"verified":   {verified(leaf, ca), nil},
		"none":       {stateOf(), nil},
		"refused":    {stateOf(leaf), func(tls.ConnectionState) *Verdict { return refusal }},
		"would-pass": {stateOf(leaf), func(tls.ConnectionState) *Verdict { return nil }},
	} {
		for f, mediaType := range mediaTypes {
			h := &Handler{Now: clock, Judge: test.judge}
			response := ask(h, test.state, http.MethodGet, "/", accepting(mediaType))
			got := bodyOf(t, response)
			for i, cert := range test.state.PeerCertificates {
				got = strings.ReplaceAll(got, chain.Serial(cert), fmt.Sprintf("(serial %d)", i))
				got = strings.ReplaceAll(got, digestOf(cert), fmt.Sprintf("(digest %d)", i))
			}
			got = strings.Replace(got, style, "(style)", 1)
			if want := contentTypes[f][0]; response.Header.Get("Content-Type") != want {
				t.Errorf("%s: content type %q, want %q", name, response.Header.Get("Content-Type"), want)
			}
			checkGolden(t, name+[]string{".txt", ".html", ".json"}[f], got)
		}
	}
}

func digestOf(cert *x509.Certificate) string { return describe(cert).SHA256 }

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// No answer is stored, or taken for what it is not. The page has the headers that keep it harmless, and
// nothing else that a browser would show as a page.
func TestHeaders(t *testing.T) {
	set := soundSet(t)
	for target, html := range map[string]string{"/": "text/html", "/whoami.json": "", "/healthz": "", "/nowhere": "", "/echo": ""} {
		for _, accept := range []string{"*/*", "text/html"} {
			response := ask(&Handler{Now: clock}, verified(set[certs.Client].Leaf()), http.MethodGet, target, accepting(accept))
			isPage := accept == html
			if page := strings.HasPrefix(response.Header.Get("Content-Type"), "text/html"); page != isPage {
				t.Errorf("%s, %s: a page: %v", target, accept, page)
			}
			want := map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "", "Content-Security-Policy": ""}
			if isPage {
				want["Referrer-Policy"], want["Content-Security-Policy"] = "no-referrer", policy[0]
			}
			for key, want := range want {
				if got := response.Header.Get(key); got != want {
					t.Errorf("%s, %s: %s is %q, want %q", target, accept, key, got, want)
				}
			}
		}
	}
	if !strings.HasPrefix(policy[0], "default-src 'none'; style-src 'sha256-") {
		t.Error(policy[0])
	}
}

// The page's style is that which the policy allows, and there is nothing else to allow.
func TestPageFitsItsPolicy(t *testing.T) {
	set := soundSet(t)
	body := bodyOf(t, ask(&Handler{Now: clock}, verified(set[certs.Client].Leaf()), http.MethodGet, "/", accepting("text/html")))
	_, styled, _ := strings.Cut(body, "<style>")
	styled, _, _ = strings.Cut(styled, "</style>")
	if sum := sha256.Sum256([]byte(styled)); !strings.Contains(policy[0], "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the policy %s is not of the style %q", policy[0], styled)
	}
	if found := regexp.MustCompile(`(?i)<script|style=|\son\w+=|https?://|@import|url\(`).FindString(body); found != "" {
		t.Errorf("the page has %q", found)
	}
}

// Every colour can be read on what it stands on, in both themes: WCAG 2.2, success criterion
// 1.4.3.
func TestContrast(t *testing.T) {
	themes := regexp.MustCompile(`:root\{[^}]*\}`).FindAllString(style, -1)
	if len(themes) != 2 {
		t.Fatalf("%d themes", len(themes))
	}
	for _, theme := range themes {
		colours := make(map[string]float64)
		for _, found := range regexp.MustCompile(`--(\w+):#(\w+)`).FindAllStringSubmatch(theme, -1) {
			colours[found[1]] = luminance(t, found[2])
		}
		for on, inks := range map[string]string{
			"bg": "ink soft link", "card": "ink soft", "okbg": "ink soft ok", "warnbg": "ink soft warn", "badbg": "ink soft bad",
		} {
			for ink := range strings.FieldsSeq(inks) {
				light, dark := max(colours[ink], colours[on]), min(colours[ink], colours[on])
				if ratio := (light + 0.05) / (dark + 0.05); ratio < 4.5 {
					t.Errorf("%s on %s: %.2f in %.40s", ink, on, ratio, theme)
				}
			}
		}
	}
}

// luminance is a colour's relative luminance, as WCAG defines it.
func luminance(t *testing.T, colour string) float64 {
	if len(colour) == 3 {
		colour = strings.Join([]string{colour[:1], colour[:1], colour[1:2], colour[1:2], colour[2:], colour[2:]}, "")
	}
	rgb, err := hex.DecodeString(colour)
	if err != nil || len(rgb) != 3 {
		t.Fatalf("colour %q: %v", colour, err)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		part := float64(rgb[i]) / 255
		if part <= 0.04045 {
			part /= 12.92
		} else {
			part = math.Pow((part+0.055)/1.055, 2.4)
		}
		sum += weight * part
	}
	return sum
}

func TestMethodsAndPaths(t *testing.T) {
	set := soundSet(t)
	for _, test := range []struct {
		method, target string
		status         int
		allow, body    string
	}{
		{"GET", "/healthz", 200, "", "ok\n"},
		{"HEAD", "/healthz", 200, "", ""},
		{"POST", "/healthz", 405, "GET, HEAD, OPTIONS", "this path takes only GET, HEAD, OPTIONS\n"},
		{"OPTIONS", "/", 204, "GET, HEAD, OPTIONS", ""},
		{"OPTIONS", "/echo", 204, "OPTIONS, POST, PUT", ""},
		{"DELETE", "/", 405, "GET, HEAD, OPTIONS", "this path takes only GET, HEAD, OPTIONS\n"},
		{"GET", "/echo", 405, "OPTIONS, POST, PUT", "this path takes only OPTIONS, POST, PUT\n"},
		{"GET", "/%3Cb%3E", 404, "", "nothing is at this path: there are /, /whoami.json, /echo and /healthz\n"},
		{"OPTIONS", "/x", 404, "", "nothing is at this path: there are /, /whoami.json, /echo and /healthz\n"},
	} {
		response := ask(&Handler{Now: clock}, verified(set[certs.Client].Leaf()), test.method, test.target, nil)
		body := bodyOf(t, response)
		if response.StatusCode != test.status || response.Header.Get("Allow") != test.allow || body != test.body {
			t.Errorf("%s %s: %d, Allow %q, %q", test.method, test.target, response.StatusCode, response.Header.Get("Allow"), body)
		}
	}
}

// HEAD says how long the answer to GET is, and sends none of it.
func TestHead(t *testing.T) {
	set := soundSet(t)
	for _, target := range []string{"/", "/whoami.json"} {
		h, state := &Handler{Now: clock}, verified(set[certs.Client].Leaf())
		get, head := ask(h, state, http.MethodGet, target, nil), ask(h, state, http.MethodHead, target, nil)
		body := bodyOf(t, get)
		if got := head.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) || bodyOf(t, head) != "" {
			t.Errorf("%s: HEAD says %s bytes, GET has %d", target, got, len(body))
		}
	}
}

// A request without TLS is a mistake of who uses the handler, and no reason to fall over.
func TestWithoutTLS(t *testing.T) {
	if response := ask(&Handler{}, nil, http.MethodGet, "/", nil); response.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", response.StatusCode)
	}
}

// hostile names try to be HTML, lines of their own, and to be read from right to left.
const hostile = "\"><script>alert(1)</script>\nConnection\n\x1b[2J\u202egnp.exe\u2028{{.}}"

// hostileChain is n certificates as large as a stranger can make them.
func hostileChain(t testing.TB, n int, name string) []*x509.Certificate {
	f := certstest.Forge(t)
	f.Now = noon
	names := func(t *forge.Template) {
		t.Subject = pkix.Name{CommonName: name, Organization: []string{name}}
		for i := range 45 {
			t.DNSNames = append(t.DNSNames, fmt.Sprint(i)+name)
		}
	}
	ca := f.Sign(nil, forge.CA("CA"), names)
	var presented []*x509.Certificate
	for range n {
		presented = append(presented, f.Sign(ca, names, forge.ForClients).Leaf())
	}
	return presented
}

// Whatever is in a certificate, it is text, and it is on the lines where it belongs.
func TestHostileNames(t *testing.T) {
	// A DNS name in a certificate is ASCII to crypto/x509, which looks at it no further.
	ascii := strings.Map(func(r rune) rune {
		if r > 127 {
			return -1
		}
		return r
	}, hostile)
	presented := hostileChain(t, 1, ascii)
	presented[0].Subject.CommonName, presented[0].DNSNames[0] = hostile, hostile
	state := stateOf(presented...)
	state.ServerName, state.NegotiatedProtocol = hostile, hostile
	judge := func(tls.ConnectionState) *Verdict {
		return &Verdict{Code: "x", Text: hostile, AtFault: hostile, Hint: hostile}
	}
	for _, mediaType := range mediaTypes {
		body := bodyOf(t, ask(&Handler{Now: clock, Judge: judge}, state, http.MethodGet, "/", accepting(mediaType)))
		for _, r := range body {
			if r != '\n' && !strconv.IsPrint(r) {
				t.Errorf("%s: %U is in the answer", mediaType, r)
			}
		}
		if mediaType == "text/html" && (strings.Contains(body, "<script") || strings.Contains(body, `"><`+"s")) {
			t.Error("the page has a script")
		}
		if mediaType == "text/plain" && strings.Count(body, "\nConnection\n") != 1 {
			t.Error("a name forges a line")
		}
		if mediaType == "application/json" && !json.Valid([]byte(body)) {
			t.Error("no JSON")
		}
	}
}

// An answer is small, and fits a terminal of 80 columns, whatever is presented.
func TestBounds(t *testing.T) {
	const limit = 100_000
	for _, fill := range []string{`"`, "&", "\x01", "x", "<"} {
		presented := hostileChain(t, 20, strings.Repeat(fill, 2000))
		state := stateOf(presented...)
		state.ServerName = strings.Repeat(fill, 2000)
		judge := func(tls.ConnectionState) *Verdict {
			long := strings.Repeat(fill, 10_000)
			return &Verdict{Code: "client-cert-expired", Text: long, AtFault: long, Hint: long, Certainty: "certain"}
		}
		for _, mediaType := range mediaTypes {
			body := bodyOf(t, ask(&Handler{Now: clock, Judge: judge}, state, http.MethodGet, "/", accepting(mediaType)))
			if len(body) > limit {
				t.Errorf("%s of %q: %d bytes", mediaType, fill, len(body))
			}
			if mediaType == "text/plain" {
				for line := range strings.Lines(body) {
					if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
						t.Errorf("%d columns: %s", n, line)
					}
				}
			}
			for _, want := range []string{"and 37 more", "and 14 more"} { // names, certificates
				if mediaType != "application/json" && !strings.Contains(body, want) {
					t.Errorf("%s does not say %s", mediaType, want)
				}
			}
		}
	}
}

// JSON can be read back, and what is left out is counted.
func TestJSON(t *testing.T) {
	var report Report
	body := bodyOf(t, ask(&Handler{Now: clock}, stateOf(hostileChain(t, 20, "x")...), http.MethodGet, "/whoami.json", accepting("text/html")))
	if err := json.Unmarshal([]byte(body), &report); err != nil {
		t.Fatal(err)
	}
	if report.Authenticated || report.MoreCertificates != 14 || len(report.Certificates) != 6 || report.Certificates[0].MoreNames != 37 {
		t.Errorf("%+v", report)
	}
	if _, err := hex.DecodeString(report.Certificates[0].SHA256); err != nil || !report.Time.Equal(noon) {
		t.Errorf("%s at %v", report.Certificates[0].SHA256, report.Time)
	}
}

// What strict peers refuse is what certs show warns of.
func TestRemarks(t *testing.T) {
	f := certstest.Forge(t)
	f.Now = noon
	ca := f.Sign(nil, forge.CA("CA"))
	leaf := f.Sign(ca, forge.Names("db"), forge.Ed25519, forge.ForClients, func(t *forge.Template) { t.KeyUsage = x509.KeyUsageContentCommitment })
	report := new(Report)
	body := bodyOf(t, ask(&Handler{Now: clock}, verified(leaf.Leaf(), ca.Leaf()), http.MethodGet, "/whoami.json", nil))
	if err := json.Unmarshal([]byte(body), report); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"its key usage lacks digitalSignature", "it has an Ed25519 key"} {
		if !slices.ContainsFunc(report.Remarks, func(r string) bool { return strings.HasPrefix(r, want) }) {
			t.Errorf("%q is not in %q", want, report.Remarks)
		}
	}
	if got := report.Connection.Signature; got != "ed25519" {
		t.Errorf("signature %q", got)
	}
	for _, mediaType := range []string{"text/plain", "text/html"} {
		body := bodyOf(t, ask(&Handler{Now: clock}, verified(leaf.Leaf(), ca.Leaf()), http.MethodGet, "/", accepting(mediaType)))
		if !strings.Contains(body, "Some programs refuse this") || strings.Count(body, "it has an Ed25519 key") != 1 {
			t.Errorf("%s:\n%s", mediaType, body)
		}
	}
}

// A certificate that has ended, or soon will, is marked on the page, and a session that was
// resumed is told of.
func TestMoods(t *testing.T) {
	leaf := soundSet(t)[certs.Client].Leaf()
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{noon, "ok"},
		{leaf.NotBefore.Add(-time.Second), "bad"},
		{leaf.NotAfter.Add(time.Second), "bad"},
		{leaf.NotAfter.Add(-time.Second), "warn"},
	} {
		about := describe(leaf)
		if got := about.mood(c.at); got != c.want {
			t.Errorf("at %v: %s, want %s", c.at, got, c.want)
		}
	}
	state := verified(leaf)
	for resumed, want := range map[bool]string{true: "yes: the certificate is that of the first connection\n", false: "no: a full handshake\n"} {
		state.DidResume = resumed
		if body := bodyOf(t, ask(&Handler{Now: clock}, state, http.MethodGet, "/", nil)); !strings.Contains(body, want) {
			t.Errorf("resumed %v:\n%s", resumed, body)
		}
	}
}

// What a certificate is for is cut as names are, and what crypto/x509 does not know is a number.
func TestUsages(t *testing.T) {
	leaf := *soundSet(t)[certs.Client].Leaf()
	leaf.ExtKeyUsage, leaf.UnknownExtKeyUsage = nil, nil
	for i := range 100 {
		leaf.UnknownExtKeyUsage = append(leaf.UnknownExtKeyUsage, asn1.ObjectIdentifier{1, 2, 3, i})
	}
	about := describe(&leaf)
	if len(about.Usages) != shownUsages || about.Usages[1] != "1.2.3.1" {
		t.Errorf("%q", about.Usages)
	}
}

// The answer of a moment ago is given again within a second only, in the form that was asked for,
// and if it is not large.
func TestKeptAnswer(t *testing.T) {
	at := noon
	h := &Handler{Now: func() time.Time { return at }}
	ctx := h.ConnContext(t.Context(), nil)
	get := func(state *tls.ConnectionState, mediaType string) string {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
		r.TLS = state
		r.Header.Set("Accept", mediaType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String()
	}
	state := verified(soundSet(t)[certs.Client].Leaf())
	kept := func() written { return ctx.Value(visitorKey{}).(*visitor).answer }
	first := get(state, "text/plain")
	if string(kept().body) != first {
		t.Error("the answer is not kept")
	}
	at = noon.Add(time.Second)
	if got := get(state, "text/plain"); !strings.Contains(got, " 2026-11-22 12:00:01 UTC\n") {
		t.Errorf("a second later:\n%s", got)
	}
	if got := get(state, "application/json"); !json.Valid([]byte(got)) {
		t.Errorf("another form: %s", got)
	}
	ctx = h.ConnContext(t.Context(), nil)
	if large := get(stateOf(hostileChain(t, 20, strings.Repeat("x", 2000))...), "text/html"); len(large) <= keptAnswer || kept().body != nil {
		t.Errorf("%d bytes, of which %d are kept", len(large), len(kept().body))
	}
}

func TestSignature(t *testing.T) {
	f := certstest.Forge(t)
	p256, rsa := f.Sign(nil).Leaf(), f.Sign(nil, forge.RSA(2048)).Leaf()
	for _, test := range []struct {
		cert    *x509.Certificate
		version uint16
		resumed bool
		want    string
	}{
		{p256, tls.VersionTLS13, false, "ecdsa_secp256r1_sha256"},
		{p256, tls.VersionTLS13, true, ""},
		{p256, tls.VersionTLS12, false, "ECDSA"},
		{rsa, tls.VersionTLS13, false, "RSA-PSS"},
		{rsa, tls.VersionTLS12, false, "RSA"},
		{f.Sign(nil, forge.P521).Leaf(), tls.VersionTLS13, false, "ecdsa_secp521r1_sha512"},
	} {
		state := stateOf(test.cert)
		state.Version, state.DidResume = test.version, test.resumed
		if got := signature(state); got != test.want {
			t.Errorf("%s, %v: %q, want %q", tls.VersionName(test.version), test.resumed, got, test.want)
		}
	}
}

// A certificate without any name has an answer, too.
func TestNoName(t *testing.T) {
	f := certstest.Forge(t)
	nameless := f.Sign(nil, forge.Subject("")).Leaf()
	body := bodyOf(t, ask(&Handler{Now: clock}, verified(nameless), http.MethodGet, "/", nil))
	if !strings.Contains(body, "\n  You are somebody without a name.\n") {
		t.Error(body)
	}
}

func TestVisited(t *testing.T) {
	set := soundSet(t)
	var visits []Visit
	at := noon
	passing := func() time.Time { at = at.Add(time.Millisecond); return at }
	h := &Handler{Now: passing, Visited: func(v *Visit) { visits = append(visits, *v) }}
	response := ask(h, verified(set[certs.Client].Leaf()), http.MethodGet, "/healthz", nil)
	ask(h, stateOf(), http.MethodHead, "/nowhere", nil)
	want := []Visit{
		{Remote: "127.0.0.1:50000", Identity: "client.localhost", Method: "GET", Path: "/healthz", Proto: "HTTP/1.1", Status: 200, Out: 3, Took: time.Millisecond},
		{Remote: "127.0.0.1:50000", Method: "HEAD", Path: "/nowhere", Proto: "HTTP/1.1", Status: 404, Took: time.Millisecond},
	}
	for i := range visits {
		if visits[i].TLS == nil || visits[i].Kept == nil {
			t.Error("a request without the state of TLS, or without room")
		}
		visits[i].TLS, visits[i].Kept = nil, nil
	}
	if got := Identity(nil); got != "" {
		t.Errorf("nobody is %q", got)
	}
	if !slices.Equal(visits, want) || bodyOf(t, response) != "ok\n" {
		t.Errorf("%+v", visits)
	}
}

// A client chooses how much its certificate has of everything, and nothing of it may take more
// than a few times what it takes to read it.
func TestHostileCertificatesTakeLinearTime(t *testing.T) {
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("unit%d.localhost", i))
	}
	f := &forge.Forge{Now: noon.Add(-24 * time.Hour)}
	subject := func(name pkix.Name) forge.Change { return func(t *forge.Template) { t.Subject = name } }
	for what, change := range map[string]forge.Change{
		"attributes": subject(pkix.Name{OrganizationalUnit: many}),
		"a value":    subject(pkix.Name{CommonName: strings.Repeat("x", 100_000)}),
		"names":      forge.Names(many...),
	} {
		cert := f.Sign(nil, change).Leaf()
		for _, mediaType := range []string{"text/html", "*/*", "application/json"} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			body := bodyOf(t, ask(&Handler{Now: clock}, stateOf(cert), http.MethodGet, "/", accepting(mediaType)))
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 20<<20 || len(body) > 20<<10 {
				t.Errorf("%s as %s: %d bytes of memory for an answer of %d", what, mediaType, used, len(body))
			}
		}
	}
}
