package cli

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile puts data into a file, whole or not at all: into another beside it, called by
// pattern as in [os.CreateTemp], which then takes its name. Its mode is 0600. The information
// is that of the file that was written, also where the error is that it could not take the name.
func ReplaceFile(path, pattern string, data []byte) (fs.FileInfo, error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), pattern)
	if err != nil {
		return nil, err
	}
	_, err = tmp.Write(data)
	info, _ := tmp.Stat()
	err = cmp.Or(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return info, err
}
