package keylog

import (
	"bytes"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// opened is what becomes of a path that the flag names, or else the environment.
func opened(t *testing.T, flag, variable string) (log *Log, warning string, err error) {
	t.Helper()
	var f Flags
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f.Register(set)
	if err := set.Parse([]string{"--keylog=" + flag}); err != nil {
		t.Fatal(err)
	}
	log, err = f.Open(variable, func(text string) { warning += text })
	t.Cleanup(func() { _ = log.Close() })
	return log, warning, err
}

// The flag comes before the environment, a file that is not there is made for us alone, and one that is
// there is added to. That it holds secrets is said loudly.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	byFlag, byVariable := filepath.Join(dir, "flag"), filepath.Join(dir, "variable")
	for _, test := range []struct{ flag, variable, path, warning string }{
		{"", "", "", ""},
		{byFlag, "", byFlag, "WARNING: --keylog: THE SECRETS of all connections go to " + byFlag},
		{"", byVariable, byVariable, "WARNING: SSLKEYLOGFILE: THE SECRETS of all connections go to " + byVariable},
		{byFlag, filepath.Join(dir, "unused"), byFlag, "WARNING: --keylog: "},
	} {
		log, warning, err := opened(t, test.flag, test.variable)
		if err != nil || (log == nil) != (test.path == "") || !strings.HasPrefix(warning, test.warning) {
			t.Errorf("%+v: %v, %q, %v", test, log, warning, err)
			continue
		}
		if log == nil {
			continue
		}
		_, _ = log.Write([]byte("line\n"))
		info, err := os.Stat(test.path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%s has the mode %v", test.path, info.Mode())
		}
	}
	if got, _ := os.ReadFile(byFlag); string(got) != "line\nline\n" {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "unused")); err == nil {
		t.Error("the file of the environment was made, too")
	}
}

// A file that others can read or write, or that is none, is not used: that is an error where the flag
// names it, and a warning where the environment does.
func TestOpenRefused(t *testing.T) {
	dir := t.TempDir()
	inDir := func(name string) string { return filepath.Join(dir, name) }
	tests := map[string]string{dir: "it is not a regular file", inDir("none/file"): "no such file"}
	if runtime.GOOS == "windows" {
		tests = map[string]string{dir: "it is not a regular file"}
	} else {
		for name, mode := range map[string]os.FileMode{"readable": 0o644, "writable": 0o660} {
			if err := errors.Join(os.WriteFile(inDir(name), nil, mode), os.Chmod(inDir(name), mode)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(inDir("ours"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(inDir("ours"), inDir("link")); err != nil {
			t.Fatal(err)
		}
		tests[inDir("readable")] = "other users can read it"
		tests[inDir("writable")] = "other users can write it"
		tests[inDir("link")] = "it is not a regular file"
		if err := os.Symlink(inDir("made"), inDir("dangling")); err != nil {
			t.Fatal(err)
		}
		tests[inDir("dangling")] = "it is not a regular file"
	}
	for path, why := range tests {
		log, warning, err := opened(t, path, "")
		_, local := errors.AsType[*cli.LocalError](err)
		if log != nil || warning != "" || !local || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), "--keylog: ") {
			t.Errorf("--keylog=%s: %v, %q, %v", path, log, warning, err)
		}
		log, warning, err = opened(t, "", path)
		if log != nil || err != nil || !strings.HasPrefix(warning, "SSLKEYLOGFILE is not used: ") || !strings.Contains(warning, why) {
			t.Errorf("SSLKEYLOGFILE=%s: %v, %q, %v", path, log, warning, err)
		}
	}
	if _, err := os.Lstat(inDir("made")); err == nil {
		t.Error("a file was made where a link leads to")
	}
}

// A file that somebody has put in the place of the one that was opened, or a link to that one, is not
// taken for it.
func TestOpenReplaced(t *testing.T) {
	dir := t.TempDir()
	ours, other, link := filepath.Join(dir, "ours"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(other, nil, 0o600), os.Symlink(ours, link)); err != nil {
		t.Skip("there are no links: ", err)
	}
	file, err := open(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for path, want := range map[string]error{ours: nil, other: errNotRegular, link: errNotRegular} {
		if err := strange(path, file); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Connections go on where their secrets cannot be written, and that is said once.
func TestWriteFails(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	var warnings []string
	log := &Log{file: file, Warn: func(text string) { warnings = append(warnings, text) }}
	for range 3 {
		if n, err := log.Write([]byte("line\n")); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "the key log is not complete: ") {
		t.Errorf("%q", warnings)
	}
	if err := log.Close(); err != nil {
		t.Errorf("nobody has asked for it: %v", err)
	}
	log.asked = true
	var local *cli.LocalError
	if err := log.Close(); !errors.As(err, &local) {
		t.Errorf("the flag names it: %v", err)
	}
}

// A configuration writes its secrets into the file, and to where it wrote them before. It has no old
// tickets any more, and is itself not changed.
func TestConfig(t *testing.T) {
	var none *Log
	var before bytes.Buffer
	config := &tls.Config{KeyLogWriter: &before, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	if none.Config(config) != config {
		t.Error("without a log the configuration is another")
	}
	none.Close()
	path := filepath.Join(t.TempDir(), "log")
	log, _, err := opened(t, path, "")
	if err != nil {
		t.Fatal(err)
	}
	writes := log.Config(config)
	if config.KeyLogWriter != &before || config.ClientSessionCache == nil || writes.ClientSessionCache != nil {
		t.Error("the configuration was changed, or its clone resumes sessions of TLS 1.2")
	}
	_, _ = writes.KeyLogWriter.Write([]byte("line\n"))
	if got, _ := os.ReadFile(path); string(got) != "line\n" || before.String() != "line\n" {
		t.Errorf("%q, %q", got, &before)
	}
	if alone := log.Config(new(tls.Config)); alone.KeyLogWriter != log {
		t.Errorf("%T", alone.KeyLogWriter)
	}
}
