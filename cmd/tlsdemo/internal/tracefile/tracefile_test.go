package tracefile

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs/certstest"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// question and answer are what is said. No part of them stands in any text of ours.
const question, answer = "qzxj-vkwy?-4711-qzxj", "wyxq-8844-kzvj!-wyxq"

// pair are a server and a client that know each other, and tickets of both versions.
type pair struct{ server, client *tls.Config }

func newPair(t testing.TB, version uint16) pair {
	t.Helper()
	set := certstest.New(t)
	roots := x509.NewCertPool()
	roots.AddCert(set.CA.Certificate())
	return pair{
		server: &tls.Config{Certificates: []tls.Certificate{set.Server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots},
		client: &tls.Config{
			Certificates: []tls.Certificate{set.Client.TLS()}, RootCAs: roots, ServerName: "localhost", MaxVersion: version,
			ClientSessionCache: tls.NewLRUClientSessionCache(1),
		},
	}
}

// recorded are captures of the client of n connections, one after another, as a relay would have them: the ends
// do not know that they are recorded, and use tickets.
func (p pair) recorded(t testing.TB, n int) (captures []*trace.Capture) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() { serve(ln, p.server) })
	defer all.Wait()
	defer ln.Close()
	r := new(trace.Recorder)
	p.client.KeyLogWriter = r.KeyLog()
	for range n {
		plain, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		plain = r.Conn(plain, wire.Client)
		conn := tls.Client(plain, p.client)
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(conn, question)
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
		captures = append(captures, trace.Of(plain))
	}
	return captures
}

func serve(ln net.Listener, config *tls.Config) {
	for {
		plain, err := ln.Accept()
		if err != nil {
			return
		}
		conn := tls.Server(plain, config)
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(make([]byte, 100)); err == nil {
			_, _ = io.WriteString(conn, answer)
		}
		_ = conn.Close()
	}
}

// written is what Write writes.
func written(t testing.TB, name string, of Trace) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := Write(path, of); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// secret is something that must not be in a file that is shared.
type secret struct {
	what string
	data []byte
}

// secretsOf are all of some captures.
func secretsOf(t testing.TB, captures []*trace.Capture) (all []secret) {
	t.Helper()
	add := func(what string, data []byte) {
		if len(data) > 0 {
			all = append(all, secret{what, data})
		}
	}
	add("data", []byte(question))
	add("data", []byte(answer))
	for _, c := range captures {
		for line := range strings.Lines(string(c.KeyLog())) {
			words := strings.Fields(line)
			data, err := hex.DecodeString(words[2])
			if err != nil {
				t.Fatal(err)
			}
			add("secret", data)
		}
		messages := c.Conversation().Messages
		for i := range messages {
			m := &messages[i]
			for what, path := range map[string][]string{
				"ticket": {"ticket", "ticket"}, "old ticket": {"extensions", "session_ticket", "ticket"}, "session": {"session id", "session id"},
				"identity": {"extensions", "pre_shared_key", "identities", "identity", "identity"},
				"binder":   {"extensions", "pre_shared_key", "binders", "binder", "binder"},
			} {
				if f := m.Find(path...); f != nil && f.Length > 0 && len(f.Fields) == 0 {
					add(what, bytes.Clone(m.Bytes(f)))
				}
			}
		}
	}
	return all
}

// in reports whether a part of a secret is in a file, in any form that there is. Of what is longer than
// two parts, one is found wherever it begins.
func (s secret) in(file []byte) bool {
	const part = 6
	for i := part; i <= len(s.data); i += part {
		p := s.data[i-part : i]
		if len(bytes.Trim(p, "\x00")) == 0 {
			continue
		}
		if bytes.Contains(file, p) {
			return true
		}
		for _, form := range []string{"%x", "%X", "% x", "%q", "%+q", "%s", "%d", "%v"} {
			if bytes.Contains(file, fmt.Appendf(nil, form, p)) {
				return true
			}
		}
	}
	for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for skip := range min(3, len(s.data)) { // however the secret lies in what is encoded
			whole := s.data[skip:]
			text := code.EncodeToString(whole[:len(whole)/3*3])
			if len(text) >= 8 && bytes.Contains(file, []byte(text[:8])) {
				return true
			}
		}
	}
	return false
}

// What is shared has no secret in it, and what is not has every ticket and the data.
func TestShared(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		captures := newPair(t, version).recorded(t, 2)
		secrets := secretsOf(t, captures)
		kinds := make(map[string]bool)
		why := &console.Explanation{
			Code: "refused-in-http", Side: "client", Text: "the server says " + answer, AtFault: "client.crt",
			Hint: "tlsdemo send '" + question + "'", Certainty: "likely", Basis: "it said so", Error: "none",
		}
		of := Of(captures, wire.Client, why)
		of.Style.Bytes = true
		for end := range formats {
			if end == ".pcapng" { // which cannot be read without secrets
				of.Share = true
				path := filepath.Join(t.TempDir(), "trace"+end)
				if err := Write(path, of); err == nil {
					t.Errorf("%s was written", path)
				}
				continue
			}
			of.Share = false
			open := written(t, "trace"+end, of)
			of.Share = true
			shared := written(t, "trace"+end, of)
			for _, s := range secrets {
				if s.in(shared) {
					t.Errorf("%s, %s: there is a part of a %s: %x", tls.VersionName(version), end, s.what, s.data)
				}
				kinds[s.what] = true
				if s.what != "secret" && !s.in(open) {
					t.Errorf("%s, %s: the test would not find a %s: %q", tls.VersionName(version), end, s.what, s.data)
				}
			}
			for _, stays := range []string{"localhost", "CN=client", "client.crt", "refused-in-http", "left out"} {
				if !bytes.Contains(shared, []byte(stays)) {
					t.Errorf("%s, %s: %q is not there", tls.VersionName(version), end, stays)
				}
			}
		}
		want := []string{"data", "secret", "ticket", "session"}
		if version == tls.VersionTLS13 {
			want = append(want, "identity", "binder")
		} else {
			want = append(want, "old ticket")
		}
		for _, kind := range want {
			if !kinds[kind] {
				t.Errorf("%s: no %s was looked for", tls.VersionName(version), kind)
			}
		}
	}
}

// message is a message of a handshake, in a record of its own.
func message(from wire.Side, kind byte, body []byte) wire.Chunk {
	n := len(body)
	data := slices.Concat([]byte{22, 3, 3, byte((n + 4) >> 8), byte(n + 4), kind, 0, byte(n >> 8), byte(n)}, body)
	return wire.Chunk{From: from, Data: data}
}

// extension is a list of extensions, with its length, that has one in it.
func extension(kind int, body []byte) []byte {
	n := len(body)
	return append([]byte{byte((n + 4) >> 8), byte(n + 4), byte(kind >> 8), byte(kind), byte(n >> 8), byte(n)}, body...)
}

// hello offers a suite, or chooses it. The list of extensions may be missing.
func hello(from wire.Side, session []byte, suite int, extensions []byte) wire.Chunk {
	body := slices.Concat([]byte{3, 3}, bytes.Repeat([]byte("r"), 32), []byte{byte(len(session))}, session)
	if from == wire.Client {
		return message(from, wire.ClientHello, slices.Concat(body, []byte{0, 2, byte(suite >> 8), byte(suite), 1, 0}, extensions))
	}
	return message(from, wire.ServerHello, slices.Concat(body, []byte{byte(suite >> 8), byte(suite), 0}, extensions))
}

// What opens, resumes or repeats a connection, and what is not understood, is left out wherever it
// stands; what says who an end is, and what it can do, stays.
func TestSharedParts(t *testing.T) {
	const client, server = wire.Client, wire.Server
	secret, length := secret{"part", []byte(question)}, byte(len(question))
	ofOne, ofTwo := append([]byte{length}, question...), append([]byte{0, length}, question...)
	chosen13 := hello(server, nil, 0x1301, extension(43, []byte{3, 4}))
	for name, test := range map[string]struct {
		out    bool
		chunks []wire.Chunk
	}{
		"session id":           {true, []wire.Chunk{hello(client, []byte(question), 0x1301, nil)}},
		"cookie":               {true, []wire.Chunk{hello(client, nil, 0x1301, extension(44, ofTwo))}},
		"old ticket":           {true, []wire.Chunk{hello(client, nil, 0x1301, extension(35, []byte(question)))}},
		"unknown extension":    {true, []wire.Chunk{hello(client, nil, 0x1301, extension(4711, []byte(question)))}},
		"cut extension":        {true, []wire.Chunk{hello(client, nil, 0x1301, extension(0, []byte(question))[:20])}},
		"rest of an extension": {true, []wire.Chunk{hello(client, nil, 0x1301, extension(28, append([]byte{0, 0}, question...)))}},
		"too many fields":      {true, []wire.Chunk{hello(client, nil, 0x1301, slices.Concat([]byte{0x3e, 0x80 + 4 + length}, make([]byte, 16000), extension(4711, []byte(question))[2:]))}},
		"unknown message":      {true, []wire.Chunk{message(client, 99, []byte(question))}},
		"settings":             {true, []wire.Chunk{chosen13, message(server, wire.EncryptedExtensions, extension(17613, []byte(question)))}},
		"ticket":               {true, []wire.Chunk{chosen13, message(server, wire.NewSessionTicket, slices.Concat(make([]byte, 9), ofTwo, []byte{0, 0}))}},
		"nonce of a ticket":    {true, []wire.Chunk{chosen13, message(server, wire.NewSessionTicket, slices.Concat(make([]byte, 8), ofOne, make([]byte, 4)))}},
		"encrypted secret":     {true, []wire.Chunk{hello(server, nil, 0x009c, nil), message(client, wire.ClientKeyExchange, ofTwo)}},
		"unknown key exchange": {true, []wire.Chunk{hello(server, nil, 0x00a8, nil), message(client, wire.ClientKeyExchange, ofTwo)}},
		"data":                 {true, []wire.Chunk{{Data: slices.Concat([]byte{23, 3, 3, 0, length}, []byte(question))}}},
		"another protocol":     {true, []wire.Chunk{{Data: []byte("USER " + question + "\r\n")}}},
		"before TLS":           {true, []wire.Chunk{{Data: []byte("USER " + question + "\r\n")}, hello(client, nil, 0x1301, nil)}},
		"name":                 {false, []wire.Chunk{hello(client, nil, 0x1301, extension(0, slices.Concat([]byte{0, length + 3, 0}, ofTwo)))}},
		"public key":           {false, []wire.Chunk{hello(server, nil, 0xc02b, nil), message(client, wire.ClientKeyExchange, ofOne)}},
		"protocol":             {false, []wire.Chunk{hello(client, nil, 0x1301, extension(16, slices.Concat([]byte{0, length + 1}, ofOne)))}},
	} {
		of := Of([]*trace.Capture{{Chunks: test.chunks}}, client, nil)
		of.Style.Bytes = true
		found := false // of very many fields a page shows most
		for _, end := range []string{".html", ".json", ".txt"} {
			of.Share = false
			found = secret.in(written(t, "trace"+end, of)) || found
			of.Share = true
			shared := written(t, "trace"+end, of)
			if says := regexp.MustCompile(`"shared": ?true`).Match(shared); says != (end == ".json") {
				t.Errorf("%s: it says that it is shared: %t", end, says)
			}
			if got := !secret.in(shared); got != test.out {
				t.Errorf("%s, %s: left out: %t, want %t", name, end, got, test.out)
			}
			if bytes.Contains(shared, bytes.Repeat([]byte("00"), len(question))) || bytes.Contains(shared, bytes.Repeat([]byte("00 "), 8)) {
				t.Errorf("%s, %s: what is left out stands there as zeros", name, end)
			}
		}
		if !found {
			t.Errorf("%s: the test would not find it", name)
		}
		for _, act := range of.Stories[0].Shared().Acts {
			for _, step := range act.Steps {
				if test.out && bytes.Contains(step.Message.Raw, secret.data) {
					t.Errorf("%s: the message itself is %q", name, step.Message.Raw)
				}
			}
		}
	}
}

// A command to type may have in it what was to be said, and was not.
func TestSharedHint(t *testing.T) {
	for hint, stays := range map[string]bool{
		"tlsdemo certs renew client --dir=set":                      true,
		"at the server: tlsdemo serve --reply='" + answer + "'":     false,
		"tlsdemo send --http=/?token=" + question:                   false,
		"tlsdemo certs init, then: tlsdemo send '" + question + "'": false,
	} {
		story := &ladder.Story{Explained: &console.Explanation{Hint: hint}}
		if got := story.Shared().Explained.Hint; got == hint != stays || !stays && got != "" {
			t.Errorf("%q has become %q", hint, got)
		}
	}
}

// An explanation is not to repeat what was said, but may have a few letters in common with it.
func TestSharedTexts(t *testing.T) {
	step := ladder.Step{Message: &wire.Message{Content: wire.ApplicationData, Raw: []byte("qzvw\x00" + question), Tail: []byte(answer)}}
	acts := []ladder.Act{{Steps: []ladder.Step{step}}}
	for text, out := range map[string]bool{
		"all of four letters: qzvw":              true,
		"three of them: qzv":                     false,
		"the last eight: " + question[12:]:       true,
		"the first eight: " + answer[:8] + ".":   true,
		"seven in the middle: " + answer[4:11]:   false,
		"tlsdemo certs issue --name=" + question: true,
	} {
		e := &console.Explanation{Text: text, AtFault: text, Hint: text, Basis: text, Error: text}
		s := &ladder.Story{Acts: acts, Explained: e}
		got := s.Shared().Explained
		for _, is := range []string{got.Text, got.AtFault, got.Hint, got.Basis, got.Error} {
			if (is != text) != out {
				t.Errorf("%q has become %q", text, is)
			}
		}
	}
}

// A story that is shared is a copy.
func TestSharedCopies(t *testing.T) {
	of := Of(newPair(t, tls.VersionTLS13).recorded(t, 1), wire.Client, nil)
	var before, after bytes.Buffer
	style := ladder.Style{Bytes: true}
	before.Write(of.Ladders(style))
	of.Stories[0].Shared()
	after.Write(of.Ladders(style))
	if !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Error("the story itself has changed")
	}
}

// JSON is as the schema says, whatever was said.
func TestSchema(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal([]byte(Schema), &schema); err != nil {
		t.Fatal(err)
	}
	v := &validator{root: schema}
	for name, of := range traces(t) {
		for _, share := range []bool{false, true} {
			of.Share = share
			var value any
			if err := json.Unmarshal(written(t, "trace.json", of), &value); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range v.check("", schema, value) {
				t.Errorf("%s: %s", name, wrong)
			}
		}
	}
	for _, part := range []string{"fields", "left_out", "explanation", "key", "faults", "hex"} {
		if !v.seen[part] {
			t.Errorf("no trace has any %s", part)
		}
	}
}

// traces are those of several kinds of connections.
func traces(t *testing.T) map[string]Trace {
	t.Helper()
	old, stranger, huge := newPair(t, tls.VersionTLS12), newPair(t, tls.VersionTLS13), new(trace.Capture)
	stranger.client.Certificates = nil
	hello := slices.Concat([]byte{3, 3}, make([]byte, 33), []byte{0, 2, 0x13, 1, 1, 0, 64000 >> 8, 64000 & 0xff})
	for i := range 16000 {
		hello = append(hello, 0x7f, byte(i), 0, 0)
	}
	hello = append([]byte{1, 0, byte(len(hello) >> 8), byte(len(hello))}, hello...)
	for len(hello) > 0 {
		n := min(len(hello), 1<<14)
		huge.Chunks = append(huge.Chunks, wire.Chunk{Data: append([]byte{22, 3, 1, byte(n >> 8), byte(n)}, hello[:n]...)})
		hello = hello[n:]
	}
	foreign := &trace.Capture{Chunks: []wire.Chunk{{Data: []byte("GET / HTTP/1.0\r\n\r\n")}}}
	cut := &trace.Capture{Chunks: []wire.Chunk{{Data: []byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 3}}}}
	why := &console.Explanation{Code: "client-cert-missing", Side: "client", Text: "text", Error: "error"}
	return map[string]Trace{
		"TLS 1.2":     Of(old.recorded(t, 2), wire.Client, nil),
		"TLS 1.3":     Of(newPair(t, tls.VersionTLS13).recorded(t, 2), wire.Client, nil),
		"refused":     Of(stranger.recorded(t, 1), wire.Client, why),
		"not TLS":     Of([]*trace.Capture{foreign}, wire.Client, nil),
		"faulty":      Of([]*trace.Capture{cut}, wire.Client, nil),
		"large hello": Of([]*trace.Capture{huge}, wire.Client, nil),
	}
}

// validator checks a value against as much of JSON Schema as the schema uses.
type validator struct {
	root map[string]any
	seen map[string]bool // the properties that there were
}

func (v *validator) check(at string, schema map[string]any, value any) (wrong []string) {
	if v.seen == nil {
		v.seen = make(map[string]bool)
	}
	if ref, ok := schema["$ref"].(string); ok {
		defs := v.root["$defs"].(map[string]any)
		return v.check(at, defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), value)
	}
	for key := range schema {
		if !strings.Contains(" $schema $defs title description type required additionalProperties properties items enum const minimum anyOf ", " "+key+" ") {
			wrong = append(wrong, "the test does not know "+key)
		}
	}
	if either, ok := schema["anyOf"].([]any); ok {
		for _, one := range either {
			if wrong = v.check(at, one.(map[string]any), value); len(wrong) == 0 {
				return nil
			}
		}
		return wrong
	}
	if want, ok := schema["const"]; ok && want != value {
		wrong = append(wrong, fmt.Sprintf("%s: %v", at, value))
	}
	if all, ok := schema["enum"].([]any); ok && !strings.Contains(fmt.Sprint(all), fmt.Sprint(value)) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, value, all))
	}
	if kind, ok := schema["type"].(string); ok && !is(kind, value) {
		return append(wrong, fmt.Sprintf("%s: %T is no %s", at, value, kind))
	}
	if least, ok := schema["minimum"].(float64); ok && value.(float64) < least {
		wrong = append(wrong, fmt.Sprintf("%s: %v", at, value))
	}
	switch value := value.(type) {
	case []any:
		items := schema["items"].(map[string]any)
		for i, item := range value {
			wrong = append(wrong, v.check(fmt.Sprintf("%s[%d]", at, i), items, item)...)
		}
	case map[string]any:
		wrong = append(wrong, v.object(at, schema, value)...)
	}
	return wrong
}

func (v *validator) object(at string, schema map[string]any, value map[string]any) (wrong []string) {
	properties := schema["properties"].(map[string]any)
	for _, name := range schema["required"].([]any) {
		if _, ok := value[name.(string)]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s has no %s", at, name))
		}
	}
	for name, inside := range value {
		property, ok := properties[name].(map[string]any)
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s: nothing is said of %s", at, name))
			continue
		}
		v.seen[name] = true
		wrong = append(wrong, v.check(at+"."+name, property, inside)...)
	}
	return wrong
}

func is(kind string, value any) bool {
	switch value := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && value == float64(int64(value))
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

// A hello of 64 KiB that consists of empty extensions does not become a file of megabytes, and the
// file says what is left out.
func TestBounded(t *testing.T) {
	data := written(t, "trace.json", traces(t)["large hello"])
	if len(data) > 200<<10 {
		t.Errorf("%d bytes", len(data))
	}
	var got struct {
		Conversations []struct {
			Acts []struct {
				Steps []struct {
					LeftOut *struct{ Fields, Bytes int } `json:"left_out"`
				}
			}
		}
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	left := got.Conversations[0].Acts[0].Steps[0].LeftOut
	if left == nil || left.Fields < 1000 || left.Bytes < 30000 {
		t.Errorf("%+v", left)
	}
}

// A file is its owner's alone, and no other is written over, not even one that a link leads to.
func TestWriteNew(t *testing.T) {
	of := Of(newPair(t, tls.VersionTLS13).recorded(t, 1), wire.Client, nil)
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "trace.json")
	if err := Write(path, of); err != nil {
		t.Fatal(err)
	}
	for _, taken := range []string{path, filepath.Join(dir, "link.json")} {
		if err := Write(taken, of); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", taken, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 2 {
		t.Errorf("%q", names)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".*")); len(hidden) != 0 {
		t.Errorf("%q", hidden)
	}
}

// A directory keeps the newest, however many come at once, and what is not ours.
func TestDirKeepsNewest(t *testing.T) {
	of := Of([]*trace.Capture{{Chunks: []wire.Chunk{{Data: []byte("GET / HTTP/1.0\r\n\r\n")}}}}, wire.Client, nil)
	d := &Dir{Path: filepath.Join(t.TempDir(), "traces")}
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	letters := []string{"0.html", "2029-report.html", "20290102T030405.000Z-000001-ok.txt", "old-20290102T030405.000Z-000001-ok.html"}
	for _, name := range letters {
		if err := os.WriteFile(filepath.Join(d.Path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	var all sync.WaitGroup
	for i := range 3 * Newest {
		all.Go(func() {
			if _, err := d.Add(of, began.Add(time.Duration(i)*time.Millisecond)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	again := &Dir{Path: d.Path} // which begins to count anew
	if _, err := again.Add(of, began.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(d.Path, "2030*"))
	if len(names) != Newest || filepath.Base(names[0])[:19] != "20300102T030405.201" {
		t.Errorf("%d files, the first is %s", len(names), names[0])
	}
	for _, name := range letters {
		if _, err := os.Stat(filepath.Join(d.Path, name)); err != nil {
			t.Error(err)
		}
	}
}

// Pages sort by when the connections began, and are named by how they ended.
func TestDirNames(t *testing.T) {
	began := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	data := func(from wire.Side) ladder.Step {
		return ladder.Step{From: from, Message: &wire.Message{From: from, Content: wire.ApplicationData}}
	}
	d := &Dir{Path: t.TempDir()}
	both := []ladder.Act{{Steps: []ladder.Step{data(wire.Client), data(wire.Server)}}}
	var want []string
	for i, test := range []struct {
		story *ladder.Story
		code  string
		want  string
	}{
		{&ladder.Story{Acts: both}, "", "ok"},
		{&ladder.Story{Acts: []ladder.Act{{Steps: both[0].Steps[:1]}}}, "", "ended"},
		{&ladder.Story{Acts: both, Ending: ladder.Ending{Kind: ladder.Cut}}, "", "broken-off"},
		{&ladder.Story{Ending: ladder.Ending{Kind: ladder.Refused}}, "", "refused"},
		{&ladder.Story{Ending: ladder.Ending{Kind: ladder.Refused}}, "client-cert-expired", "client-cert-expired"},
	} {
		at := began.Add(-time.Duration(i) * time.Microsecond).In(time.FixedZone("", i*3600)) // where it is another hour
		name, err := d.Add(Trace{Stories: []*ladder.Story{test.story}, Code: test.code}, at)
		if err != nil || !strings.HasSuffix(name, fmt.Sprintf("Z-%06d-%s.html", i+1, test.want)) {
			t.Errorf("%s, %v; want %s", name, err, test.want)
		}
		want = append([]string{name}, want...) // it began before the others
	}
	names, _ := filepath.Glob(filepath.Join(d.Path, "*"))
	for i, path := range names {
		if filepath.Base(path) != want[i] {
			t.Errorf("%s, want %s", path, want[i])
		}
	}
}

// Of a directory that others can change, and so the pages in it, that is said, whether or not there
// are secrets in them.
func TestWarnings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	dir := t.TempDir()
	for _, test := range []struct {
		mode  os.FileMode
		share bool
		want  int
	}{{0o700, false, 1}, {0o755, false, 1}, {0o777, false, 2}, {0o720, true, 1}, {0o700, true, 0}} {
		if err := os.Chmod(dir, test.mode); err != nil {
			t.Fatal(err)
		}
		flags := &Flags{To: dir, Share: test.share}
		warnings := flags.Warnings()
		if len(warnings) != test.want || strings.Contains(strings.Join(warnings, "\n"), "set its mode to 0700") != (test.mode&0o022 != 0) {
			t.Errorf("mode %o, share %v: %q", test.mode, test.share, warnings)
		}
	}
}
