package certscmd

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

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
	if dir, is := errors.AsType[*cli.DirError](err); is {
		return hintInterrupted(dir)
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

// hintInterrupted is about what a command that was interrupted has left: a key that has no
// certificate yet, or files of what has been revoked.
func hintInterrupted(e *cli.DirError) (line string, ok bool) {
	dir, err := e.Path()
	f, is := errors.AsType[*certs.Finding](e)
	if err != nil || !is || filepath.Dir(f.File) != filepath.Clean(string(dir)) || filepath.Ext(f.File) != ".crt" {
		return "", false
	}
	name := strings.TrimSuffix(filepath.Base(f.File), ".crt")
	switch {
	case f.Code == certs.CertRevoked:
		return "put its files aside: " + in(e.DirFlags, "revoke", name).String(), true
	case f.Code == certs.FileMissing && isFile(dir.Files(name).Key) && !slices.Contains([]string{certs.CA, certs.Server, certs.Client}, name):
		return "issue it, for the key that is there, with the flags that it needs: " + in(e.DirFlags, "issue", name).String(), true
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
	if revoked, is := errors.AsType[*certs.RevokedError](e.Err); is {
		return in(e.Dir, "renew", revoked.Name).Alone("new-key")
	}
	if f, is := errors.AsType[*certs.Finding](e.Err); is && f.Code == certs.CertExpired { // only the CA's date matters
		return in(e.Dir, "renew", certs.CA)
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
