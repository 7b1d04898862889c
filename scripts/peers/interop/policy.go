package interop

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// policies is where Chromium reads what those who manage the machine want.
const policies = "/etc/chromium/policies/managed"

// selectCertificate has a client certificate presented to localhost without a question.
const selectCertificate = `{"AutoSelectCertificateForUrls": ["{\"pattern\": \"https://localhost\", \"filter\": {}}"]}`

// installPolicy puts the policy into dir, in a file of its own, and returns what takes it
// away again, with the directories that had to be made for it.
func installPolicy(dir string) (remove func() error, err error) {
	made := absent(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "tlsdemo-*.json")
	if err != nil {
		return nil, errors.Join(err, removeAll(made))
	}
	remove = func() error { return removeAll(append([]string{f.Name()}, made...)) }
	_, err = f.WriteString(selectCertificate)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return nil, errors.Join(err, remove())
	}
	return remove, nil
}

// absent returns dir and those above it that do not exist, the deepest first.
func absent(dir string) []string {
	var all []string
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return all
		}
		all = append(all, dir)
	}
}

// removeAll removes files and directories. A directory that somebody else has put
// something into stays.
func removeAll(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := os.Remove(names[0]); err != nil {
		return err
	}
	for _, dir := range names[1:] {
		_ = os.Remove(dir)
	}
	return nil
}
