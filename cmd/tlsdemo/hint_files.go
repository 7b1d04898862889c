package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
	"tlsdemo/cmd/tlsdemo/internal/certscmd"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
)

// hintFiles is about files and directories of this machine.
func hintFiles(f *problem) string {
	finding, found := errors.AsType[*certs.Finding](f.err)
	own, inDir := errors.AsType[*cli.DirError](f.err)
	switch {
	case found && finding.Format != nil:
		return hintFormat(f, finding)
	case found && errors.Is(finding, fs.ErrPermission):
		return hintDenied(finding)
	case found && finding.Code == certs.KeyExposed:
		return "chmod 600 " + console.ShellWord(finding.File)
	case found && finding.Code == certs.FileWritable:
		return "chmod go-w " + console.ShellWord(finding.File)
	case found && errors.Is(finding, certs.ErrNoPassphrase):
		return "write the passphrase into the file passphrase.txt, then type: " + f.here().With("password-file", "passphrase.txt").String()
	case found && finding.Code == certs.KeyPassphrase:
		return "" // only a person knows the right one
	case found && finding.Code == certs.KeyEncrypted && !inDir:
		return hintLocked(f, finding)
	case inDir:
		return hintDir(f, own)
	}
	return hintFile(f, finding)
}

// hintDir is about a directory. Only one that we made is ever made again.
func hintDir(f *problem, err *cli.DirError) string {
	init := retype.Of("tlsdemo", "certs", "init")
	if f.typed.Is("certs", "init") {
		init = f.typed
	}
	if err.Dir != "" {
		init = init.With("dir", err.Dir)
	}
	foreign, isForeign := errors.AsType[*cli.ForeignDir](err)
	switch {
	case is[*certscmd.NotInit](err):
		return hintNotInit(init, err)
	case isForeign:
		return hintForeign(f, foreign.Layout)
	case errors.Is(err, cli.ErrNoSet):
		return init.String()
	case err.Made && !f.typed.Is("certs"):
		return f.renewing(init.Alone("force"))
	case err.Made:
		return "make a new set (the old one is kept): " + init.Alone("force").String()
	}
	if finding, ok := errors.AsType[*certs.Finding](err); ok {
		return hintFile(f, finding)
	}
	return ""
}

// hintForeign names the files of a directory of another program, for the end that would
// use them, and otherwise shows them.
func hintForeign(f *problem, layout *certs.Layout) string {
	usage := certs.ServerAuth
	switch {
	case f.typed.Is("certs", "init"):
		return "make a set in another directory: " + f.typed.With("dir", besideDir(layout.Dir)).String()
	case f.typed.Is("certs", "show"):
		return ""
	case !f.typed.Is("serve"):
		usage = certs.ClientAuth
	}
	files, err := layout.Files(usage)
	if err != nil {
		return "name the files to use with --cert, --key and --ca; this directory has " + err.Error()
	}
	if files.CA == "" {
		return fmt.Sprintf("use --cert=%s --key=%s, and give the CA of the other end with --ca", console.ShellWord(files.Cert), console.ShellWord(files.Key))
	}
	return withFiles(f.here(), files).String()
}

// hintNotInit is about a directory that certs init cannot use.
func hintNotInit(init retype.Line, err *cli.DirError) string {
	path, _ := err.Path() // which certs init has found
	if target, err := os.Readlink(string(path)); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(string(path)), target)
		}
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			return "mkdir -p " + console.ShellWord(target) + " && " + init.String()
		}
	}
	here, _ := os.Getwd()
	in, _ := os.Stat(here)
	if dir, _ := os.Stat(string(path)); os.SameFile(in, dir) {
		return "cd .. && " + init.With("dir", filepath.Base(here)).String()
	}
	if refused, ok := errors.AsType[*fs.PathError](err); ok && (refused.Op == "fill" || refused.Op == "replace") {
		return "use another directory: " + init.Without("force").With("dir", besideDir(path)).String()
	}
	return ""
}

// besideDir is the name of a new directory beside another, or in one that was named by dots.
func besideDir(dir certs.Dir) string {
	if name := filepath.Clean(string(dir)); strings.Trim(filepath.Base(name), ".") != "" {
		return unused(name+"-tlsdemo", "-", "")
	}
	return unused(filepath.Join(string(dir), "tlsdemo"), "-", "")
}

// hintFile is about a file that somebody named, so that it is not ours to replace.
func hintFile(f *problem, finding *certs.Finding) string {
	switch finding.Code {
	case certs.CAFileEmpty, certs.CertNotCA, certs.PEMSwapped, certs.CertUnparsable:
		if finding.File != "" && finding.File == f.origin.files.CA {
			return hintTrustFile(f)
		}
	}
	if f.typed.Is("certs") && finding.Code != certs.KeyUnsupported {
		return "" // the rest is for who uses the files
	}
	switch finding.Code {
	case certs.KeyMismatch, certs.PEMSwapped, certs.KeyUnparsable:
		return hintPair(f, finding)
	case certs.ChainOrder:
		return hintOrder(f, finding)
	case certs.KeyUnsupported:
		return "ask the CA for a certificate with a key that TLS can use, such as ECDSA P-256"
	case certs.CANamesTooLong:
		return "put only the CAs that issue your clients' certificates into the file of --ca"
	case certs.FileMissing:
		if crl, _ := f.typed.Value("crl"); crl == finding.File {
			return "put a copy of the revocation list there, or get it from the CA that signs it"
		}
	}
	if errors.Is(finding, syscall.EISDIR) {
		return hintDirectory(f, finding)
	}
	return ""
}

// hintDenied is about a file that the user who typed may not read, or whose directory is closed to
// that user. The owner can act, and root. A certificate is no secret, but a private key is one.
func hintDenied(finding *certs.Finding) string {
	path, owner := finding.File, fs.FileMode(0o400)
	info, err := os.Stat(path)
	if err != nil {
		path, owner = filepath.Dir(path), 0o100
		info, err = os.Stat(path)
	}
	word := console.ShellWord(path)
	switch {
	case err == nil && info.Mode()&owner == 0:
		return "its owner can permit it: chmod u+rX " + word
	case err != nil || info.IsDir():
		return "run the command as the user who owns the directory " + word + ": it is closed to others"
	case finding.Code == certs.CertUnreadable || finding.Code == certs.CRLUnreadable:
		return "its owner can let everybody read it, as it is no secret: chmod a+r " + word
	case runtime.GOOS == "windows":
		return "run the command as the user who owns the file"
	}
	return fmt.Sprintf("run the command as the user who owns the file; or, as root, give the file to this user: chown %d %s", os.Getuid(), word)
}

// hintDirectory is about a directory that was named in place of a file. What is in it may be what
// was meant. Docker makes an empty one if the file that is to be mounted there does not exist.
func hintDirectory(f *problem, finding *certs.Finding) string {
	dir := certs.Dir(finding.File)
	switch finding.File {
	case f.origin.files.Cert:
		if layout := dir.Layout(); layout != nil {
			return hintForeign(f, layout)
		}
		if cli.CheckLayout(dir) == nil {
			return "use the set in that directory: " + f.here().Without("cert", "key", "ca").With("dir", string(dir)).String()
		}
		return "put the file with the certificate there, in place of the directory"
	case f.origin.files.CA:
		if cas := casIn(dir); len(cas) == 1 {
			return "use the CA in that directory: " + f.here().With("ca", cas[0]).String()
		}
		return "give one file with --ca, with the certificates of all CAs that are to be trusted"
	}
	if leaf := f.origin.leaf(); leaf != nil && finding.File == f.origin.files.Key {
		return "put the file with the private key there, in place of the directory; if the key is lost, ask the CA that issued the certificate, " +
			chain.Issuer(leaf) + ", for a new one"
	}
	return "" // a list, or a policy
}

// casIn are the files of a directory that have the certificates of CAs.
func casIn(dir certs.Dir) []string {
	var paths []string
	for _, file := range dir.Files(certs.CA).Nearby() {
		if chain.MayIssue(file.Certs[0]) {
			paths = append(paths, file.Path)
		}
	}
	return paths
}

// hintTrustFile is about a file in which there is no CA to trust: where our own certificate
// has a CA, that is likely to be the one.
func hintTrustFile(f *problem) string {
	if ca := f.origin.issuerOf(f.origin.leaf()); ca != "" {
		return "use the CA of our own certificate: " + f.here().With("ca", ca).String()
	}
	return "ask the CA that issued the other end's certificate for the certificate of the CA, and give that with --ca"
}

// hintPair is about a certificate and a key that do not belong together: perhaps they have
// changed places, or the right key lies beside.
func hintPair(f *problem, finding *certs.Finding) string {
	files := f.origin.files
	if certs.Swapped(files.Cert, files.Key) {
		return f.here().With("cert", files.Key).With("key", files.Cert).String()
	}
	if key := certs.KeyBeside(files.Cert); key != "" {
		files.Key = key
		return withFiles(f.here(), files).String()
	}
	if leaf := f.origin.leaf(); leaf != nil && finding.Code != certs.PEMSwapped {
		return "give the key that belongs to the certificate of --cert; if it is lost, ask the CA that issued the certificate, " + chain.Issuer(leaf) + ", for a new one"
	}
	return "--cert and --ca need certificates, and --key needs the private key that belongs to the certificate of --cert"
}

// hintLocked takes the passphrase off a copy of a key in OpenSSL's old format (RFC 1421),
// which we do not decrypt.
func hintLocked(f *problem, finding *certs.Finding) string {
	out := beside(finding.File)
	return fmt.Sprintf("openssl pkey -in %s -out %s && %s", console.ShellWord(finding.File), console.ShellWord(out), f.here().With("key", out))
}

// hintOrder puts the certificate first to which the key belongs.
func hintOrder(f *problem, finding *certs.Finding) string {
	name := beside(finding.File)
	in, out := console.ShellWord(finding.File), console.ShellWord(name)
	pick := func(op string) string {
		return fmt.Sprintf("awk '/-BEGIN .*CERTIFICATE-/{n++} n%s%d' %s", op, finding.Place, in)
	}
	return fmt.Sprintf("%s >%s && %s >>%s && %s", pick("=="), out, pick("!="), out, f.here().With("cert", name))
}

// hintFormat converts the files that are in a format of other programs, and goes on with
// what comes out.
func hintFormat(f *problem, finding *certs.Finding) string {
	if finding.File == "" {
		return "" // the standard input
	}
	if !f.typed.Is("serve") && !f.typed.Is("send") && !f.typed.Is("probe") {
		out := beside(finding.File)
		convert := finding.Format.Convert(shape.Certificate, console.ShellWord(finding.File), console.ShellWord(out))
		if convert == "" {
			return ""
		}
		return convert + " && " + f.typed.Replace(finding.File, out).String()
	}
	line, converts := f.typed, []string{}
	files := f.origin.files
	for _, file := range []struct {
		use        shape.Use
		flag, path string
	}{{shape.Certificate, "cert", files.Cert}, {shape.Key, "key", files.Key}, {shape.Trust, "ca", files.CA}} {
		format := f.origin.formats[file.path]
		if format == nil {
			continue
		}
		out := beside(strings.TrimSuffix(file.path, ".pem") + "." + file.flag)
		convert := format.Convert(file.use, console.ShellWord(file.path), console.ShellWord(out))
		if convert == "" {
			return ""
		}
		converts = append(converts, convert)
		line = line.With(file.flag, out)
	}
	return strings.Join(append(converts, line.String()), " && ")
}

// beside is the name of a new file in PEM beside another.
func beside(file string) string { return unused(file, ".", ".pem") }

// unused is a name under which there is nothing: name and ext, with a number in between if
// need be.
func unused(name, separator, ext string) string {
	for i := 0; ; i++ {
		number := ""
		if i > 0 {
			number = separator + strconv.Itoa(i)
		}
		if _, err := os.Lstat(name + number + ext); err != nil {
			return name + number + ext
		}
	}
}
