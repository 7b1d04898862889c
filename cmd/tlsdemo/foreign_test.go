package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// foreignLayouts are what directories of other programs hold: by its path the name of what
// is in a file.
var foreignLayouts = map[string]map[string]string{
	"mkcert":         {"rootCA.pem": "ca", "rootCA-key.pem": "ca key", "localhost+2.pem": "server", "localhost+2-key.pem": "server key", "localhost+2-client.pem": "client", "localhost+2-client-key.pem": "client key"},
	"minica":         {"minica.pem": "ca", "minica-key.pem": "ca key", "localhost/cert.pem": "server", "localhost/key.pem": "server key"},
	"certbot":        {"cert.pem": "server", "chain.pem": "ca", "fullchain.pem": "server chain", "privkey.pem": "server key", "README": "text"},
	"easy-rsa":       {"ca.crt": "ca", "index.txt": "text", "private/ca.key": "ca key", "private/server.key": "server key", "issued/server.crt": "server", "issued/client.crt": "client", "private/client.key": "client key"},
	"easy-rsa, pki":  {"pki/ca.crt": "ca", "pki/private/server.key": "server key", "pki/issued/server.crt": "server", "vars": "text"},
	"kubeadm":        {"ca.crt": "ca", "ca.key": "ca key", "apiserver.crt": "server", "apiserver.key": "server key", "apiserver-kubelet-client.crt": "client", "apiserver-kubelet-client.key": "client key", "front-proxy-ca.crt": "ca", "sa.key": "server key", "etcd/ca.crt": "ca"},
	"step":           {"certs/root_ca.crt": "ca", "certs/intermediate_ca.crt": "ca", "secrets/root_ca_key": "text", "config/ca.json": "text"},
	"cert-manager":   {"ca.crt": "ca", "tls.crt": "server", "tls.key": "server key"},
	"a TLS Secret":   {"tls.crt": "server chain", "tls.key": "server key"},
	"a trust store":  {"ca-certificates.crt": "ca"},
	"openssl ca":     {"cacert.pem": "ca", "private/cakey.pem": "ca key", "index.txt": "text", "serial": "text", "newcerts/01.pem": "server"},
	"Docker":         {"ca.pem": "ca", "cert.pem": "client", "key.pem": "client key"},
	"cfssl":          {"ca.pem": "ca", "ca-key.pem": "ca key", "server.pem": "server", "server-key.pem": "server key", "server.csr": "text"},
	"a set by hand":  {"ca.crt": "ca", "ca.key": "ca key", "server.crt": "expired", "server.key": "server key", "client.crt": "client", "client.key": "client key"},
	"half of one":    {"ca.crt": "ca", "server.crt": "server"},
	"a certificate":  {"my.crt": "server", "my.key": "server key"},
	"our set, mixed": {".tlsdemo": "text", "ca.crt": "ca", "ca.key": "ca key", "server.crt": "expired", "server.key": "server key", "www.example.com.crt": "of another CA", "www.example.com.key": "server key"},
}

// Whatever is asked of a directory that another program made, and whatever hint is typed
// then: nothing in it is moved or changed.
func TestForeignDirectoriesStay(t *testing.T) {
	require(t, "sh", "timeout")
	contents := foreignContents(t)
	for name, layout := range foreignLayouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			dir := filepath.Join(home, "theirs")
			for file, content := range layout {
				path := filepath.Join(dir, filepath.FromSlash(file))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, contents[content], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := treeOf(t, dir)
			for _, line := range []string{
				"certs show --dir=theirs", "certs init --dir=theirs", "certs init --dir=theirs --force", "certs init --dir=theirs --name=db.internal --force",
				"send --dir=theirs --addr=127.0.0.1:1 --timeout=1s", "probe 127.0.0.1:1 --dir=theirs --timeout=1s", "serve --dir=theirs --addr=127.0.0.1:0 --ready-file=theirs/none/addr",
			} {
				typed := typeIn(t, home, "tlsdemo "+line)
				if !strings.HasPrefix(line, "certs init") && strings.Contains(typed, "--force") {
					t.Errorf("%s: %s", line, typed)
				}
				if name != "a set by hand" && name != "half of one" && strings.Contains(typed, "no certificates in") {
					t.Errorf("%s: %s", line, typed)
				}
				for _, command := range commandsIn(typed) {
					typeIn(t, home, command)
				}
				if after := treeOf(t, dir); !maps.Equal(before, after) {
					t.Fatalf("%s\n%s\nchanged the directory: %q", line, typed, slices.Sorted(maps.Keys(after)))
				}
			}
		})
	}
}

var (
	hintLine    = regexp.MustCompile(`(?m)^hint: (.*)$`)
	hintCommand = regexp.MustCompile(`(?:^|: )((?:tlsdemo|openssl|cat|awk|chmod|mkdir|cd|cp|keytool|iconv|gzip|jq|\(umask) .*)$`)
)

// commandsIn returns the commands that the hints in a text suggest.
func commandsIn(text string) []string {
	var commands []string
	for _, line := range hintLine.FindAllStringSubmatch(text, -1) {
		if command := hintCommand.FindStringSubmatch(line[1]); command != nil {
			commands = append(commands, command[1])
		}
	}
	return commands
}

// typeIn has a shell run a line in dir, and returns what was said on the standard error. A
// server that starts is stopped.
func typeIn(t *testing.T, dir, line string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "timeout", "2", "sh", "-c", line)
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = dir, &stderr, time.Second
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if strings.Contains(stderr.String(), "not found") {
		t.Fatalf("%s: %s", line, &stderr)
	}
	return stderr.String()
}

func foreignContents(t *testing.T) map[string][]byte {
	t.Helper()
	f := &forge.Forge{Now: time.Now()}
	ca := f.Sign(nil, forge.CA("corporate CA"))
	server := f.Sign(ca, forge.ForServers, forge.Names("localhost"))
	client := f.Sign(ca, forge.ForClients, forge.Names("client.localhost"))
	expired := f.Again(server, ca, forge.Expired)
	other := f.Again(server, f.Sign(nil, forge.CA("another CA")))
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	contents := map[string][]byte{
		"ca": ca.CertPEM(), "server": server.CertPEM(), "client": client.CertPEM(), "expired": expired.CertPEM(), "of another CA": other.CertPEM(),
		"server chain": append(server.CertPEM(), ca.CertPEM()...), "text": []byte("text\n"),
	}
	for name, pair := range map[string]*certs.Pair{"ca key": ca, "server key": server, "client key": client} {
		key, err := pair.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = key
	}
	return contents
}

// treeOf is what is in all files below a directory.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		tree[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// What is suggested as a new name has nothing under it.
func TestUnused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	for _, want := range []string{"key.pem", "key.1.pem", "key.2.pem"} {
		got := beside(name)
		if filepath.Base(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
		if err := os.WriteFile(got, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
