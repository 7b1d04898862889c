package certs

import (
	"errors"
	"io/fs"
)

// Code names a kind of defect. Codes are stable: scripts and logs may rely on them.
type Code string

// The defects of certificates, keys and the files that hold them.
const (
	FileMissing    Code = "file-missing"       // a file of the set is not there
	CertUnreadable Code = "cert-unreadable"    // a certificate file cannot be read
	CertUnparsable Code = "cert-unparsable"    // a certificate file holds no certificate
	KeyUnreadable  Code = "key-unreadable"     // a key file cannot be read
	KeyUnparsable  Code = "key-unparsable"     // a key file holds no private key of a known kind
	KeyEncrypted   Code = "key-encrypted"      // a key is locked with a passphrase
	KeyMismatch    Code = "key-mismatch"       // a key belongs to another certificate
	FileWritable   Code = "file-writable"      // others than the owner may change a file or the directory
	KeyExposed     Code = "key-exposed"        // others than the owner may read a key file
	PEMSwapped     Code = "pem-swapped"        // a key where a certificate should be, or the reverse
	CAFileEmpty    Code = "ca-file-empty"      // a trust file holds no certificate
	CertExpired    Code = "cert-expired"       // a certificate's time is over
	CertNotYet     Code = "cert-not-yet-valid" // a certificate's time has not come
	CertNotCA      Code = "cert-not-ca"        // a certificate that may not issue stands where a CA's should
	CertUsage      Code = "cert-wrong-usage"   // a certificate does not have the usage of its role
	CertUntrusted  Code = "cert-untrusted"     // a certificate's chain does not lead to the CA
	CertWeak       Code = "cert-weak"          // a key is too short to be trusted
	CertRevoked    Code = "cert-revoked"       // a certificate is on its issuer's revocation list
	CertNotAllowed Code = "cert-not-allowed"   // a certificate bears none of the names that are let in
	CRLUnreadable  Code = "crl-unreadable"     // a file of revocation lists cannot be read
	CRLUnparsable  Code = "crl-unparsable"     // a file of revocation lists holds none
)

// Finding is one thing that is wrong with a certificate, a key or its file.
// It is an error, so that what stops a program and what a survey lists are the same.
type Finding struct {
	Code Code
	File string // the file at fault; empty if what is wrong was not read from a file
	Text string // what is wrong, in words, without the file's name
	Err  error  // the cause, or nil
}

func (f *Finding) Error() string {
	if f.File == "" {
		return f.Text
	}
	return f.File + ": " + f.Text
}

func (f *Finding) Unwrap() error { return f.Err }

// FailureCode is the code as others see it who verify a connection with us.
func (f *Finding) FailureCode() string { return string(f.Code) }

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
