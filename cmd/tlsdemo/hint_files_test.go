package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/elliptic"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/retype"
)

// hintOf runs a command in this process, and returns its hint.
func hintOf(t *testing.T, line, stdin string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	run(ctx, &cli.Env{Stdin: strings.NewReader(stdin), Stdout: io.Discard, Stderr: &stderr, Now: time.Now}, strings.Fields(line))
	if found := hintLine.FindStringSubmatch(stderr.String()); found != nil {
		return found[1]
	}
	return ""
}

// Where the current directory cannot be filled, its name is used from above. Without a home there
// is no directory at all.
func TestHintFromHere(t *testing.T) {
	here := filepath.Join(t.TempDir(), "here")
	if err := os.Mkdir(here, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(here)
	for line, want := range map[string]string{
		"certs init --dir=.":                         "cd .. && tlsdemo certs init --dir=here",
		"certs init --dir=../here --name=a.internal": "cd .. && tlsdemo certs init --dir=here --name=a.internal",
	} {
		if got := hintOf(t, line, ""); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	for _, variable := range []string{"TLSDEMO_DIR", "HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(variable, "")
	}
	if got := hintOf(t, "send", ""); got != "" {
		t.Errorf("without a home: %s", got)
	}
}

// inUTF16 is a text as Windows PowerShell writes it.
func inUTF16(text []byte) string {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

// layOut writes what the rows of TestHintForFiles are about into the current directory.
func layOut(t *testing.T) {
	t.Helper()
	f := certstest.Forge(t)
	set := f.Set()
	for _, dir := range []string{"set", "half", "keyless", "signer"} {
		if err := certs.Dir(dir).Create(set); err != nil {
			t.Fatal(err)
		}
	}
	corporate := f.Sign(nil, forge.CA("corporate CA"))
	server := f.Sign(corporate, forge.ForServers, forge.Names("localhost"))
	client := f.Sign(corporate, forge.ForClients, forge.Names("client.localhost"))
	odd := f.Sign(corporate, forge.ForClients, forge.Curve(elliptic.P224()))
	key := func(p *certs.Pair) string {
		data, err := p.KeyPEM()
		f.Fail(err)
		return string(data)
	}
	ca, serverPEM, clientPEM := string(corporate.CertPEM()), string(server.CertPEM()), string(client.CertPEM())
	for path, text := range map[string]string{
		"half/client.crt":   "garbage",
		"theirs/ca.crt":     ca,
		"theirs/client.crt": clientPEM, "theirs/client.key": key(server), "theirs/good.key": key(client),
		"theirs/server.crt": serverPEM, "theirs/server.key": key(server),
		"mk/rootCA.pem":    ca,
		"mk/localhost.pem": serverPEM, "mk/localhost-key.pem": key(server),
		"mk/localhost-client.pem": clientPEM, "mk/localhost-client-key.pem": key(client),
		"secret/tls.crt": serverPEM, "secret/tls.key": key(server),
		"cas/a.crt": ca, "cas/b.pem": ca,
		"alone/client.crt": clientPEM,
		"full/a.txt":       "text", "full/beside-tlsdemo/a.txt": "text",
		"odd/client.crt": string(odd.CertPEM()), "odd/client.key": key(odd),
		"order.crt": ca + clientPEM, "order.key": key(client),
		"empty.crt": "", "garbage.crt": "garbage", "leaf.pem": clientPEM,
		"wide/client.pem": inUTF16(client.CertPEM()), "wide/client.key": inUTF16([]byte(key(client))), "wide/ca.pem": inUTF16(corporate.CertPEM()),
		"a.zip": "PK\x03\x04", "crl.pem": "garbage",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"link": "nothing/set", "full/link": "nothing", "far": filepath.Join(t.TempDir(), "x"), "round": "full"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Mkdir("dir", 0o700), os.Remove("keyless/ca.key"), os.Remove("signer/client.crt")} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A hint about files is for who typed the command, and writes nothing but beside them.
func TestHintForFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TLSDEMO_DIR", "nowhere")
	layOut(t)
	far, err := os.Readlink("far")
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"send":                  "tlsdemo certs init",
		"send --dir=nowhere":    "tlsdemo certs init --dir=nowhere",
		"send --dir=set/ca.crt": "",
		"send --dir=half":       "make a new set (the old one is kept), then start both ends again with that set: tlsdemo certs init --dir=half --force",
		"certs show --dir=half": "make a new set (the old one is kept): tlsdemo certs init --dir=half --force",
		"certs init --dir=half --name=db.internal": "make a new set (the old one is kept): tlsdemo certs init --dir=half --name=db.internal --force",
		"certs show --dir=theirs":                  "",
		"send --dir=theirs hi":                     "tlsdemo send hi --cert=theirs/client.crt --key=theirs/good.key --ca=theirs/ca.crt",
		"send --dir=set --crl=crl.pem":             "",
		"certs init --dir=mk":                      "make a set in another directory: tlsdemo certs init --dir=mk-tlsdemo",
		"certs init --dir=mk --force":              "use another directory: tlsdemo certs init --dir=mk-tlsdemo",
		"certs show --dir=mk":                      "",
		"send --dir=mk hi":                         "tlsdemo send hi --cert=mk/localhost-client.pem --key=mk/localhost-client-key.pem --ca=mk/rootCA.pem",
		"probe 127.0.0.1:7 --dir=mk":               "tlsdemo probe 127.0.0.1:7 --cert=mk/localhost-client.pem --key=mk/localhost-client-key.pem --ca=mk/rootCA.pem",
		"serve --dir=mk --addr=127.0.0.1:0":        "tlsdemo serve --addr=127.0.0.1:0 --cert=mk/localhost.pem --key=mk/localhost-key.pem --ca=mk/rootCA.pem",
		"send --dir=secret":                        "name the files to use with --cert, --key and --ca; this directory has no certificate for a client together with its key",
		"serve --dir=secret":                       "use --cert=secret/tls.crt --key=secret/tls.key, and give the CA of the other end with --ca",
		"certs init --dir=link":                    "mkdir -p nothing/set && tlsdemo certs init --dir=link",
		"certs init --dir=full/link":               "mkdir -p full/nothing && tlsdemo certs init --dir=full/link",
		"certs init --dir=far":                     "mkdir -p FAR && tlsdemo certs init --dir=far",
		"certs init --dir=round":                   "use another directory: tlsdemo certs init --dir=round-tlsdemo",
		"certs init --dir=full --force":            "use another directory: tlsdemo certs init --dir=full-tlsdemo",
		"certs init --dir=.":                       "make a set in another directory: tlsdemo certs init --dir=tlsdemo",
		"certs init --dir=empty.crt/x --force":     "",
		"send --dir=set --crl=dir":                 "",
		"certs init --dir=empty.crt/x":             "",
		"send --cert=set/client.key --key=set/client.crt --ca=set/ca.crt":         "tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"send --cert=set/client.crt --key=set/client.key --ca=empty.crt":          "use the CA of our own certificate: tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"send --cert=set/client.crt --key=set/client.key --ca=leaf.pem":           "use the CA of our own certificate: tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"send --cert=set/client.crt --key=set/client.key --ca=set/ca.key":         "use the CA of our own certificate: tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"send --cert=set/client.crt --key=set/client.key --ca=garbage.crt":        "use the CA of our own certificate: tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"send --cert=garbage.crt --key=set/client.key --ca=set/ca.crt":            "",
		"probe 127.0.0.1:7 --ca=empty.crt":                                        "ask the CA that issued the other end's certificate for the certificate of the CA, and give that with --ca",
		"send --cert=leaf.pem --key=order.key --ca=empty.crt":                     "use the CA of our own certificate: tlsdemo send --cert=leaf.pem --key=order.key --ca=order.crt",
		"send --cert=set/client.crt --key=set/server.key --ca=set/ca.crt":         "tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"probe 127.0.0.1:7 --cert=set/client.crt --key=set/server.key":            "tlsdemo probe 127.0.0.1:7 --cert=set/client.crt --key=set/client.key",
		"send --cert=alone/client.crt --key=set/server.key --ca=set/ca.crt":       `give the key that belongs to the certificate of --cert; if it is lost, ask the CA that issued the certificate, "CN=corporate CA", for a new one`,
		"send --cert=alone/client.crt --key=alone/client.crt --ca=set/ca.crt":     "--cert and --ca need certificates, and --key needs the private key that belongs to the certificate of --cert",
		"send --cert=set/client.crt --key=garbage.crt --ca=set/ca.crt":            "tlsdemo send --cert=set/client.crt --key=set/client.key --ca=set/ca.crt",
		"send --cert=garbage.crt --key=garbage.crt --ca=set/ca.crt":               "",
		"send --cert=order.crt --key=order.key --ca=set/ca.crt":                   "awk '/-BEGIN .*CERTIFICATE-/{n++} n==2' order.crt >order.crt.pem && awk '/-BEGIN .*CERTIFICATE-/{n++} n!=2' order.crt >>order.crt.pem && tlsdemo send --cert=order.crt.pem --key=order.key --ca=set/ca.crt",
		"send --cert=odd/client.crt --key=odd/client.key --ca=set/ca.crt":         "ask the CA for a certificate with a key that TLS can use, such as ECDSA P-256",
		"send --cert=dir --key=set/client.key --ca=set/ca.crt":                    "put the file with the certificate there, in place of the directory",
		"send --cert=set --key=set/client.key --ca=set/ca.crt --addr=127.0.0.1:7": "use the set in that directory: tlsdemo send --addr=127.0.0.1:7 --dir=set",
		"send --cert=mk --key=mk --ca=mk":                                         "tlsdemo send --cert=mk/localhost-client.pem --key=mk/localhost-client-key.pem --ca=mk/rootCA.pem",
		"send --cert=set/client.crt --key=dir --ca=set/ca.crt":                    `put the file with the private key there, in place of the directory; if the key is lost, ask the CA that issued the certificate, "CN=tlsdemo CA", for a new one`,
		"send --cert=set/client.crt --key=set/client.key --ca=dir":                "give one file with --ca, with the certificates of all CAs that are to be trusted",
		"send --cert=set/client.crt --key=set/client.key --ca=cas":                "give one file with --ca, with the certificates of all CAs that are to be trusted",
		"send --cert=set/client.crt --key=set/client.key --ca=mk":                 "use the CA in that directory: tlsdemo send --cert=set/client.crt --key=set/client.key --ca=mk/rootCA.pem",
		"send --cert=wide/client.pem --key=wide/client.key --ca=wide/ca.pem hi":   "iconv -f UTF-16 -t UTF-8 wide/client.pem >wide/client.cert.pem && (umask 077; iconv -f UTF-16 -t UTF-8 wide/client.key >wide/client.key.key.pem) && iconv -f UTF-16 -t UTF-8 wide/ca.pem >wide/ca.ca.pem && tlsdemo send --cert=wide/client.cert.pem --key=wide/client.key.key.pem --ca=wide/ca.ca.pem hi",
		"send --cert=wide/client.pem --key=a.zip --ca=wide/ca.pem hi":             "",
		"probe 127.0.0.1:7 --ca=wide/ca.pem":                                      "iconv -f UTF-16 -t UTF-8 wide/ca.pem >wide/ca.ca.pem && tlsdemo probe 127.0.0.1:7 --ca=wide/ca.ca.pem",
		"serve --cert=set/server.crt --key=set/server.key --ca=wide/ca.pem":       "iconv -f UTF-16 -t UTF-8 wide/ca.pem >wide/ca.ca.pem && tlsdemo serve --cert=set/server.crt --key=set/server.key --ca=wide/ca.ca.pem",
		"certs show wide/ca.pem":                                                  "iconv -f UTF-16 -t UTF-8 wide/ca.pem >wide/ca.pem.pem && tlsdemo certs show wide/ca.pem.pem",
		"certs show a.zip":                                                        "",
		"certs show -":                                                            "",
		"certs show garbage.crt":                                                  "",
		"certs verify --ca=empty.crt leaf.pem":                                    "",
		"certs show --dir=signer":                                                 "issue another one, with a --name for each further name that it needs: tlsdemo certs issue client --dir=signer --client",
	} {
		got := hintOf(t, line, inUTF16([]byte("-----BEGIN CERTIFICATE-----\n")))
		if got = strings.ReplaceAll(got, far, "FAR"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", line, got, want)
		}
	}
}

// What is wrong with one file is mended there, by who owns it.
func TestHintForFindings(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"open", "shut"} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "key"), nil, 0o600), os.WriteFile(filepath.Join(dir, "none"), nil, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod("shut", 0o600); err != nil {
		t.Fatal(err)
	}
	denied := func(code certs.Code, file string) *certs.Finding {
		return certs.Unreadable(code, file, &fs.PathError{Op: "open", Path: file, Err: syscall.EACCES})
	}
	inDir := func(made bool, err error) error {
		return &cli.DirError{DirFlags: cli.DirFlags{Dir: "D"}, Made: made, Err: err}
	}
	withoutLeaf := func(code certs.Code, err error) error {
		return &located{err: &certs.Finding{Code: code, File: "key", Err: err}, origin: &origin{files: certs.Files{Cert: "pipe", Key: "key"}}}
	}
	locked := &certs.Finding{Code: certs.KeyEncrypted, File: "old.key"}
	for _, c := range []struct {
		err         error
		typed, want string
	}{
		{withoutLeaf(certs.KeyMismatch, nil), "serve", "--cert and --ca need certificates, and --key needs the private key that belongs to the certificate of --cert"},
		{withoutLeaf(certs.KeyUnreadable, syscall.EISDIR), "serve", ""},
		{&certs.Finding{Code: certs.KeyExposed, File: "a b.key"}, "serve", "chmod 600 'a b.key'"},
		{&certs.Finding{Code: certs.FileWritable, File: "a b.crt"}, "serve", "chmod go-w 'a b.crt'"},
		{&certs.Finding{Code: certs.KeyEncrypted, File: "a.key", Err: certs.ErrNoPassphrase}, "send hi", "write the passphrase into the file passphrase.txt, then type: tlsdemo send hi --password-file=passphrase.txt"},
		{inDir(true, &certs.Finding{Code: certs.KeyEncrypted, Err: certs.ErrNoPassphrase}), "send", "write the passphrase into the file passphrase.txt, then type: tlsdemo send --password-file=passphrase.txt"},
		{inDir(true, &certs.Finding{Code: certs.KeyPassphrase}), "send", ""},
		{locked, "send --key=old.key", "openssl pkey -in old.key -out old.key.pem && tlsdemo send --key=old.key.pem"},
		{inDir(true, locked), "send", "make a new set (the old one is kept), then start both ends again with that set: tlsdemo certs init --dir=D --force"},
		{inDir(false, locked), "send", ""},
		{&certs.Finding{Code: certs.CANamesTooLong}, "serve", "put only the CAs that issue your clients' certificates into the file of --ca"},
		{inDir(false, &certs.Finding{Code: certs.KeyUnsupported}), "certs show", "ask the CA for a certificate with a key that TLS can use, such as ECDSA P-256"},
		{inDir(false, &certs.Finding{Code: certs.ChainOrder, Place: 2}), "certs show", ""},
		{inDir(false, errors.New("not what the flags ask for")), "certs init", ""},
		{inDir(true, &certs.Finding{Code: certs.CRLExpired}), "send", "tlsdemo certs crl --dir=D"},
		{&certs.Finding{Code: certs.FileMissing, File: "a.key"}, "send", ""},

		{denied(certs.KeyUnreadable, "open/key"), "serve", fmt.Sprintf("run the command as the user who owns the file; or, as root, give the file to this user: chown %d open/key", os.Getuid())},
		{denied(certs.PolicyUnreadable, "open/key"), "serve", fmt.Sprintf("run the command as the user who owns the file; or, as root, give the file to this user: chown %d open/key", os.Getuid())},
		{denied(certs.KeyUnreadable, "open/none"), "serve", "its owner can permit it: chmod u+rX open/none"},
		{denied(certs.CertUnreadable, "open/none"), "serve", "its owner can permit it: chmod u+rX open/none"},
		{denied(certs.CertUnreadable, "open/key"), "serve", "its owner can let everybody read it, as it is no secret: chmod a+r open/key"},
		{denied(certs.CRLUnreadable, "open/key"), "serve", "its owner can let everybody read it, as it is no secret: chmod a+r open/key"},
		{inDir(true, denied(certs.CertUnreadable, "open/key")), "serve", "its owner can let everybody read it, as it is no secret: chmod a+r open/key"},
		{denied(certs.KeyUnreadable, "open/unseen"), "serve", "run the command as the user who owns the directory open: it is closed to others"},
		{denied(certs.KeyUnreadable, "shut/unseen"), "serve", "its owner can permit it: chmod u+rX shut"},
		{denied(certs.CertUnreadable, "shut/more/unseen"), "serve", "run the command as the user who owns the directory shut/more: it is closed to others"},
	} {
		typed := retype.New(newRootCmd(&cli.Env{Now: time.Now}), strings.Fields(c.typed))
		if got := hint(c.err, typed); got != c.want {
			t.Errorf("%s: %v:\ngot  %s\nwant %s", c.typed, c.err, got, c.want)
		}
	}
}

// What an end is warned of at its start.
func TestCredentialsWarn(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	lasts := func(since, in time.Duration) forge.Change {
		return func(tmpl *forge.Template) { tmpl.NotBefore, tmpl.NotAfter = f.Now.Add(-since), f.Now.Add(in) }
	}
	ends := func(in time.Duration) forge.Change { return lasts(90*24*time.Hour, in) }
	other := f.Leaves(f.Sign(nil, forge.CA("another CA")))
	for name, c := range map[string]struct {
		pair  *certs.Pair
		named bool
		mode  fs.FileMode
		want  []string // what they begin with, behind the directory
	}{
		"sound":             {set[certs.Client], false, 0o600, nil},
		"eight days":        {f.Again(set[certs.Client], set[certs.CA], ends(8*24*time.Hour)), false, 0o600, nil},
		"a week and more":   {f.Again(set[certs.Client], set[certs.CA], ends(7*24*time.Hour+time.Minute)), false, 0o600, nil},
		"a week and less":   {f.Again(set[certs.Client], set[certs.CA], ends(7*24*time.Hour-time.Minute)), false, 0o600, []string{"warning: client.crt: 7 days left"}},
		"a fresh day":       {f.Again(set[certs.Client], set[certs.CA], lasts(time.Hour, 23*time.Hour)), false, 0o600, nil},
		"an old day":        {f.Again(set[certs.Client], set[certs.CA], lasts(17*time.Hour, 7*time.Hour)), false, 0o600, []string{"warning: client.crt: 7 hours left"}},
		"ended":             {f.Again(set[certs.Client], set[certs.CA], forge.Expired), false, 0o600, []string{"warning: cert-expired: client.crt: it expired"}},
		"exposed":           {set[certs.Client], false, 0o644, []string{"warning: key-exposed: client.key: other users"}},
		"of another CA":     {other[certs.Client], false, 0o600, []string{"warning: cert-untrusted: client.crt: "}},
		"of another, named": {other[certs.Client], true, 0o600, nil},
		"another role":      {set[certs.Server], true, 0o600, []string{"warning: cert-wrong-usage: client.crt: "}},
	} {
		pairs := certs.Set{certs.CA: set[certs.CA], certs.Server: set[certs.Server], certs.Client: c.pair}
		dir := written(t, pairs)
		if err := os.Chmod(filepath.Join(dir, "client.key"), c.mode); err != nil {
			t.Fatal(err)
		}
		flags := &credentialFlags{DirFlags: cli.DirFlags{Dir: dir}}
		if c.named {
			flags = &credentialFlags{files: certs.Dir(dir).Files(certs.Client)}
		}
		got := opened(t, flags, certs.Client).warnings(certs.ClientAuth, time.Now())
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], dir+string(filepath.Separator), "")
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A revocation list of the directory's own that has ended stops an end, and one that was named
// is only a warning. A list that was named is used in place of the directory's.
func TestCredentialsWithLists(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	dir, bare := written(t, set), written(t, set)
	late := &forge.Forge{Now: time.Now().AddDate(-1, 0, 0)}
	past, now := late.CRL(set[certs.CA], 1), f.CRL(set[certs.CA], 1)
	named := filepath.Join(t.TempDir(), "crl.pem")
	for path, data := range map[string][]byte{filepath.Join(dir, "crl.pem"): past, named: past, named + ".now": now, named + ".bad": []byte("garbage")} {
		if err := errors.Join(f.Err(), late.Err(), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		dir, crl, want string
		warnings       int
	}{
		{dir, "", "tlsdemo certs crl --dir=DIR", 0},
		{bare, "", "", 0},
		{bare, named, "", 1},
		{dir, named + ".now", "", 0},
		{bare, named + ".bad", "", -1},
	} {
		creds, err := (&credentialFlags{DirFlags: cli.DirFlags{Dir: c.dir}, files: certs.Files{CRL: c.crl}}).open(&cli.Env{Now: time.Now}, certs.Client)
		if err != nil {
			if got := strings.ReplaceAll(hint(err, retype.Of("tlsdemo", "send")), c.dir, "DIR"); got != c.want || c.want == "" && c.warnings >= 0 {
				t.Errorf("with %q: %v: %s, want %s", c.crl, err, got, c.want)
			}
			continue
		}
		if got := creds.warnings(certs.ClientAuth, time.Now()); c.want != "" || len(got) != c.warnings {
			t.Errorf("with %q: %q", c.crl, got)
		}
	}
}

// A probe does without files only if none are asked for.
func TestCredentialsOfAProbe(t *testing.T) {
	set := certstest.New(t)
	dir, broken := written(t, set.Pairs()), written(t, set.Pairs())
	if err := os.Remove(filepath.Join(broken, "client.key")); err != nil {
		t.Fatal(err)
	}
	files := certs.Dir(dir).Files(certs.Client)
	for name, c := range map[string]struct {
		usual       string // the directory that is used if none is named
		flags       credentialFlags
		fails, ours bool
		cert, ca    string
	}{
		"nothing":              {},
		"the usual":            {usual: dir, ours: true, cert: files.Cert, ca: files.CA},
		"the usual, broken":    {usual: broken, fails: true},
		"nowhere":              {flags: credentialFlags{DirFlags: cli.DirFlags{Dir: "nowhere"}}, fails: true},
		"a directory":          {flags: credentialFlags{DirFlags: cli.DirFlags{Dir: dir}}, ours: true, cert: files.Cert, ca: files.CA},
		"a CA":                 {flags: credentialFlags{files: certs.Files{CA: files.CA}}, ca: files.CA},
		"a pair":               {flags: credentialFlags{files: certs.Files{Cert: files.Cert, Key: files.Key}}, cert: files.Cert},
		"a pair and the usual": {usual: dir, flags: credentialFlags{files: certs.Files{Cert: files.Cert, Key: files.Key}}, cert: files.Cert},
	} {
		t.Setenv("TLSDEMO_DIR", cmp.Or(c.usual, "nowhere"))
		creds, err := c.flags.openAny(&cli.Env{Now: time.Now})
		if err != nil || c.fails {
			if err == nil || !c.fails {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if o := creds.origin; o.ours() != c.ours || o.files.Cert != c.cert || o.files.CA != c.ca {
			t.Errorf("%s: %+v", name, o)
		}
	}
}
