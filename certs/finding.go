package certs

import (
	"errors"
	"io/fs"
	"syscall"

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
	KeyPassphrase  Code = "key-passphrase"
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
	CertEndsSoon   Code = "cert-ends-soon"
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
	CRLOlder   Code = "crl-older"
	CRLOtherCA Code = "crl-other-ca"

	PolicyUnreadable Code = "policy-unreadable"
	PolicyUnparsable Code = "policy-unparsable"

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
	{FileMissing, "A file of the directory, or a file that was named, does not exist."},
	{CertUnreadable, "A certificate file cannot be read: the permissions forbid it, it is a directory, or it is larger than 4 MiB."},
	{CertUnparsable, "A certificate file contains no certificate, or a damaged one."},
	{KeyUnreadable, "A key file cannot be read: the permissions forbid it, it is a directory, or it is larger than 4 MiB."},
	{KeyUnparsable, "A key file contains no private key of a known kind (PKCS#8, PKCS#1 or SEC 1), or a damaged one."},
	{KeyEncrypted, "A private key is encrypted, and no passphrase was given."},
	{KeyPassphrase, "The passphrase does not decrypt the private key."},
	{KeyMismatch, "A private key does not belong to the certificate that it is used with."},
	{KeyUnsupported, "A private key is of a kind, or on a curve, that no handshake can use. TLS 1.3 can use RSA, Ed25519, and ECDSA on P-256, P-384 and P-521."},
	{ChainOrder, "The private key belongs to a certificate of the file, but not to the first one. The leaf has to come first, then the certificate that issued it, and so on."},
	{ChainTooLarge, "The certificates of one end are larger than the other end accepts. Go refuses more than 256 KiB, and OpenSSL by default more than 100 KiB."},
	{FileFormat, "A file is in another format than PEM or DER, such as PKCS#12. The hint has the command that converts it. For a PKCS#12 file of an older program, OpenSSL 3 also needs -legacy. As a warning: a file contains something that is not used, or that some programs cannot read."},
	{FileWritable, "Other users can change a certificate, or replace files in the directory."},
	{KeyExposed, "Other users can read or change a private key."},
	{PEMSwapped, "A file contains a private key where a certificate is expected, or a certificate where a private key is expected."},
	{CAFileEmpty, "A trust file contains no certificate at all, so every other end would be refused."},
	{CANamesTooLong, "A server trusts so many CAs that their names do not fit into its request for a client certificate. TLS has 65,535 bytes for these names."},
	{CertExpired, "A certificate has expired."},
	{CertNotYet, "A certificate is not yet valid. Most often a clock is wrong."},
	{CertEndsSoon, "A certificate, or a CA above it, expires within the time that certs verify was given."},
	{CertNotCA, "A certificate is used as a CA, but it is not allowed to issue other certificates."},
	{CertUsage, "A certificate, or a CA above it, does not have the extended key usage that its role needs."},
	{CertNoSAN, "A server's certificate has no subject alternative name, so no client finds the server's name in it."},
	{CertUntrusted, "The chain of a certificate does not lead to the CA, or it breaks a rule of the CA. For example, the certificate has names for which the CA cannot issue certificates."},
	{CertWeak, "An RSA key has fewer than 2048 bits, or a signature uses SHA-1."},
	{CertRevoked, "A certificate is on the revocation list of its issuer."},
	{CertNotAllowed, "A certificate has none of the names that are allowed."},
	{CRLUnreadable, "A file of revocation lists cannot be read: the permissions forbid it, it is a directory, or it is larger than 64 MiB."},
	{CRLUnparsable, "A file of revocation lists contains no list, or a damaged one."},
	{CRLUntrusted, "A revocation list names a trusted CA as its issuer, but this CA did not sign it. Most often the list comes from an older CA with the same name."},
	{CRLExpired, "A revocation list has expired: its next update is in the past. What it revokes stays revoked, but newer revocations are not on it. Other programs refuse every certificate of that CA until they have a newer list."},
	{CRLOlder, "A server that is running has been given a revocation list that is older than the one it uses. It keeps its own: what was revoked since would be accepted. Put the newer list back."},
	{CRLOtherCA, "A revocation list comes from a CA of which we have no certificate. The list is used only if the other end presents an intermediate of that CA."},
	{PolicyUnreadable, "A policy file cannot be read: the permissions forbid it, it is a directory, or it is larger than 1 MiB."},
	{PolicyUnparsable, "A policy file is not valid TOML or JSON, or a rule in it is wrong: a key that does not exist or occurs twice, a name that can be no name, or no rule at all. The text says in which line."},
	{CertRefusedBySome, "A certificate is valid, but some programs refuse it. The text says why, and which programs. This is a warning: Go and other programs accept the certificate."},
	{ConstraintUnsupported, "A certificate is valid, but it has names of a kind that its CA limits, and some programs cannot check such a limit. They refuse the certificate (RFC 5280 section 4.2.1.10). This is a warning: other programs accept it."},
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

// Unreadable returns the finding for a file that could not be read: its code is [FileMissing]
// if there is no such file, and else code.
func Unreadable(code Code, path string, err error) *Finding {
	if errors.Is(err, fs.ErrNotExist) {
		return &Finding{Code: FileMissing, File: path, Text: "no such file", Err: err}
	}
	return &Finding{Code: code, File: path, Text: reason(err), Err: err}
}

// reason is an error of package os without the operation and path, which the
// reader is told already.
func reason(err error) string {
	if errors.Is(err, syscall.EISDIR) {
		return "is a directory, and a file is expected here"
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}
