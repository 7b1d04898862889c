package cli

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile puts data into a file, whole or not at all: into another beside it, called by
// pattern as in [os.CreateTemp], which then takes its name. Its mode is 0600. The information
// is that of the file that was written, also where the error is that it could not take the name.
func ReplaceFile(path, pattern string, data []byte) (fs.FileInfo, error) {
	tmp, info, err := writeBeside(path, pattern, data)
	if err != nil {
		return info, err
	}
	err = os.Rename(tmp, path)
	if err != nil {
		_ = os.Remove(tmp)
	}
	return info, err
}

// writeBeside writes a file that is to take the place of path.
func writeBeside(path, pattern string, data []byte) (string, fs.FileInfo, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), pattern)
	if err != nil {
		return "", nil, err
	}
	_, err = tmp.Write(data)
	info, _ := tmp.Stat()
	if err = cmp.Or(err, errors.Join(tmp.Sync(), tmp.Close())); err != nil {
		_ = os.Remove(tmp.Name())
	}
	return tmp.Name(), info, err
}

// WriteNew writes a file that only its owner may read, whole or not at all, and never over
// another.
func WriteNew(path string, data []byte) error {
	tmp, _, err := writeBeside(path, ".tlsdemo-*", data)
	if err != nil {
		return named(path, err)
	}
	// Whoever comes second finds that the name is taken.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := errors.Join(f.Close(), os.Rename(tmp, path)); err != nil {
		return errors.Join(err, os.Remove(path), os.Remove(tmp))
	}
	return nil
}

// CheckNew finds out whether [WriteNew] could write a file, before there is anything to write.
func CheckNew(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tlsdemo-*")
	if err != nil {
		return named(path, err)
	}
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// named is the error about a file that stands in for path, as one about path.
func named(path string, err error) error {
	failed, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	return &fs.PathError{Op: "create", Path: path, Err: failed.Err}
}
