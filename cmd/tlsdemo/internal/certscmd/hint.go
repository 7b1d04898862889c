package certscmd

import (
	"errors"
	"io/fs"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/retype"
)

// Hint returns the command that mends what kept a directory from being changed, or from being
// trusted. ok is false for other errors.
func Hint(err error) (line string, ok bool) {
	if unlimited, is := errors.AsType[*UnlimitedError](err); is {
		return in(unlimited.Dir, "rotate-ca").With("constraints", "full").String(), true
	}
	if f, is := errors.AsType[*certs.Finding](err); is && f.Code == certs.CRLExpired {
		dir, _ := errors.AsType[*cli.DirError](err)
		if dir == nil {
			return "", false
		}
		return in(dir.DirFlags, "crl").String(), true
	}
	change, is := errors.AsType[*ChangeError](err)
	if !is {
		return "", false
	}
	if hint := hintChange(change); hint.Known() {
		return hint.String(), true
	}
	return "", false
}

func hintChange(e *ChangeError) retype.Line {
	if outside, is := errors.AsType[*certs.NotPermittedError](e.Err); is {
		return in(e.Dir, "rotate-ca").With("name", outside.Name)
	}
	if still, is := errors.AsType[*certs.StillOldError](e.Err); is {
		return in(e.Dir, "renew", still.Names...)
	}
	if taken, is := errors.AsType[*certs.NameTakenError](e.Err); is {
		return in(e.Dir, "renew", taken.Name)
	}
	switch {
	case errors.Is(e.Err, certs.ErrRotating):
		return in(e.Dir, "rotate-ca").Alone("finish")
	case errors.Is(e.Err, fs.ErrNotExist):
		return in(e.Dir, "show")
	}
	return retype.Line{}
}

// in is a command of the group certs, for the same directory.
func in(dir cli.DirFlags, command string, args ...string) retype.Line {
	line := retype.Of(append([]string{"tlsdemo", "certs", command}, args...)...)
	if dir.Dir != "" {
		line = line.With("dir", dir.Dir)
	}
	return line
}
