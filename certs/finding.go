package certs

import (
	"errors"
	"io/fs"

	"tlsdemo/certs/shape"
)

// Code names a kind of defect. Codes are stable: scripts and logs may rely on them.
type Code string

// The defects of certificates, keys and the files that hold them.
const (
	FileMissing    Code = "file-missing"
	CertUnreadable Code = "cert-unreadable"
	CertUnparsable Code = "cert-unparsable"
	KeyUnreadable  Code = "key-unreadable"
	KeyUnparsable  Code = "key-unparsable"
	KeyEncrypted   Code = "key-encrypted"
	KeyMismatch    Code = "key-mismatch"
	KeyUnsupported Code = "key-unsupported"
	ChainOrder     Code = "chain-order"
	ChainTooLarge  Code = "chain-too-large"
	FileFormat     Code = "file-format"
	FileWritable   Code = "file-writable"
	KeyExposed     Code = "key-exposed"
	PEMSwapped     Code = "pem-swapped"
	CAFileEmpty    Code = "ca-file-empty"
	CANamesTooLong Code = "ca-names-too-long"
	CertExpired    Code = "cert-expired"
	CertNotYet     Code = "cert-not-yet-valid"
	CertNotCA      Code = "cert-not-ca"
	CertUsage      Code = "cert-wrong-usage"
	CertNoSAN      Code = "cert-no-san"
	CertUntrusted  Code = "cert-untrusted"
	CertWeak       Code = "cert-weak"
	CertRevoked    Code = "cert-revoked"
	CertNotAllowed Code = "cert-not-allowed"
	CRLUnreadable  Code = "crl-unreadable"
	CRLUnparsable  Code = "crl-unparsable"
	CRLUntrusted   Code = "crl-untrusted"

	CRLExpired Code = "crl-expired"
	CRLOtherCA Code = "crl-other-ca"

	CertRefusedBySome     Code = "cert-refused-by-some"
	ConstraintUnsupported Code = "constraint-unsupported"
)

// Codes returns every code.
func Codes() []Code {
	codes := make([]Code, len(catalogue))
	for i, entry := range catalogue {
		codes[i] = entry.code
	}
	return codes
}

// Text says what the code means.
func (c Code) Text() string {
	for _, entry := range catalogue {
		if entry.code == c {
			return entry.text
		}
	}
	return ""
}

var catalogue = []struct {
	code Code
	text string
}{
	{FileMissing, "A file of the set is not there, or one that was named."},
	{CertUnreadable, "A certificate file cannot be read: permissions, a directory, or more than 4 MiB."},
	{CertUnparsable, "A certificate file holds no certificate, or a broken one."},
	{KeyUnreadable, "A key file cannot be read: permissions, a directory, or more than 4 MiB."},
	{KeyUnparsable, "A key file holds no private key of a known kind, PKCS#8, PKCS#1 or SEC 1, or a broken one."},
	{KeyEncrypted, "A private key is locked with a passphrase. Nothing here ever prompts: it has to be unlocked first."},
	{KeyMismatch, "A private key belongs to another certificate than the one it is given with."},
	{KeyUnsupported, "A private key is of a kind or on a curve that no handshake can use: TLS 1.3 has RSA, Ed25519, and ECDSA on P-256, P-384 and P-521."},
	{ChainOrder, "The private key belongs to a certificate of the file, but not to the first: the leaf has to come first, then the one that issued it, and so on."},
	{ChainTooLarge, "The certificates of one end are larger than the other end reads: Go refuses more than 256 KiB, OpenSSL by default more than 100 KiB."},
	{FileFormat, "A file is in another format than PEM or DER, such as PKCS#12; the hint has the command that converts it. For PKCS#12 files of older programs, OpenSSL 3 also needs -legacy. As a warning: a file holds something that is not used, or that other programs do not read."},
	{FileWritable, "Others than the owner may change a certificate, or exchange files in the directory."},
	{KeyExposed, "Others than the owner may read or change a private key."},
	{PEMSwapped, "A private key stands where a certificate is expected, or the reverse."},
	{CAFileEmpty, "A trust file holds no certificate at all, so every peer would be refused."},
	{CANamesTooLong, "A server trusts so many CAs that their names do not fit into its request for a client's certificate: TLS has 65,535 bytes for it."},
	{CertExpired, "A certificate is past its end."},
	{CertNotYet, "A certificate begins in the future. Most often a clock is wrong."},
	{CertNotCA, "A certificate that may not issue others stands where that of a CA is expected."},
	{CertUsage, "A certificate, or a CA above it, does not have the extended key usage of its role."},
	{CertNoSAN, "The certificate of a server has no subject alternative name, so no client can find its name in it."},
	{CertUntrusted, "The chain of a certificate does not lead to the CA, or it has names that the CA cannot issue for."},
	{CertWeak, "An RSA key has less than 2048 bits, or a signature is made with SHA-1."},
	{CertRevoked, "A certificate is on its issuer's revocation list."},
	{CertNotAllowed, "A certificate bears none of the names that are let in."},
	{CRLUnreadable, "A file of revocation lists cannot be read: permissions, a directory, or more than 64 MiB."},
	{CRLUnparsable, "A file of revocation lists holds none, or a broken one."},
	{CRLUntrusted, "A revocation list names a trusted CA as its issuer, but that CA has not signed it: most often it is the list of an older CA of the same name."},
	{CRLExpired, "A revocation list is past its end (its next update). What it revokes stays revoked; what has been revoked since is not on it. Other programs refuse every certificate of that CA until they have a newer list."},
	{CRLOtherCA, "A revocation list is of a CA that is neither trusted nor at hand. It counts only if a peer presents an intermediate of that CA."},
	{CertRefusedBySome, "A sound certificate that some programs refuse all the same: the text says why and which. This is a warning: Go and others accept it."},
	{ConstraintUnsupported, "A sound certificate has names of a form that its CA limits, and some programs cannot check such a limit: they refuse it (RFC 5280 section 4.2.1.10). This is a warning: other programs accept it."},
}

// Finding is one thing that is wrong with a certificate, a key or its file.
// It is an error, so that what stops a program and what a survey lists are the same.
type Finding struct {
	Code   Code
	File   string        // the file at fault; empty if what is wrong was not read from a file
	Text   string        // what is wrong, in words, without the file's name
	Err    error         // the cause, or nil; a [*chain.Defect] if it is one of a certificate
	Format *shape.Format // of FileFormat: what the file is, or nil
	Place  int           // of ChainOrder: which certificate of the file has to come first, from 1
}

func (f *Finding) Error() string {
	if f.File == "" {
		return f.Text
	}
	return f.File + ": " + f.Text
}

func (f *Finding) Unwrap() error { return f.Err }

// inFile says of a finding which file it is about; other errors pass unchanged.
func inFile(err error, path string) error {
	if f, ok := errors.AsType[*Finding](err); ok {
		located := *f
		located.File = path
		return &located
	}
	return err
}

// unreadable is the finding for a file that could not be read.
func unreadable(code Code, path string, err error) *Finding {
	if errors.Is(err, fs.ErrNotExist) {
		return &Finding{Code: FileMissing, File: path, Text: "no such file", Err: err}
	}
	return &Finding{Code: code, File: path, Text: reason(err), Err: err}
}

// reason is an error of package os without the operation and path, which the
// reader is told already.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
