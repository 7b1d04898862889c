package console

import (
	"os/exec"
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
	} {
		if got := ShellWord(c.in); got != c.want {
			t.Errorf("ShellWord(%q) is %s, want %s", c.in, got, c.want)
		}
	}
}

// A shell makes of a word what it was.
func FuzzShellWord(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip(err)
	}
	for _, s := range []string{"", "a b", "it's", "\x1b[2J", "世界", "$(id)", "-n", "%s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, b := range []byte(s) {
			if b == 0 || b == '\n' {
				t.Skip("no word of a shell has a null, nor $(...) a line end at its end")
			}
		}
		out, err := exec.CommandContext(t.Context(), sh, "-c", "printf %s "+ShellWord(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("of %q a shell makes %q, %v", s, out, err)
		}
	})
}
