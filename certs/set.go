package certs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tlsdemo/certs/internal/owner"
)

// Set is pairs by their names: what a Dir holds.
type Set map[string]*Pair

// staleAfter is how much older than the newest another unfinished set must be to be
// taken for what a killed process left behind. Writing one takes milliseconds.
const staleAfter = time.Minute

// Create writes the set as the directory, whole or not at all: into a temporary
// sibling, synced, and renamed. The directory is made 0700, keys 0600. The error
// wraps [fs.ErrExist] if the directory is there already with anything in it.
func (d Dir) Create(set Set) error {
	if err := cmp.Or(d.notHere(), d.empty()); err != nil {
		return err
	}
	d = d.resolved()
	tmp, err := d.prepare(set)
	if err != nil {
		return err
	}
	return d.install(tmp)
}

// Replace is Create, but a directory that is there already is first set aside. It
// returns where to, or an empty Dir if there was none. A directory that this package did
// not make, or that holds anything but a set, is refused: it is somebody else's.
func (d Dir) Replace(set Set, now time.Time) (old Dir, err error) {
	if err := cmp.Or(d.notHere(), d.replaceable()); err != nil {
		return "", err
	}
	d = d.resolved()
	tmp, err := d.prepare(set)
	if err != nil {
		return "", err
	}
	old, err = d.setAside(now)
	if err != nil {
		return "", cmp.Or(err, os.RemoveAll(tmp))
	}
	return old, d.install(tmp)
}

// resolved is the directory's own path: absolute, since "." cannot be renamed, and
// without symbolic links, so that a rename replaces what a link points to.
func (d Dir) resolved() Dir {
	path, err := filepath.Abs(string(d))
	if err != nil {
		return d
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return Dir(path)
}

// notHere returns an error if the directory is the one we are in: whoever stands in it
// would go on standing in the old one, and see nothing of the new.
func (d Dir) notHere() error {
	here, err := os.Stat(".")
	if err != nil {
		return nil // then this is not here
	}
	if there, err := os.Stat(string(d)); err == nil && os.SameFile(here, there) {
		return fmt.Errorf("%s is the current directory, which cannot be replaced while you are in it", d)
	}
	return nil
}

// setAside renames the directory, unless it is not there.
func (d Dir) setAside(now time.Time) (Dir, error) {
	if d.empty() == nil {
		return "", nil
	}
	old := Dir(fmt.Sprintf("%s.old-%s", d, now.UTC().Format("20060102-150405.000")))
	if _, err := os.Lstat(string(old)); err == nil {
		return "", fmt.Errorf("%s: %w", old, fs.ErrExist)
	}
	return old, os.Rename(string(d), string(old))
}

// prepare writes the set into a temporary sibling of the directory.
func (d Dir) prepare(set Set) (tmp string, err error) {
	parent := filepath.Dir(string(d))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	tmp, err = os.MkdirTemp(parent, d.tmpPrefix()+"*")
	if err != nil {
		return "", fmt.Errorf("write in %s: %s", parent, reason(err))
	}
	d.sweep(tmp)
	if err := inOrder(func() error { return d.bequeath(tmp) }, func() error { return set.write(tmp) }); err != nil {
		return "", cmp.Or(fmt.Errorf("write %s: %w", d, err), os.RemoveAll(tmp))
	}
	return tmp, nil
}

// bequeath gives tmp, which was made to take the directory's place, its owner.
func (d Dir) bequeath(tmp string) error {
	before, err := os.Stat(string(d))
	if err != nil {
		return nil // there is none
	}
	root, err := os.OpenRoot(filepath.Dir(tmp))
	if err != nil {
		return err
	}
	defer root.Close()
	return keepDir(root, filepath.Base(tmp), before)
}

// keepDir gives a directory that has just been made the owner of another.
func keepDir(root *os.Root, name string, like fs.FileInfo) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return cmp.Or(owner.Keep(f, like), f.Close())
}

func (d Dir) tmpPrefix() string { return "." + filepath.Base(string(d)) + ".tmp-" }

// sweep removes the unfinished sets that killed processes left beside tmp. Their age
// is measured against tmp, by the file system's own clock.
func (d Dir) sweep(tmp string) {
	newest, err := os.Stat(tmp)
	if err != nil {
		return
	}
	siblings, _ := os.ReadDir(filepath.Dir(tmp))
	for _, sibling := range siblings {
		if !sibling.IsDir() || !strings.HasPrefix(sibling.Name(), d.tmpPrefix()) {
			continue
		}
		info, err := sibling.Info()
		if err == nil && newest.ModTime().Sub(info.ModTime()) > staleAfter {
			// Housekeeping: what cannot be removed now is tried again next time.
			_ = os.RemoveAll(filepath.Join(filepath.Dir(tmp), sibling.Name()))
		}
	}
}

// install makes tmp the directory. An empty one is removed first, since os.Rename
// replaces none; both fail if in the meantime somebody else has filled it.
func (d Dir) install(tmp string) error {
	err := os.Rename(tmp, string(d))
	if info, statErr := os.Lstat(string(d)); err != nil && statErr == nil && info.IsDir() && d.empty() == nil {
		if err = os.Remove(string(d)); err == nil {
			err = os.Rename(tmp, string(d))
		}
	}
	if err == nil {
		return syncDir(filepath.Dir(string(d)))
	}
	if notEmpty := d.empty(); notEmpty != nil {
		err = notEmpty
	}
	return cmp.Or(err, os.RemoveAll(tmp))
}

// write puts the set's files into the directory dir, which has to be there, and sees
// to it that they are on disk.
func (s Set) write(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := writeFile(root, madeFile, []byte(s.marker()), 0o644); err != nil {
		return err
	}
	for name, pair := range s {
		if err := checkName(name); err != nil {
			return err
		}
		if err := pair.write(root, name); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// marker is what madeFile says of the set.
func (s Set) marker() string {
	if ca := s[CA]; ca != nil && ca.Key == nil {
		return madeText + keylessText
	}
	return madeText
}

// write writes the pair's files. The key of a CA may be elsewhere.
func (p *Pair) write(root *os.Root, name string) error {
	if err := writeFile(root, name+".crt", p.CertPEM(), 0o644); err != nil || p.Key == nil {
		return err
	}
	key, err := p.KeyPEM()
	if err != nil {
		return err
	}
	return writeFile(root, name+".key", key, 0o600)
}

func writeFile(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	return writeAs(root, name, file{name, data, mode})
}

// writeAs writes a file under another name, from which it is to be renamed.
func writeAs(root *os.Root, tmp string, of file) error {
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, of.mode)
	if err != nil {
		return err
	}
	_, err = f.Write(of.data)
	return cmp.Or(err, owner.KeepIn(root, of.name, f), f.Sync(), f.Close())
}

// syncDir makes the names in a directory last. Not every system can.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !cannotSync(err) {
		return err
	}
	return nil
}

func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission)
}
