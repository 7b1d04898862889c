//go:build unix

package certs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs"
)

// What root changes stays the user's: his service could not read its own key, and he could
// not change his directory any longer.
func TestRootKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const user, service = 65534, 65533
	dir := certs.Dir(filepath.Join(t.TempDir(), "set"))
	do(t, dir.Create(newSet()), giveAway(string(dir), user))
	do(t, os.Chown(dir.Files(certs.Server).Key, service, service))

	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Renew(certs.Server, certs.Renewal{NewKey: true})
		return err
	})
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Issue(certs.Request{Name: "alice"})
		return err
	})
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Revoke("alice", 0)
		return err
	})
	change(t, dir, now, func(c *certs.Change) error {
		_, err := c.Rotate(certs.Rotation{})
		return err
	})
	belongs(t, string(dir), user, map[string]uint32{"server.key": service})

	old, err := dir.Replace(newSet(), now.Add(time.Hour))
	do(t, err)
	belongs(t, string(old), user, map[string]uint32{"server.key": service})
	belongs(t, string(dir), user, nil)
}

func giveAway(dir string, to int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, to, to)
	})
}

// belongs fails the test if what is in a directory, or itself, belongs to anybody else.
func belongs(t *testing.T, dir string, to uint32, others map[string]uint32) {
	t.Helper()
	do(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want, other := others[entry.Name()]
		if !other {
			want = to
		}
		if of := info.Sys().(*syscall.Stat_t); of.Uid != want || of.Gid != want {
			t.Errorf("%s belongs to %d:%d, want %d", path, of.Uid, of.Gid, want)
		}
		return nil
	}))
}
