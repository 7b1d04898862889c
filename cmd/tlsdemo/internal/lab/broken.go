package lab

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

const intermediate = "intermediate" // the name of that in a set

// brokenSet is what a scenario spoils: the certificates of both ends, sound at first.
type brokenSet struct {
	forge.Forge
	ca *certs.Pair
	// set is the directory that both ends share.
	set certs.Set
	// client is the client's own directory, if it is not to share the server's: one
	// with other things at hand, or another trust file.
	client certs.Set
	// files are written besides, over what is there.
	files map[string][]byte
	// blocked is a file in whose place a directory stands: not even root can read it.
	blocked string
}

func newBrokenSet(now time.Time) *brokenSet {
	s := &brokenSet{Forge: forge.Forge{Now: now}, files: make(map[string][]byte)}
	s.set = s.Set()
	s.ca = s.set[certs.CA]
	return s
}

// reissue replaces the leaf called name by one that ca signed, and that is the same but
// for the changes. Unlike an authority the forge asks nothing.
func (s *brokenSet) reissue(name string, ca *certs.Pair, changes ...forge.Change) {
	s.set[name] = s.Again(s.set[name], ca, changes...)
}

// changed reissues the leaf called name with a defect.
func changed(name string, defect forge.Change) func(*brokenSet) {
	return func(s *brokenSet) { s.reissue(name, s.ca, defect) }
}

// under hangs the leaf called name under an intermediate with a defect, which it returns,
// and which is not sent along.
func (s *brokenSet) under(name string, defects ...forge.Change) *certs.Pair {
	middle := s.Sign(s.ca, append([]forge.Change{forge.CA("tlsdemo intermediate")}, defects...)...)
	s.reissue(name, middle)
	return middle
}

// withIntermediate hangs the leaf called name under an intermediate with a defect, which
// is sent along.
func withIntermediate(name string, defect forge.Change) func(*brokenSet) {
	return func(s *brokenSet) {
		middle := s.under(name, defect)
		s.set[name].Chain = append(s.set[name].Chain, middle.Leaf())
	}
}

// tooDeep hangs the leaf called name under two intermediates, of which the upper one allows
// none below it.
func (s *brokenSet) tooDeep(name string) {
	upper := s.Sign(s.ca, forge.CA("tlsdemo upper intermediate"), forge.PathLength(0))
	lower := s.Sign(upper, forge.CA("tlsdemo lower intermediate"))
	s.reissue(name, lower)
	s.set[name].Chain = append(s.set[name].Chain, lower.Leaf(), upper.Leaf())
}

// negative writes the leaf called name once more, with a negative serial number.
func (s *brokenSet) negative(name string) {
	s.files["negative.crt"] = pemOf("CERTIFICATE", s.Unparsable(s.set[name], s.ca))
}

func (s *brokenSet) otherCA() *certs.Pair { return s.Authority(certs.Request{Name: "another CA"}) }

// sameCA is another CA under the name of the set's own.
func (s *brokenSet) sameCA() *certs.Pair { return s.Authority(certs.Request{}) }

func expiredCA(s *brokenSet) {
	s.set[certs.CA] = s.Again(s.ca, nil, func(t *forge.Template) {
		t.NotBefore, t.NotAfter = s.Now.AddDate(-2, 0, 0), s.Now.AddDate(-1, 0, 0)
	})
}

// revoke puts the leaf called name on a list of the CA's.
func (s *brokenSet) revoke(name string) {
	s.files["revoked.crl"] = s.CRL(s.ca, 0, s.set[name].Leaf())
}

// apart gives the client a directory of its own, with the CA that it is to trust.
func (s *brokenSet) apart(ca *certs.Pair) {
	s.client = certs.Set{certs.CA: ca, certs.Client: s.set[certs.Client]}
	delete(s.set, certs.Client)
}

// brokenDir is where a broken set has been written.
type brokenDir string

func (d brokenDir) server() string { return d.own("server") }
func (d brokenDir) client() string { return d.own("client") }

// own is an end's own directory, if it has one.
func (d brokenDir) own(end string) string {
	dir := filepath.Join(string(d), end)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return string(d)
}

// Write makes the scenario's set and writes it to dir, which has to be empty or not there.
func (s *Scenario) Write(dir string, now time.Time) error {
	set := newBrokenSet(now)
	if s.breaks != nil && set.Err() == nil {
		s.breaks(set)
	}
	return set.write(dir)
}

func (s *brokenSet) write(dir string) error {
	if s.Err() != nil {
		return s.Err()
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		return fmt.Errorf("%s is not empty: %w", dir, fs.ErrExist)
	}
	dirs := map[string]certs.Set{"": s.set}
	if s.client != nil {
		dirs = map[string]certs.Set{"server": s.set, "client": s.client}
	}
	for name, set := range dirs {
		if err := certs.Dir(filepath.Join(dir, name)).Create(set); err != nil {
			return err
		}
	}
	return s.writeFiles(dir)
}

func (s *brokenSet) writeFiles(dir string) error {
	for name, data := range s.files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	if s.blocked == "" {
		return nil
	}
	blocked := filepath.Join(dir, s.blocked)
	if err := os.Remove(blocked); err != nil {
		return err
	}
	return os.Mkdir(blocked, 0o700)
}

func pemOf(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}
