package certs_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
)

func equal(a, b crypto.Signer) bool {
	pub, ok := a.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(b.Public())
}

// x25519 is a key that agrees on secrets but signs nothing.
func x25519(t *testing.T) []byte {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

// newDir is a directory with a set in it.
func newDir(t *testing.T) certs.Dir {
	t.Helper()
	dir := certs.Dir(filepath.Join(t.TempDir(), "set"))
	if err := dir.Create(newSet()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir certs.Dir, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(string(dir), file), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestCreate(t *testing.T) {
	set := newSet()
	dir := certs.Dir(filepath.Join(t.TempDir(), "deep", "set"))
	if err := dir.Create(set); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, string(dir)), []string{".tlsdemo", "ca.crt", "ca.key", "client.crt", "client.key", "server.crt", "server.key"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	for name, pair := range set {
		got, err := dir.Pair(name)
		if err != nil || !got.Leaf().Equal(pair.Leaf()) || !equal(got.Key, pair.Key) {
			t.Errorf("%s came back changed, error %v", name, err)
		}
	}
	if got := files(t, filepath.Dir(string(dir))); len(got) != 1 {
		t.Errorf("left beside the set: %v", got)
	}
}

func TestNearby(t *testing.T) {
	dir := newDir(t)
	for i := range 40 { // so that what matters has to come first
		copyOf(t, dir.Files(certs.Client).Cert, filepath.Join(string(dir), fmt.Sprintf("a%d.crt", i)))
	}
	files := dir.Files(certs.Server)
	near := files.Nearby()
	if len(near) > 32 || len(near) < 20 {
		t.Errorf("%d files near", len(near))
	}
	for i, want := range []string{files.Cert, files.CA, dir.Files(certs.Client).Cert} {
		if near[i].Path != want || len(near[i].Certs) != 1 {
			t.Errorf("file %d is %s, want %s", i, near[i].Path, want)
		}
	}
	if cas := certs.Intermediates(near); len(cas) != 1 || !cas[0].IsCA {
		t.Errorf("%d CA certificates", len(cas))
	}
	if none := certs.Dir(filepath.Join(string(dir), "none")).Files(certs.Server).Nearby(); len(none) != 0 {
		t.Errorf("%d files near nothing", len(none))
	}
}

func copyOf(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	dir := newDir(t)
	for file, want := range map[string]fs.FileMode{".": 0o700, "ca.key": 0o600, "server.key": 0o600, "client.key": 0o600} {
		info, err := os.Stat(filepath.Join(string(dir), file))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v, error %v", file, info.Mode().Perm(), want, err)
		}
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	dir := newDir(t)
	before := files(t, string(dir))
	if err := dir.Create(newSet()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a set: error %v", err)
	}
	if err := certs.Dir(filepath.Join(string(dir), "ca.crt")).Create(newSet()); err == nil {
		t.Error("over a file: no error")
	}
	if after := files(t, string(dir)); !slices.Equal(after, before) {
		t.Errorf("files %v, before %v", after, before)
	}
	if _, err := dir.Pair(certs.CA); err != nil {
		t.Error(err)
	}
}

func TestCreateFillsAnEmptyDirectory(t *testing.T) {
	dir := certs.Dir(t.TempDir())
	if err := dir.Create(newSet()); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Pair(certs.Client); err != nil {
		t.Error(err)
	}
}

func TestCreateRefusesNames(t *testing.T) {
	tmp := t.TempDir()
	set := newSet()
	set["../x"] = set[certs.Client]
	if err := certs.Dir(filepath.Join(tmp, "set")).Create(set); err == nil {
		t.Error("no error")
	}
	if got := files(t, tmp); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// Of many that make the same directory at once, one wins, and its set is whole.
func TestCreateAtOnce(t *testing.T) {
	tmp := t.TempDir()
	dir := certs.Dir(filepath.Join(tmp, "set"))
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		group.Go(func() { errs <- dir.Create(newSet()) })
	}
	group.Wait()
	close(errs)
	won := 0
	for err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	wantSound(t, dir)
	if got := files(t, tmp); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

func wantSound(t *testing.T, dir certs.Dir) {
	t.Helper()
	entries, err := dir.Entries(now)
	if err != nil || len(entries) != 3 {
		t.Errorf("%d entries, error %v", len(entries), err)
	}
	for _, entry := range entries {
		if len(entry.Findings) > 0 {
			t.Errorf("%s: %v", entry.Name, entry.Findings)
		}
	}
}

func TestReplace(t *testing.T) {
	dir := newDir(t)
	before, err := dir.Pair(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	old, err := dir.Replace(newSet(), now)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := old.Pair(certs.CA); err != nil || !kept.Leaf().Equal(before.Leaf()) {
		t.Errorf("the old set was not kept: %v", err)
	}
	if after, err := dir.Pair(certs.CA); err != nil || after.Leaf().Equal(before.Leaf()) {
		t.Errorf("the set is still the old one: %v", err)
	}
	wantSound(t, dir)
}

func TestReplaceRefusesForeignFiles(t *testing.T) {
	dir := newDir(t)
	write(t, dir, "thesis.txt", []byte("years of work"))
	before := files(t, filepath.Dir(string(dir)))
	if _, err := dir.Replace(newSet(), now); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v", err)
	}
	if after := files(t, filepath.Dir(string(dir))); !slices.Equal(after, before) {
		t.Errorf("left behind: %v", after)
	}
}

func TestReplaceFollowsLinks(t *testing.T) {
	dir := newDir(t)
	link := certs.Dir(filepath.Join(t.TempDir(), "link"))
	if err := os.Symlink(string(dir), string(link)); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if _, err := link.Replace(newSet(), now); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(string(link)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	wantSound(t, dir)
}

// What a killed process left is swept once it is certain that nobody is at work there.
func TestCreateSweeps(t *testing.T) {
	tmp := t.TempDir()
	for name, age := range map[string]time.Duration{".set.tmp-1": time.Hour, ".set.tmp-2": time.Second, ".other.tmp-3": time.Hour} {
		path := filepath.Join(tmp, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := certs.Dir(filepath.Join(tmp, "set")).Create(newSet()); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, tmp), []string{".other.tmp-3", ".set.tmp-2", "set"}; !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestEntries(t *testing.T) {
	other := newSet()
	key := func(pair *certs.Pair) []byte {
		data, err := pair.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, test := range map[string]struct {
		spoil func(dir certs.Dir)
		at    time.Time
		want  map[string][]certs.Code
	}{
		"sound": {},
		"a file is missing": {
			spoil: func(dir certs.Dir) { os.Remove(filepath.Join(string(dir), "server.crt")) },
			want:  map[string][]certs.Code{"server": {certs.FileMissing}},
		},
		"another's key": {
			spoil: func(dir certs.Dir) { write(t, dir, "client.key", key(other[certs.Client])) },
			want:  map[string][]certs.Code{"client": {certs.KeyMismatch}},
		},
		"another's CA": {
			spoil: func(dir certs.Dir) {
				write(t, dir, "ca.crt", other[certs.CA].CertPEM())
				write(t, dir, "ca.key", key(other[certs.CA]))
			},
			want: map[string][]certs.Code{"server": {certs.CertUntrusted}, "client": {certs.CertUntrusted}},
		},
		"a leaf for a CA": {
			spoil: func(dir certs.Dir) {
				write(t, dir, "ca.crt", other[certs.Client].CertPEM())
				write(t, dir, "ca.key", key(other[certs.Client]))
			},
			want: map[string][]certs.Code{"ca": {certs.CertNotCA}, "server": {certs.CertUntrusted}, "client": {certs.CertUntrusted}},
		},
		"certificate and key swapped": {
			spoil: func(dir certs.Dir) {
				write(t, dir, "client.crt", key(other[certs.Client]))
				write(t, dir, "client.key", other[certs.Client].CertPEM())
			},
			want: map[string][]certs.Code{"client": {certs.PEMSwapped, certs.PEMSwapped}},
		},
		"the roles swapped": {
			spoil: func(dir certs.Dir) {
				for _, ext := range []string{".crt", ".key"} {
					a, b := filepath.Join(string(dir), "client"+ext), filepath.Join(string(dir), "server"+ext)
					os.Rename(a, a+"x")
					os.Rename(b, a)
					os.Rename(a+"x", b)
				}
			},
			want: map[string][]certs.Code{"server": {certs.CertUsage}, "client": {certs.CertUsage}},
		},
		"a key for all to read": {
			spoil: func(dir certs.Dir) { os.Chmod(filepath.Join(string(dir), "ca.key"), 0o644) },
			want:  map[string][]certs.Code{"ca": {certs.KeyExposed}},
		},
		"leaves expired": {
			at:   now.Add(91 * day),
			want: map[string][]certs.Code{"server": {certs.CertExpired}, "client": {certs.CertExpired}},
		},
		"all expired": {
			at:   now.AddDate(11, 0, 0),
			want: map[string][]certs.Code{"ca": {certs.CertExpired}, "server": {certs.CertExpired}, "client": {certs.CertExpired}},
		},
		"not yet valid": {
			at:   now.Add(-day),
			want: map[string][]certs.Code{"ca": {certs.CertNotYet}, "server": {certs.CertNotYet}, "client": {certs.CertNotYet}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			if test.spoil != nil {
				test.spoil(dir)
			}
			at := test.at
			if at.IsZero() {
				at = now
			}
			wantFound(t, dir, at, test.want)
		})
	}
}

// wantFound wants exactly these findings of a directory, by its entries' names.
func wantFound(t *testing.T, dir certs.Dir, at time.Time, want map[string][]certs.Code) {
	t.Helper()
	entries, err := dir.Entries(at)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]certs.Code{}
	for _, entry := range entries {
		if found := codes(entry.Findings); found != nil {
			got[entry.Name] = found
		}
	}
	if !maps.EqualFunc(got, want, slices.Equal[[]certs.Code]) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// What show calls sound is what serve and send exchange with, and the reverse.
func TestEntriesJudgeAsHandshakesDo(t *testing.T) {
	f := &forge.Forge{Now: now}
	ca := f.Authority(certs.Request{})
	rotated := f.Leaves(ca)
	rotated[certs.CA] = &certs.Pair{Chain: []*x509.Certificate{ca.Leaf(), f.Authority(certs.Request{}).Leaf()}, Key: ca.Key}
	oldFirst := f.Leaves(ca)
	oldFirst[certs.CA] = &certs.Pair{Chain: []*x509.Certificate{f.Authority(certs.Request{}).Leaf(), ca.Leaf()}, Key: ca.Key}
	forServers := f.Sign(nil, forge.CA("tlsdemo CA"), forge.ForServers)
	short := f.Sign(ca, forge.CA("middle"), forge.RSA1024)
	for name, test := range map[string]struct {
		set  certs.Set
		want map[string][]certs.Code
	}{
		"a new CA and an old one":     {set: rotated},
		"the old CA before the new":   {set: oldFirst},
		"a CA for servers only":       {certs.Set{certs.CA: forServers, certs.Server: server(f, forServers), certs.Client: client(f, forServers)}, map[string][]certs.Code{"client": {certs.CertUsage}}},
		"an intermediate of RSA 1024": {certs.Set{certs.CA: ca, certs.Server: under(short, server(f, short)), certs.Client: client(f, ca)}, map[string][]certs.Code{"server": {certs.CertWeak}}},
		"a server without a SAN":      {certs.Set{certs.CA: ca, certs.Server: f.Sign(ca, forge.ForServers), certs.Client: client(f, ca)}, map[string][]certs.Code{"server": {certs.CertNoSAN}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := f.Err(); err != nil {
				t.Fatal(err)
			}
			dir := certs.Dir(filepath.Join(t.TempDir(), "set"))
			if err := dir.Create(test.set); err != nil {
				t.Fatal(err)
			}
			wantFound(t, dir, now, test.want)
			if err := comeTogether(t, dir); (err == nil) != (len(test.want) == 0) {
				t.Errorf("the handshake says: %v", err)
			}
		})
	}
}

func server(f *forge.Forge, ca *certs.Pair) *certs.Pair {
	return f.Sign(ca, forge.Subject("server"), forge.ForServers, forge.Names("localhost"))
}

func client(f *forge.Forge, ca *certs.Pair) *certs.Pair {
	return f.Sign(ca, forge.Subject("client"), forge.ForClients, forge.Names("client.localhost"))
}

// under sends the intermediate along.
func under(middle, leaf *certs.Pair) *certs.Pair {
	leaf.Chain = append(leaf.Chain, middle.Leaf())
	return leaf
}

// comeTogether returns why the server and the client of a directory do not come together.
func comeTogether(t *testing.T, dir certs.Dir) error {
	t.Helper()
	server, err := certs.Open(dir.Files(certs.Server))
	if err != nil {
		return err
	}
	client, err := certs.Open(dir.Files(certs.Client))
	if err != nil {
		return err
	}
	serverConfig, clientConfig := server.ServerConfig(), client.ClientConfig()
	clientConfig.ServerName = "localhost"
	for _, config := range []*tls.Config{serverConfig, clientConfig} {
		config.Time = func() time.Time { return now }
	}
	return handshake(serverConfig, clientConfig)
}

func TestCheckFindsShortKeys(t *testing.T) {
	chain := certstest.Forge(t).Sign(nil, forge.Names("127.0.0.1"), forge.RSA1024).Chain
	if got := codes(certs.Check(chain[0].NotAfter, chain, chain, certs.ServerAuth)); !slices.Equal(got, []certs.Code{certs.CertWeak}) {
		t.Errorf("found %v", got)
	}
}

// Whoever opens a set does not pay for what else was issued: a directory may have thousands
// of certificates. To find out who made it reads each of them, and the CA once.
func TestLargeDirectory(t *testing.T) {
	const more = 100
	few, many := newDir(t), newDir(t)
	for i := range more {
		for _, ext := range []string{".crt", ".key"} {
			copyOf(t, filepath.Join(string(many), "client"+ext), filepath.Join(string(many), fmt.Sprintf("client%d%s", i, ext)))
		}
	}
	if !many.Made() || many.Layout() != nil {
		t.Fatal("it is no directory of ours any more")
	}
	layout := func(dir certs.Dir) float64 { return testing.AllocsPerRun(3, func() { dir.Layout() }) }
	if a, b := layout(few), layout(many); b > a+10*more { // a name or two each, and none is read
		t.Errorf("Layout makes %g objects for three certificates and %g for %d more", a, b, more)
	}
	made := func(dir certs.Dir) float64 { return testing.AllocsPerRun(3, func() { dir.Made() }) }
	leaf := testing.AllocsPerRun(3, func() {
		data, err := certs.ReadFile(filepath.Join(string(many), "client.crt"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := certs.ParseCertificates(data); err != nil {
			t.Fatal(err)
		}
	})
	if a, b := made(few), made(many); b > a+1.5*more*leaf {
		t.Errorf("Made makes %g objects for %d certificates, and to read one takes %g", b-a, more, leaf)
	}
}
