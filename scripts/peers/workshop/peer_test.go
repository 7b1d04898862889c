package workshop

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestMissing(t *testing.T) {
	for what, test := range map[string]struct {
		needs []string
		want  string
	}{
		"nothing":          {nil, ""},
		"a program":        {[]string{"go"}, ""},
		"no such program":  {[]string{"go", "no-such-program"}, "no-such-program"},
		"a file":           {[]string{"/de?/null"}, ""},
		"no such file":     {[]string{"/dev/null", "/dev/no-such-*"}, "/dev/no-such-*"},
		"the first of two": {[]string{"/dev/no-such-1", "no-such-program"}, "/dev/no-such-1"},
	} {
		if got := (Peer{Needs: test.needs}).Missing(); got != test.want {
			t.Errorf("%s: got %q, want %q", what, got, test.want)
		}
	}
}

// What a word stands for stays one argument, whatever is in it.
func TestExpand(t *testing.T) {
	got := expand(" run  --file={file} {empty} x", strings.NewReplacer("{file}", "a b", "{empty}", ""))
	if want := []string{"run", "--file=a b", "", "x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is started is the interpreter itself, and every other program by its name.
func TestProgram(t *testing.T) {
	w := &Workshop{python: sync.OnceValue(interpreter)}
	if got := w.program("openssl"); got != "openssl" {
		t.Errorf("openssl is %q", got)
	}
	if there("python3") && !there(w.program("python3")) {
		t.Errorf("python3 is %q, which is not there", w.program("python3"))
	}
}
