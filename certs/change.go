package certs

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"tlsdemo/certs/chain"
	"tlsdemo/certs/internal/owner"
)

const (
	lockFile = ".lock"
	// lockPoll is how often a lock that somebody else has is tried again.
	lockPoll = 10 * time.Millisecond
	// tmpPrefix begins the name of a file that is not yet whole.
	tmpPrefix = ".tmp-"
)

// Change is a directory that is being changed, by nobody else until [Change.Close]: the
// operating system locks it, and unlocks it if the process is killed.
//
// Each file appears whole or not at all, and a reader never sees a certificate without its
// key: a new pair's key comes first; if a key is exchanged, its file has both keys until the
// certificate has changed. A process that is killed in between leaves a directory that is
// sound, and the next Change tidies it. What has been changed stays so if a later step fails.
type Change struct {
	dir  Dir
	root *os.Root // the directory itself, even if somebody renames it
	lock *flock.Flock
	now  time.Time

	cas        []*x509.Certificate // of ca.crt
	keys       []crypto.Signer     // of ca.key
	stray      []crypto.Signer     // those of them that are no CA's, which a killed process left
	issuer     *Authority
	passphrase []byte      // of ca.key, if that is encrypted
	records    []crlRecord // of cas, once they have been read

	kept map[string][]string // the files in earlierDir by the names of leaves; nil before they are read

	// step is called before each change of a file; where it returns an error the work ends
	// there, as if the process had been killed. Only tests have one.
	step func() error
}

// Change locks the directory, at the time now: a lock of another process is waited for until
// ctx is done. The directory must be one that this package made (an error that wraps
// [fs.ErrExist] says that it is not), with the key of its CA, which pass decrypts.
func (d Dir) Change(ctx context.Context, now time.Time, pass Passphrase) (*Change, error) {
	if _, err := os.Stat(string(d)); err != nil {
		return nil, err
	}
	if !d.marked() {
		return nil, &fs.PathError{Op: "change", Path: string(d), Err: notMade{}}
	}
	c, err := d.locked(ctx)
	if err != nil {
		return nil, err
	}
	c.now = now
	if err = c.load(pass); err == nil {
		err = c.tidy()
	}
	if err != nil {
		return nil, cmp.Or(err, c.Close())
	}
	return c, nil
}

// locked locks the directory. Whoever waits may find that the directory has been replaced in
// the meantime: then it is the new one that has to be locked.
func (d Dir) locked(ctx context.Context) (*Change, error) {
	for {
		root, err := os.OpenRoot(string(d))
		if err != nil {
			return nil, err
		}
		if err := inOrder(func() error { return checkLock(root) }, func() error { return makeLock(root) }); err != nil {
			return nil, cmp.Or(d.notLocked(ctx, err), root.Close())
		}
		lock := flock.New(filepath.Join(string(d), lockFile), flock.SetPermissions(0o600))
		if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
			return nil, cmp.Or(d.notLocked(ctx, err), root.Close())
		}
		c := &Change{dir: d, root: root, lock: lock}
		if c.current() {
			return c, nil
		}
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
}

// checkLock returns an error if the lock is something else than a file. A link would lock, and
// even make, a file of somebody else, and a pipe would be waited for.
func checkLock(root *os.Root) error {
	info, err := root.Lstat(lockFile)
	if err != nil || info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "lock", Path: lockFile, Err: errors.New(lockFile + " is not a regular file; remove it")}
}

// makeLock makes the file that is locked, if it is not there: it belongs to the directory's
// owner, who is to change the directory, too, whoever was the first to do so.
func makeLock(root *os.Root) error {
	f, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return cmp.Or(owner.KeepIn(root, lockFile, f), f.Close())
}

// notLocked is why the directory could not be locked.
func (d Dir) notLocked(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("another command is changing %s: %w", d, context.Cause(ctx))
	}
	return fmt.Errorf("write in %s: %s", d, reason(err))
}

// current reports whether the directory that is locked is the one that has its name.
func (c *Change) current() bool {
	there, err := os.Stat(filepath.Join(string(c.dir), lockFile))
	if err != nil {
		return false
	}
	here, err := c.root.Stat(lockFile)
	return err == nil && os.SameFile(here, there)
}

// Close unlocks the directory.
func (c *Change) Close() error { return cmp.Or(c.lock.Unlock(), c.root.Close()) }

// load reads the CA.
func (c *Change) load(pass Passphrase) error {
	bundle, err := c.dir.bundle(CA)
	if err != nil {
		return err
	}
	if len(bundle.Broken) > 0 {
		return bundle.Broken[0] // it would be lost
	}
	c.cas = bundle.Certs
	remembered := func() (_ []byte, err error) {
		if c.passphrase == nil {
			c.passphrase, err = pass()
		}
		return c.passphrase, err
	}
	if pass == nil {
		remembered = nil
	}
	if c.keys, err = loadKeys(c.dir.keyFile(CA), remembered); err != nil {
		return err
	}
	return c.choose()
}

// choose finds the issuer: the first of the CAs whose key is there. If another CA is being
// replaced by it, leaves are followed by a certificate of the issuer's key that the other CA
// has signed: whoever trusts only that one still accepts them.
func (c *Change) choose() error {
	i := slices.IndexFunc(c.cas, func(ca *x509.Certificate) bool { return c.pair(ca) != nil })
	if i < 0 {
		f := (&Pair{Chain: c.cas[:1], Key: c.keys[0]}).mismatch(c.dir.certFile(CA), c.dir.keyFile(CA))
		return cmp.Or[error](f, errors.New("no CA"))
	}
	var err error
	if c.issuer, err = c.pair(c.cas[i]).Authority(); err != nil {
		return inFile(err, c.dir.certFile(CA))
	}
	for _, old := range c.cas[i+1:] {
		if pair := c.pair(old); pair != nil && c.now.Before(old.NotAfter) {
			cross, err := crossSign(c.now, c.issuer.Certificate(), pair)
			if err != nil {
				return err
			}
			c.issuer.above = append(c.issuer.above, cross)
		}
	}
	return nil
}

// pair returns a CA with its key, or nil if that is not there.
func (c *Change) pair(ca *x509.Certificate) *Pair {
	if pair := pairOf([]*x509.Certificate{ca}, c.keys); pair.matches() {
		return pair
	}
	return nil
}

// Authority is the CA that issues.
func (c *Change) Authority() *Authority { return c.issuer }

// file is one that is about to be written.
type file struct {
	name string
	data []byte
	mode fs.FileMode
}

// put writes a file, whole or not at all.
func (c *Change) put(name string, data []byte, mode fs.FileMode) error {
	return c.putAll([]file{{name, data, mode}})
}

// putAll writes files, each whole or not at all: temporary ones, synced, and renamed in their
// order when all of them are on disk. To wait for the disk once for many takes a fraction of
// the time.
func (c *Change) putAll(files []file) error {
	if len(files) == 0 {
		return nil
	}
	tmps, err := c.writeAll(files)
	for i := 0; i < len(files) && err == nil; i++ {
		if err = c.rename(tmps[i], files[i].name); err != nil {
			err = c.notWritten(files[i], err)
		}
	}
	if err == nil {
		return syncDir(string(c.dir))
	}
	for _, tmp := range tmps {
		if c.step == nil {
			_ = c.root.Remove(tmp) // or the next change does
		}
	}
	return err
}

// writers is how many files are written at the same time.
const writers = 32

// writeAll writes files under temporary names, which it returns, and waits until they are on
// disk. Of several errors the first counts.
func (c *Change) writeAll(files []file) (tmps []string, err error) {
	errs := make([]error, len(files))
	free := make(chan struct{}, writers)
	var all sync.WaitGroup
	for i, f := range files {
		tmp := tmpPrefix + rand.Text()
		tmps = append(tmps, tmp)
		if errs[i] = c.stepped(); errs[i] != nil {
			break
		}
		free <- struct{}{}
		all.Go(func() {
			errs[i] = writeAs(c.root, tmp, f)
			<-free
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			return tmps, c.notWritten(files[i], err)
		}
	}
	return tmps, nil
}

func (c *Change) notWritten(f file, err error) error {
	return fmt.Errorf("write %s: %s", filepath.Join(string(c.dir), f.name), reason(err))
}

func (c *Change) rename(from, to string) error {
	return inOrder(c.stepped, func() error { return c.root.Rename(from, to) })
}

func (c *Change) stepped() error {
	if c.step == nil {
		return nil
	}
	return c.step()
}

func certFile(name string, certs ...*x509.Certificate) file {
	return file{name + ".crt", (&Pair{Chain: certs}).CertPEM(), 0o644}
}

func (c *Change) putCert(name string, certs ...*x509.Certificate) error {
	return c.putAll([]file{certFile(name, certs...)})
}

// keyFile has private keys. Only that of the CA is ever encrypted.
func (c *Change) keyFile(name string, keys ...crypto.Signer) (file, error) {
	var passphrase []byte
	if name == CA {
		passphrase = c.passphrase
	}
	data, err := encodeKeys(passphrase, keys...)
	return file{name + ".key", data, 0o600}, err
}

func (c *Change) putKey(name string, keys ...crypto.Signer) error {
	f, err := c.keyFile(name, keys...)
	if err != nil {
		return err
	}
	return c.putAll([]file{f})
}

// EncryptKey encrypts the private key of the CA with a passphrase. Empty means not at all.
func (c *Change) EncryptKey(passphrase []byte) error {
	c.passphrase = passphrase
	return c.putKey(CA, c.keys...)
}

// replacement is a leaf that takes the place of another one of the same name.
type replacement struct {
	name string
	pair *Pair
	old  crypto.Signer // the key that its own takes the place of; nil if it stays
}

// exchange replaces leaves. A key file has the old key first, while the certificate is the old
// one, and the new one alone when it is the new one.
func (c *Change) exchange(list []replacement) error {
	var before, certs, after []file
	for _, r := range list {
		certs = append(certs, certFile(r.name, r.pair.Chain...))
		if r.old == nil {
			continue
		}
		two, err := c.keyFile(r.name, r.old, r.pair.Key)
		if err != nil {
			return err
		}
		one, err := c.keyFile(r.name, r.pair.Key)
		if err != nil {
			return err
		}
		before, after = append(before, two), append(after, one)
	}
	return inOrder(
		func() error { return c.putAll(before) },
		func() error { return c.putAll(certs) },
		func() error { return c.putAll(after) })
}

// inOrder takes steps one after the other, up to the first that fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tidy removes what a killed process left: files that are not whole, and keys to which no
// certificate belongs.
func (c *Change) tidy() error {
	entries, err := os.ReadDir(string(c.dir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name, member := memberName(entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), tmpPrefix):
			err = c.root.Remove(entry.Name())
		case member && name != CA && filepath.Ext(entry.Name()) == ".key":
			err = c.tidyKeys(name)
		}
		if err != nil {
			return err
		}
	}
	return c.tidyCAKeys()
}

// tidyKeys leaves only the key of the certificate in a file that has more.
func (c *Change) tidyKeys(name string) error {
	data, err := ReadFile(c.dir.keyFile(name))
	if err != nil || bytes.Count(data, []byte("-----BEGIN ")) < 2 {
		return nil // most have one key: of a thousand leaves it would take a while to parse them
	}
	keys, err := ParseKeys(data, nil)
	if err != nil || len(keys) == 1 {
		return nil // what cannot be read is not ours to mend
	}
	certs, err := loadCertificates(c.dir.certFile(name))
	if err != nil {
		return nil
	}
	if pair := pairOf(certs, keys); pair.matches() {
		return c.putKey(name, pair.Key)
	}
	return nil
}

// tidyCAKeys puts the keys of ca.key in the order of ca.crt, without those of no CA. The
// lists of a CA that has been dropped go first: by its key they are known.
func (c *Change) tidyCAKeys() error {
	var keys []crypto.Signer
	for _, ca := range c.cas {
		if pair := c.pair(ca); pair != nil {
			keys = append(keys, pair.Key)
		}
	}
	if slices.EqualFunc(keys, c.keys, sameKey) {
		return nil
	}
	c.stray = slices.DeleteFunc(slices.Clone(c.keys), func(key crypto.Signer) bool {
		return slices.ContainsFunc(keys, func(k crypto.Signer) bool { return sameKey(k, key) })
	})
	c.keys = keys
	if len(c.stray) > 0 {
		if err := c.RenewLists(); err != nil {
			return err
		}
	}
	return c.putKey(CA, keys...)
}

func sameKey(a, b crypto.Signer) bool {
	pub, ok := a.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(b.Public())
}

// Leaves returns the names of the directory's leaves, those of a set first. A key without a
// certificate, such as a killed process may leave, is none.
func (c *Change) Leaves() ([]string, error) {
	names, err := c.dir.Names()
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := c.root.Lstat(name + ".crt")
		return name == CA || errors.Is(err, fs.ErrNotExist)
	}), err
}

// crossSign makes a certificate of a CA that another one has signed.
func crossSign(now time.Time, ca *x509.Certificate, by *Pair) (*x509.Certificate, error) {
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	template := *ca
	template.SerialNumber, template.AuthorityKeyId, template.SignatureAlgorithm = serial, nil, x509.UnknownSignatureAlgorithm
	template.NotBefore = now.Add(-backdate)
	if template.NotAfter.After(by.Leaf().NotAfter) {
		template.NotAfter = by.Leaf().NotAfter
	}
	return sign(&template, by.Leaf(), ca.PublicKey, by.Key)
}

// unknownName is a name that the directory has no certificate of.
type unknownName struct{ name string }

func (u *unknownName) Error() string        { return "there is no certificate called " + chain.Quote(u.name) }
func (u *unknownName) Is(target error) bool { return target == fs.ErrNotExist }
