package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
)

// earlierDir is where a directory keeps the certificates that have been renewed, until they
// end. Somebody may still have one of them, with its key. So revoking a leaf has to revoke
// these, too.
const earlierDir = "earlier"

// earlierFile is the name of a file in earlierDir, and its first part the name of the leaf.
var earlierFile = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.+)-[0-9a-f]+\.crt$`) })

// keptAs is where a directory within ours keeps a leaf, without the end of the file's name.
func keptAs(within, name string, serial *big.Int) string {
	return filepath.Join(within, fmt.Sprintf("%s-%.8x", name, serial.Bytes()))
}

// keepEarlier keeps the certificates of leaves that are about to be renewed, and drops those
// that have ended. It does so before the new ones are there: a process that is killed in
// between leaves some too many, which harms nobody.
func (c *Change) keepEarlier(leaves []replacement) error {
	if len(leaves) == 0 {
		return nil
	}
	if err := c.mkdir(earlierDir); err != nil {
		return err
	}
	for _, leaf := range leaves {
		if err := inOrder(
			func() error { return c.dropEnded(leaf.name) },
			func() error { return c.keep(leaf.name) }); err != nil {
			return err
		}
	}
	return syncDir(filepath.Join(string(c.dir), earlierDir))
}

// keep gives the file of a leaf a second name, unless it has ended. That costs no second
// copy, and what it leads to is on disk already. A file system without links gets a copy.
func (c *Change) keep(name string) error {
	certs, err := c.leaf(name)
	if err != nil || c.now.After(certs[0].NotAfter) {
		return err
	}
	to := keptAs(earlierDir, name, certs[0].SerialNumber) + ".crt"
	if slices.Contains(c.kept[name], to) {
		return nil
	}
	c.kept[name] = append(c.kept[name], to)
	return inOrder(c.stepped, func() error {
		if c.root.Link(name+".crt", to) == nil {
			return nil
		}
		return c.put(to, (&Pair{Chain: certs}).CertPEM(), 0o644)
	})
}

// earlier returns the certificates that a leaf had before it was renewed, with their files.
// One that cannot be read is an error: it may be one that has to be revoked.
func (c *Change) earlier(name string) ([]CertFile, error) {
	if err := c.listEarlier(); err != nil {
		return nil, err
	}
	var found []CertFile
	for _, file := range c.kept[name] {
		certs, err := loadCertificates(filepath.Join(string(c.dir), file))
		if err != nil {
			return nil, err
		}
		found = append(found, CertFile{Path: file, Certs: certs})
	}
	return found, nil
}

// listEarlier reads earlierDir only once, since it is needed for each of a thousand leaves.
func (c *Change) listEarlier() error {
	if c.kept != nil {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(string(c.dir), earlierDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.kept = make(map[string][]string)
	for _, entry := range entries {
		if parts := earlierFile().FindStringSubmatch(entry.Name()); parts != nil {
			c.kept[parts[1]] = append(c.kept[parts[1]], filepath.Join(earlierDir, entry.Name()))
		}
	}
	return nil
}

// dropEnded removes the earlier certificates of a leaf that nobody accepts any longer.
func (c *Change) dropEnded(name string) error {
	earlier, err := c.earlier(name)
	if err != nil {
		return err
	}
	for _, old := range earlier {
		known := slices.ContainsFunc(c.cas, func(ca *x509.Certificate) bool { return old.Certs[0].CheckSignatureFrom(ca) == nil })
		if known && !c.now.After(old.Certs[0].NotAfter) {
			continue
		}
		if err := inOrder(c.stepped, func() error { return c.root.Remove(old.Path) }); err != nil {
			return err
		}
		c.kept[name] = slices.DeleteFunc(c.kept[name], func(file string) bool { return file == old.Path })
	}
	return nil
}

func (c *Change) mkdir(name string) error {
	err := c.root.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = c.bequeath(name)
	}
	if err != nil {
		return fmt.Errorf("write in %s: %s", c.dir, reason(err))
	}
	return nil
}

// bequeath gives a directory that has just been made the owner of ours.
func (c *Change) bequeath(name string) error {
	here, err := c.root.Stat(".")
	if err != nil {
		return err
	}
	return keepDir(c.root, name, here)
}
