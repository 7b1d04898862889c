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
// trusted. typed is the command that failed. ok is false for other errors.
func Hint(err error, typed retype.Line) (line string, ok bool) {
	if unlimited, is := errors.AsType[*UnlimitedError](err); is {
		return in(unlimited.Dir, "rotate-ca").With("constraints", "full").String(), true
	}
	if locked, is := errors.AsType[*LockedError](err); is {
		line := retype.Of("tlsdemo", "certs", "import", locked.File).With("password-file", "password").With("dir", "imported")
		return "put the password into $" + cli.KeyPassword + "; or, to make a directory of the file: " + line.String(), true
	}
	if f, is := errors.AsType[*certs.Finding](err); is && (f.Code == certs.CRLExpired || f.Code == certs.CRLOlder) {
		dir, _ := errors.AsType[*cli.DirError](err)
		if dir == nil {
			return "", false
		}
		return in(dir.DirFlags, "crl").String(), true
	}
	if dir, is := errors.AsType[*cli.DirError](err); is {
		if line, ok := hintLists(dir.DirFlags, err); ok {
			return line, true
		}
		if line, ok := hintExpired(dir); ok {
			return line, true
		}
		return hintInterrupted(dir, typed)
	}
	change, is := errors.AsType[*ChangeError](err)
	if !is {
		return "", false
	}
	if hint := hintChange(change); hint.Known() {
		return hint.String(), true
	}
	return hintLists(change.Dir, err)
}

// hintLists is about a directory's own revocation lists that cannot be used, or that are lost.
// They are the only record of what was revoked by its serial number, so only a person knows
// whether they may go. No hint removes the file: until there is another, nobody would be refused.
func hintLists(flags cli.DirFlags, err error) (line string, ok bool) {
	dir, pathErr := flags.Path()
	f, is := errors.AsType[*certs.Finding](err)
	if pathErr != nil || !is || f.File != dir.CRLFile() {
		return "", false
	}
	again := in(flags, "crl")
	switch f.Code {
	case certs.FileMissing:
	case certs.CRLUnparsable, certs.CRLUntrusted:
		again = again.Alone("force")
	default:
		return "", false
	}
	return "put a copy of the list back; or, if nothing was revoked but what is in the directory \"revoked\": " + again.String(), true
}

// hintExpired is about a set of ours in which nothing is wrong but that certificates have expired.
func hintExpired(e *cli.DirError) (line string, ok bool) {
	dir, pathErr := e.Path()
	set, is := errors.AsType[*cli.UnsoundSet](e)
	if pathErr != nil || !is || !e.Made || !canIssue(dir) ||
		slices.ContainsFunc(set.Findings, func(f *certs.Finding) bool { return f.Code != certs.CertExpired }) {
		return "", false
	}
	return "renew what has expired: " + in(e.DirFlags, "renew").String(), true
}

// hintInterrupted is about what a command that was interrupted has left: a key that has no
// certificate yet, or files of what has been revoked. A person who types certs init wants a whole set.
func hintInterrupted(e *cli.DirError, typed retype.Line) (line string, ok bool) {
	dir, err := e.Path()
	f, is := errors.AsType[*certs.Finding](e)
	if err != nil || !is || filepath.Dir(f.File) != filepath.Clean(string(dir)) || filepath.Ext(f.File) != ".crt" {
		return "", false
	}
	name := strings.TrimSuffix(filepath.Base(f.File), ".crt")
	first := name == certs.Server || name == certs.Client
	switch {
	case f.Code == certs.CertRevoked:
		return "put its files aside: " + in(e.DirFlags, "revoke", name).String(), true
	case f.Code == certs.FileMissing && isFile(dir.Files(name).Key) && name != certs.CA && !first:
		return "issue it, for the key that is there, with the flags that it needs: " + in(e.DirFlags, "issue", name).String(), true
	case f.Code == certs.FileMissing && first && e.Made && !typed.Is("certs", "init") && canIssue(dir):
		return "issue another one, with a --name for each further name that it needs: " + in(e.DirFlags, "issue", name).Alone(name).String(), true
	}
	return "", false
}

// canIssue reports whether the directory has its CA, and the key of it, which may be encrypted.
func canIssue(dir certs.Dir) bool {
	_, err := dir.Pair(certs.CA)
	f, is := errors.AsType[*certs.Finding](err)
	return err == nil || is && f.Code == certs.KeyEncrypted
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
