// Package owner has what root writes belong to whom it belonged before: a service that runs as
// another user would not be able to read its new key.
package owner

import (
	"io/fs"
	"os"
)

// KeepIn gives f, a new file in the directory root, the owner and the group of the file called
// name there, whose place it is about to take, or else those of the directory. Who is not root
// owns what it makes, and KeepIn does nothing. f has to be one that its caller made: another
// could be a second name of somebody else's file.
func KeepIn(root *os.Root, name string, f *os.File) error {
	if !isRoot() {
		return nil
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	before, err := root.Lstat(name)
	if err != nil || os.SameFile(before, now) {
		before, err = root.Stat(".")
	}
	if err != nil {
		return err
	}
	return Keep(f, before)
}

// Keep gives f, which its caller made, the owner and the group of what it takes the place of.
func Keep(f *os.File, before fs.FileInfo) error {
	if !isRoot() {
		return nil
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if uid, gid, differs := compare(before, now); differs {
		return f.Chown(uid, gid)
	}
	return nil
}
