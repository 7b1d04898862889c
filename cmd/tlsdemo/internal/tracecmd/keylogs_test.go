package tracecmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A key log that grows is read once, and a line when it is whole; one that begins again is read again.
func TestKeyLogs(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys.log")
	var read bytes.Buffer
	k := newKeyLogs([]string{name}, &read)
	for i, step := range []struct {
		file, want string
		count      int
	}{
		{"", "", 0},
		{"one\ntw", "one\ntw", 1},
		{"one\ntw", "", 1},
		{"one\ntwo\n", "two\n", 2},
		{"one\ntwo\nthree\n", "three\n", 3},
		{"new\n", "new\n", 4},
		{strings.Repeat("x", 2*maxKeyLog) + "\nlast\n", strings.Repeat("x", maxKeyLog-6) + "\nlast\n", 5},
	} {
		if i > 0 {
			if err := os.WriteFile(name, []byte(step.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if len(step.file) > maxKeyLog {
			k.read = map[string]position{} // nobody has read it
		}
		read.Reset()
		count, err := k.look()
		if err != nil || count != step.count || read.String() != step.want {
			t.Errorf("step %d: %d, %v, %d bytes: %.40q", i, count, err, read.Len(), read.String())
		}
	}
}

// What is wrong with a key log is said once.
func TestKeyLogsWrong(t *testing.T) {
	k := newKeyLogs([]string{t.TempDir()}, new(bytes.Buffer))
	if _, err := k.look(); err == nil || !strings.Contains(err.Error(), "it is not a regular file") {
		t.Errorf("at first %v", err)
	}
	if _, err := k.look(); err != nil {
		t.Errorf("and then %v", err)
	}
}
