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
		{"old\n", "old\n", 5}, // another, of the same size
		{"and\nmore\n", "and\nmore\n", 6},
		{"and\nmore\nha", "ha", 7},
		{"and\nmore\nhalf", "half", 8},
		{"the\nrest\nhalf", "the\nrest\nhalf", 9}, // another, of the same size
		{strings.Repeat("x", 2*maxKeyLog) + "\nlast\n", strings.Repeat("x", maxKeyLog-6) + "\nlast\n", 10},
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

// A key log that has grown by more than is read at a time is read on, although it grows no more.
func TestKeyLogsGrowAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys.log")
	var read bytes.Buffer
	k := newKeyLogs([]string{name}, &read)
	line := strings.Repeat("x", 1<<10-1) + "\n"
	for _, file := range []string{line, strings.Repeat(line, maxKeyLog>>10) + line + "last\n"} {
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = k.look()
	}
	if _, err := k.look(); err != nil || !strings.HasSuffix(read.String(), "last\n") {
		t.Errorf("%v, %d bytes", err, read.Len())
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
