package shape_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/shape"
)

// pemOf is a block as OpenSSL writes it.
func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

const certificate = "CERTIFICATE"

// What is clear is read, byte by byte what it was, whatever the block's surroundings are.
func TestBlocksAreRead(t *testing.T) {
	der := bytes.Repeat([]byte("0123456789abcdef"), 10)
	one := pemOf(certificate, der)
	for name, test := range map[string]struct {
		text    string
		blocks  int
		unusual int
	}{
		"as OpenSSL writes it":     {one, 1, 0},
		"two":                      {one + one, 2, 0},
		"text in between":          {"subject=CN=a\n" + one + "\n\n# THE END of it\n--- END OF THE FIRST PART ---\n" + one, 2, 0},
		"a byte order mark":        {"\xef\xbb\xbf" + one, 1, 1},
		"Windows line ends":        {strings.ReplaceAll(one, "\n", "\r\n"), 1, 0},
		"line ends of the old Mac": {strings.ReplaceAll(one, "\n", "\r"), 1, 2},
		"no line ends":             {strings.ReplaceAll(one, "\n", ""), 1, 2},
		"spaces for line ends":     {strings.ReplaceAll(one, "\n", " "), 1, 2},
		"blocks run together":      {strings.TrimSpace(one) + one, 2, 2},
		"indented":                 {"key: |\n    " + strings.ReplaceAll(strings.TrimSpace(one), "\n", "\n    "), 1, 2},
		"in quotes":                {`"` + strings.TrimSpace(one) + `"`, 1, 2},
		"empty lines":              {strings.ReplaceAll(one, "\n", "\n\n"), 1, 0},
		"a header":                 {strings.Replace(one, "\n", "\nComment: none\n\n", 1), 1, 0},
		"another label":            {strings.ReplaceAll(one, certificate, "TRUSTED CERTIFICATE"), 1, 0},
	} {
		blocks, unusual := shape.Blocks([]byte(test.text))
		if len(blocks) != test.blocks || len(unusual) != test.unusual {
			t.Errorf("%s: %d blocks, want %d; unusual: %q, want %d", name, len(blocks), test.blocks, unusual, test.unusual)
		}
		for _, block := range blocks {
			if block.Err != nil || !bytes.Equal(block.Bytes, der) {
				t.Errorf("%s: error %v, %d bytes", name, block.Err, len(block.Bytes))
			}
		}
	}
}

// What cannot be read is returned with what is wrong, and what follows is read.
func TestBlocksAreNeverDropped(t *testing.T) {
	one, after := pemOf(certificate, make([]byte, 100)), pemOf("X509 CRL", []byte("after"))
	for name, test := range map[string]struct{ text, want string }{
		"four hyphens":      {strings.Replace(one, "-----BEGIN", "----BEGIN", 1), `line 1 has "----BEGIN CERTIFICATE-----", and this has to be "-----BEGIN CERTIFICATE-----"`},
		"six":               {strings.Replace(one, "-----END", "------END", 1), `line 5 has "------END CERTIFICATE-----"`},
		"a dash":            {strings.Replace(one, "-----BEGIN", "—BEGIN", 1), `line 1 has "—BEGIN CERTIFICATE-----"`},
		"in a quotation":    {strings.Replace(one, "-----BEGIN", "> ----BEGIN", 1), `line 1 has "----BEGIN CERTIFICATE-----"`},
		"a space":           {strings.Replace(one, "-----BEGIN", "----- BEGIN", 1), `line 1 has "----- BEGIN CERTIFICATE-----"`},
		"no END":            {strings.Replace(one, "-----END CERTIFICATE-----\n", "", 1), "BEGIN CERTIFICATE has no END: the file is cut off"},
		"no BEGIN":          {strings.Replace(one, "-----BEGIN CERTIFICATE-----\n", "", 1), "there is END CERTIFICATE, but no BEGIN before it"},
		"another END":       {strings.Replace(one, "END CERTIFICATE", "END X509 CERTIFICATE", 1), "a block begins as CERTIFICATE and ends as X509 CERTIFICATE"},
		"a damaged line":    {strings.Replace(one, "AAAA\n", "A!AA\n", 1), `line 2 is damaged: "!" is not a character of base64`},
		"a quoted line":     {strings.Replace(one, "\n", "\n> ", 1), `line 2 is damaged: ">" is not a character of base64`},
		"a letter too few":  {strings.Replace(one, "AAAA\n", "AAA\n", 1), "its base64 is damaged or incomplete"},
		"a line without an": {strings.Replace(one, "AAAA\n", "AAé\n", 1), `line 2 is damaged: "é" is not a character of base64`},
	} {
		blocks, unusual := shape.Blocks([]byte(test.text + after))
		if len(unusual) > 0 { // it is broken, and that is enough
			t.Errorf("%s: unusual: %q", name, unusual)
		}
		if len(blocks) != 2 || string(blocks[1].Bytes) != "after" {
			t.Errorf("%s: %d blocks: %+v", name, len(blocks), blocks)
			continue
		}
		if got := blocks[0]; got.Err == nil || !strings.Contains(got.Err.Error(), test.want) || got.Bytes != nil {
			t.Errorf("%s: error %v, want %q", name, got.Err, test.want)
		}
	}
}

func TestBlocksSayWhichIsEncrypted(t *testing.T) {
	locked := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	blocks, _ := shape.Blocks([]byte("\n\n" + locked + pemOf(certificate, []byte("x"))))
	if len(blocks) != 2 || !blocks[0].Encrypted || blocks[0].Line != 3 || blocks[1].Encrypted || blocks[1].Line != 9 {
		t.Errorf("%+v", blocks)
	}
}

func utf16le(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Each format is told from all others, and none of them from what can be read.
func TestRecognize(t *testing.T) {
	set := certstest.New(t)
	cert := string(set.Server.CertPEM())
	der := string(set.Server.Leaf().Raw)
	for want, datas := range map[string][]string{
		"":                           {cert, der, "", "certs? what certs?", strings.ReplaceAll(cert, "\n", "\r\n"), "0", "AAAA"},
		"a Java keystore (JKS)":      {"\xfe\xed\xfe\xed\x00\x00\x00\x02"},
		"text in UTF-16, as Windows": {"\xff\xfe" + utf16le(cert), utf16le(cert)},
		`PEM in which \n is written`: {strings.ReplaceAll(cert, "\n", `\n`), `{"certificate":"` + strings.ReplaceAll(cert, "\n", `\n`) + `"}`},
		"a PEM file that was encoded in base64 once more": {base64Of(cert), base64Of(cert) + "\n"},
		"base64 without the lines BEGIN":                  {base64Of(der), regexp.MustCompile("-.*-\n").ReplaceAllString(cert, "")},
		"a Kubernetes Secret in YAML":                     {secret(cert)},
		"a Kubernetes Secret in JSON":                     {`{"kind": "Secret", "data": {"tls.crt": "` + base64Of(cert) + `"}}`},
		"a kubeconfig":                                    {kubeconfig(cert)},
		"an HTML page":                                    {"<!DOCTYPE html>\n<html>", "\n<HTML>"},
		"the text of a certificate":                       {"Certificate:\n    Data:\n        Version: 3 (0x2)\n"},
		"an SSH public key":                               {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI somebody"},
		"a ZIP archive":                                   {"PK\x03\x04rest"},
		"an SQLite database":                              {"SQLite format 3\x00"},
		"a JSON Web Key":                                  {`{"kty": "EC"}`},
		"a pointer of Git LFS":                            {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"},
		"a private key of PuTTY":                          {"PuTTY-User-Key-File-3: ssh-ed25519"},
	} {
		for _, data := range datas {
			got := ""
			if format := shape.Recognize([]byte(data)); format != nil {
				got = format.Name
			}
			if !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%.40q is %q, want %q", data, got, want)
			}
		}
	}
}

func secret(cert string) string {
	return "apiVersion: v1\nkind: Secret\ndata:\n  ca.crt: " + base64Of(cert) + "\n  tls.crt: \"" + base64Of(cert) + "\"\n  tls.key: " + base64Of(cert) + "\n"
}

func kubeconfig(cert string) string {
	return "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: " + base64Of(cert) +
		"\n  name: c\nusers:\n- name: u\n  user:\n    client-certificate-data: " + base64Of(cert) + "\n    client-key-data: " + base64Of(cert) + "\n"
}

// maker makes a file of a format out of cert.pem, key.pem and ca.pem, where there are the
// programs for it.
type maker struct {
	name     string
	programs []string
	command  string
	uses     []shape.Use
}

var all = []shape.Use{shape.Certificate, shape.Key, shape.Trust}

var makers = []maker{
	{"PKCS#12", []string{"openssl"}, "openssl pkcs12 -export -in cert.pem -inkey key.pem -certfile ca.pem -passout pass:secret -out f", all},
	{"JKS", []string{"openssl", "keytool"}, "openssl pkcs12 -export -in cert.pem -inkey key.pem -certfile ca.pem -name n -passout pass:secret -out f.p12 && keytool -importkeystore -srckeystore f.p12 -srcstorepass secret -destkeystore f -deststoretype jks -deststorepass secret", all},
	{"PKCS#7 in DER", []string{"openssl"}, "openssl crl2pkcs7 -nocrl -certfile cert.pem -certfile ca.pem -outform DER -out f", all[:1]},
	{"UTF-16", []string{"iconv"}, "iconv -f UTF-8 -t UTF-16 cert.pem >f", all[:1]},
	{"UTF-16LE", []string{"iconv"}, "iconv -f UTF-8 -t UTF-16LE key.pem >f", all[1:2]},
	{"base64", []string{"openssl"}, "openssl base64 -A -in cert.pem -out f", all[:1]},
	{"base64 in lines", []string{"openssl"}, "openssl base64 -in cert.pem -out f", all[:1]},
	{"no BEGIN", []string{"openssl"}, "grep -v CERTIFICATE cert.pem >f", all[:1]},
	{`literal \n`, []string{"awk"}, `awk '{printf "%s\\n", $0}' key.pem >f`, all[1:2]},
	{"Secret", []string{"openssl", "kubectl"}, "kubectl create secret generic s --dry-run=client -o yaml --from-file=tls.crt=cert.pem --from-file=tls.key=key.pem --from-file=ca.crt=ca.pem >f", all},
	{"Secret in JSON", []string{"openssl", "kubectl", "jq"}, "kubectl create secret generic s --dry-run=client -o json --from-file=tls.crt=cert.pem --from-file=tls.key=key.pem --from-file=ca.crt=ca.pem >f", all},
	{"kubeconfig", []string{"openssl", "kubectl"}, "kubectl --kubeconfig=f config set-cluster c --certificate-authority=ca.pem --embed-certs && kubectl --kubeconfig=f config set-credentials u --client-certificate=cert.pem --client-key=key.pem --embed-certs", all},
	{"gzip", []string{"gzip"}, "gzip -c cert.pem >f", all[:1]},
}

// The commands that convert are run, and what comes out can be read and is what went in.
func TestConvert(t *testing.T) {
	for _, m := range makers {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dir, set := t.TempDir(), certstest.New(t)
			needs(t, append(m.programs, "sh")...)
			key, err := set.Server.KeyPEM()
			if err != nil {
				t.Fatal(err)
			}
			put(t, dir, "cert.pem", set.Server.CertPEM())
			put(t, dir, "key.pem", key)
			put(t, dir, "ca.pem", set.CA.Pair().CertPEM())
			shell(t, dir, m.command)
			data := get(t, dir, "f")
			format := shape.Recognize(data)
			if format == nil {
				t.Fatalf("not recognized: %.80q", data)
			}
			for _, use := range m.uses {
				convert(t, dir, format, use, set)
			}
		})
	}
}

func convert(t *testing.T, dir string, format *shape.Format, use shape.Use, set *certstest.Set) {
	t.Helper()
	out := "out" + string(rune('0'+int(use)))
	command := format.Convert(use, "f", out)
	if command == "" {
		t.Fatalf("%s, use %d: no command", format.Name, use)
	}
	shell(t, dir, command)
	data := get(t, dir, out)
	if use == shape.Key {
		if key, err := certs.ParseKey(data); err != nil || !set.Server.Key.Public().(*ecdsa.PublicKey).Equal(key.Public()) {
			t.Errorf("%s: %v", command, err)
		}
		if info, err := os.Stat(filepath.Join(dir, out)); err != nil || info.Mode().Perm()&0o077 != 0 && !strings.Contains(command, "base64") {
			t.Errorf("%s: mode %v, error %v", command, info.Mode(), err)
		}
		return
	}
	want := set.Server.Leaf()
	if use == shape.Trust {
		want = set.CA.Certificate()
	}
	bundle, err := certs.ParseBundle(data)
	if err != nil || !slices.ContainsFunc(bundle.Certs, want.Equal) {
		t.Errorf("%s: %v", command, err)
	}
}

// Keys of OpenSSH are converted by ssh-keygen, but for one type.
func TestConvertOpenSSH(t *testing.T) {
	needs(t, "sh", "ssh-keygen")
	for kind, can := range map[string]bool{"rsa": true, "ecdsa": true, "ed25519": false} {
		dir := t.TempDir()
		shell(t, dir, "ssh-keygen -q -t "+kind+" -N '' -f f")
		blocks, _ := shape.Blocks(get(t, dir, "f"))
		format := shape.OfBlock(&blocks[0])
		command := format.Convert(shape.Key, "f", "out")
		if (command != "") != can {
			t.Errorf("%s: command %q", kind, command)
		}
		if can {
			shell(t, dir, command)
			if _, err := certs.ParseKey(get(t, dir, "out")); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

// PKCS#7 in PEM is a block of its own.
func TestConvertPKCS7(t *testing.T) {
	needs(t, "sh", "openssl")
	dir, set := t.TempDir(), certstest.New(t)
	put(t, dir, "cert.pem", set.Server.CertPEM())
	shell(t, dir, "openssl crl2pkcs7 -nocrl -certfile cert.pem -out f")
	blocks, _ := shape.Blocks(get(t, dir, "f"))
	convert(t, dir, shape.OfBlock(&blocks[0]), shape.Certificate, set)
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
}

// shell runs commands, and answers each that asks for a passphrase.
func shell(t *testing.T, dir, commands string) {
	t.Helper()
	for command := range strings.SplitSeq(commands, " && ") {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("secret\nsecret\nsecret\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
}

func put(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever is read, nothing is lost: what encoding/pem finds is found.
func FuzzBlocks(f *testing.F) {
	f.Add([]byte(pemOf(certificate, []byte("hello"))))
	f.Add([]byte("-----BEGIN X-----\nA: b\n\nAAAA\n-----END X----------BEGIN X-----\n-----END X-----"))
	f.Add([]byte("kind: Secret\ndata:\n  tls.crt: AAAA\n"))
	f.Add([]byte("\xff\xfe-\x00"))
	f.Add([]byte{0x30, 0x80, 2, 1, 3, 0x30, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, _ := shape.Blocks(data)
		for _, block := range blocks {
			if block.Err != nil && block.Bytes != nil || block.Line < 1 {
				t.Errorf("%+v", block)
			}
			shape.OfBlock(&block)
		}
		if block, _ := pem.Decode(data); block != nil && isLabel(block.Type) && !slices.ContainsFunc(blocks, func(b shape.Block) bool { return b.Type == block.Type }) {
			t.Errorf("encoding/pem finds %q", block.Type)
		}
		if format := shape.Recognize(data); format != nil && format.Name == "" {
			t.Error("a format without a name")
		}
	})
}

func isLabel(label string) bool {
	return label == certificate || label == "PRIVATE KEY" || label == "X509 CRL"
}

// Work grows with the file and no faster, whatever is in it.
func TestLargeFiles(t *testing.T) {
	const size = 1 << 16 // the race detector makes it many times slower
	for _, part := range []string{
		"-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n", "----BEGIN KEY", "-", "BEGIN ", "\n", "A", " ", "\x00", "\x30\x80",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "kind: Secret\n a: b\n", "<!doctype", `-----\n`, "  a: AAAA\n",
	} {
		data := bytes.Repeat([]byte(part), size/len(part))
		start := time.Now()
		shape.Blocks(data)
		shape.Recognize(data)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%q, %d bytes of it: %v", part, size, took)
		}
	}
}
