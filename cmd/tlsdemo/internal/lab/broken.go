package lab

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
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
	// spoilt are files of the set with something else in them.
	spoilt map[string][]byte
	// files are written besides.
	files map[string][]byte
	// blocked is a file in whose place a directory stands: not even root can read it.
	blocked string
}

func newBrokenSet(now time.Time) *brokenSet {
	s := &brokenSet{Forge: forge.Forge{Now: now}, spoilt: make(map[string][]byte), files: make(map[string][]byte)}
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

// Layout is where the two ends of a scenario have their files. A scenario that needs a
// directory for each has them in any layout.
type Layout int

const (
	Shared Layout = iota // both in one directory
	Named                // both in one directory, and every file is named
	Apart                // each end in a directory of its own, with what it needs
	Copied               // each in a directory of its own, with the whole set
)

func (l Layout) String() string {
	return [...]string{"one directory", "files by flags", "two directories", "two copies"}[l]
}

// Write makes the scenario's set and writes it to dir, which has to be empty or not there.
func (s *Scenario) Write(dir string, now time.Time) error { return s.write(dir, now, Shared) }

func (s *Scenario) write(dir string, now time.Time, layout Layout) error {
	set := newBrokenSet(now)
	if s.breaks != nil && set.Err() == nil {
		s.breaks(set)
	}
	if set.Err() != nil {
		return set.Err()
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		return fmt.Errorf("%s is not empty: %w", dir, fs.ErrExist)
	}
	return set.write(dir, layout)
}

func (s *brokenSet) write(dir string, layout Layout) error {
	dirs := s.dirs(layout)
	for name, set := range dirs {
		if err := certs.Dir(filepath.Join(dir, name)).Create(set); err != nil {
			return err
		}
	}
	for name := range dirs {
		if err := s.spoil(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for name, data := range s.files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// dirs are the sets by the names of their directories.
func (s *brokenSet) dirs(layout Layout) map[string]certs.Set {
	switch {
	case s.client == nil && layout == Apart:
		s.client = maps.Clone(s.set)
		delete(s.client, certs.Server)
		delete(s.set, certs.Client)
	case s.client == nil && layout == Copied:
		s.client = s.set
	case s.client == nil:
		return map[string]certs.Set{"": s.set}
	}
	return map[string]certs.Set{certs.Server: s.set, certs.Client: s.client}
}

// spoil writes the files of the set that are no certificates or keys, in place of those
// that are.
func (s *brokenSet) spoil(dir string) error {
	for name, data := range s.spoilt {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil {
			continue // that is in the other directory
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
	}
	blocked := filepath.Join(dir, s.blocked)
	if _, err := os.Stat(blocked); s.blocked == "" || err != nil {
		return nil
	}
	if err := os.Remove(blocked); err != nil {
		return err
	}
	return os.Mkdir(blocked, 0o700)
}

func pemOf(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}
