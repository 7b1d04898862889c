package tracefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
)

// Flags say whether connections are recorded, and where that is shown.
type Flags struct {
	To           string // a file, or Terminal, or empty: nothing is recorded
	Short, Share bool
}

// Terminal stands for the standard error.
const Terminal = "-"

// Register adds the flags.
func (f *Flags) Register(flags *pflag.FlagSet) {
	flags.StringVar(&f.To, "trace", "", "show every message of the connection, decrypted and explained, and where it broke off, on the standard error; or write that to a new `FILE`: "+Endings())
	flags.Lookup("trace").NoOptDefVal = Terminal
	flags.BoolVar(&f.Short, "short", false, "with --trace: leave out the sentences that say what each message is for")
	flags.BoolVar(&f.Share, "share", false, "with --trace=FILE: leave out secrets, tickets and data, so that the file can be passed on")
}

// On reports whether anything is recorded.
func (f *Flags) On() bool { return f.To != "" }

// File is the file to write, or empty.
func (f *Flags) File() string {
	if f.To == Terminal {
		return ""
	}
	return f.To
}

// Dir is the directory to write, of a server, or empty: one that is there, or a name without an
// ending.
func (f *Flags) Dir() string {
	path := f.File()
	if info, err := os.Stat(path); path != "" && (err == nil && info.IsDir() || filepath.Ext(path) == "") {
		return path
	}
	return ""
}

// Warnings say that a directory will hold secrets, and that others may change what is in it. There are
// none where there is no directory.
func (f *Flags) Warnings() (warnings []string) {
	dir := f.Dir()
	if dir == "" {
		return nil
	}
	if !f.Share {
		warnings = append(warnings, "WARNING: "+dir+" WILL HOLD SECRETS: whoever has its files can read everything that is said; do not pass them on (for that there is --share)")
	}
	if info, err := os.Stat(dir); err == nil && exposed[cli.AccessTo(info)] != "" {
		warnings = append(warnings, "WARNING: "+dir+": "+exposed[cli.AccessTo(info)])
	}
	return warnings
}

// exposed is what is wrong with a directory. That others can see what files there are is not.
var exposed = map[cli.Access]string{
	cli.Foreign:  "this directory belongs to another user, who can remove the files in it and put others in their place",
	cli.Writable: "other users can write to this directory, and put other files in it: set its mode to 0700",
}

// CheckServer finds what is wrong with what was typed for a server. One that serves one client
// writes a file. One that goes on would have to choose of whom: it writes a directory.
func (f *Flags) CheckServer(once bool) error {
	switch {
	case f.Dir() != "":
		return nil
	case !once && Known(f.File()):
		return fmt.Errorf("--trace: %s is the file of one connection, and this server goes on: add --once, or type --trace=%s for a directory with a file of each", f.File(), strings.TrimSuffix(f.File(), filepath.Ext(f.File())))
	}
	return f.Check()
}

// Check finds what is wrong with what was typed.
func (f *Flags) Check() error {
	file := f.File()
	switch {
	case f.Short && !f.On():
		return errors.New("--short needs --trace")
	case f.Share && file == "":
		return errors.New("--share needs --trace=FILE")
	case file != "" && !Known(file):
		return fmt.Errorf("--trace: %w", &EndingError{Path: file})
	case f.Share && ending(file) == ".pcapng":
		return errors.New("--share: a .pcapng has everything in it and can only be opened with its secrets: use .html, .json or .txt")
	}
	return nil
}

// CheckWords finds a file that was typed behind --trace without the sign that belongs between them,
// so that it is an argument. words are what was typed.
func (f *Flags) CheckWords(words []string) error {
	at := slices.Index(words, "--trace") + 1
	if at == 0 || at == len(words) || !Known(words[at]) {
		return nil
	}
	return fmt.Errorf("to write a trace to %s, type --trace=%s", words[at], words[at])
}

// Prepare finds out whether the file can be written.
func (f *Flags) Prepare() error {
	if f.File() == "" {
		return nil
	}
	if err := cli.CheckNew(f.File()); err != nil {
		return failed(err)
	}
	return nil
}

// Style is how ladders are drawn. every has them show every byte.
func (f *Flags) Style(every, colour bool) ladder.Style {
	return ladder.Style{Short: f.Short, Bytes: every, ASCII: !isUTF8(), Colour: colour && os.Getenv("NO_COLOR") == ""}
}

// isUTF8 reports whether what we write is read as UTF-8: setlocale(3), and on Windows always.
func isUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ReplaceAll(strings.ToLower(value), "-", "")
			return strings.Contains(value, "utf8")
		}
	}
	return runtime.GOOS == "windows"
}
