package console

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestShellWord(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"certs/ca.crt", "certs/ca.crt"},
		{"", "''"},
		{"two words", "'two words'"},
		{"it's", `'it'\''s'`},
		{"$HOME`id`\\", "'$HOME`id`\\'"},
		{"[::1]:9999", "'[::1]:9999'"}, // a pattern to zsh
		{"grüße", "'grüße'"},
		{"\x16\x03\x03", `"$(printf '\026\003\003')"`},
		{"a\nb", `"$(printf '\141\012\142')"`},
		{"a 'b'\\\n", `$'a \'b\'\\\n'`},
		{"GET / HTTP/1.0\r\n\r\n", `$'GET / HTTP/1.0\015\n\015\n'`},
	} {
		if got := ShellWord(c.in); got != c.want {
			t.Errorf("ShellWord(%q) is %s, want %s", c.in, got, c.want)
		}
	}
}

func TestShellWords(t *testing.T) {
	for line, want := range map[string][]string{
		"tlsdemo send --addr=127.0.0.1:1": {"tlsdemo", "send", "--addr=127.0.0.1:1"},
		`a  'two words' --x='it'\''s'`:    {"a", "two words", "--x=it's"},
		"--alpn= ''":                      {"--alpn=", ""},
		`C:\\certs`:                       {`C:\certs`},
	} {
		if got, err := ShellWords(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", line, got, err, want)
		}
	}
	for _, line := range []string{"", " ", "a >b", "$(id)", "a; b", `"a"`, "'a", "a && b"} {
		if got, err := ShellWords(line); err == nil {
			t.Errorf("%s: %q, want an error", line, got)
		}
	}
}

// A shell makes of a word what it was.
func FuzzShellWord(f *testing.F) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Skip(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip(err)
	}
	for _, s := range []string{"", "a b", "it's", "\x1b[2J", "世界", "$(id)", "-n", "%s", "a\nb", "one line\n", "世\\'\x01\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") {
			t.Skip("no word of a shell has a null")
		}
		if words, err := ShellWords(ShellWord(s)); Clean(s) == s && (err != nil || !slices.Equal(words, []string{s})) {
			t.Errorf("of %q ShellWords makes %q, %v", s, words, err)
		}
		shell := sh
		if strings.HasSuffix(s, "\n") {
			shell = bash // not every sh is of 2024
		}
		out, err := exec.CommandContext(t.Context(), shell, "-c", "printf %s "+ShellWord(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("of %q a shell makes %q, %v", s, out, err)
		}
	})
}
