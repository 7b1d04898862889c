package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
)

// MaxFile is the most that is read of any certificate or key file, in bytes.
// The trust stores of whole operating systems are a quarter of a megabyte.
const MaxFile = 4 << 20

const (
	certBlock    = "CERTIFICATE"         // RFC 7468 section 5
	keyBlock     = "PRIVATE KEY"         // RFC 7468 section 10: PKCS#8
	requestBlock = "CERTIFICATE REQUEST" // RFC 7468 section 7
	trustedBlock = "TRUSTED CERTIFICATE"
)

// ReadFile returns what is in the file, or an error if that is more than MaxFile
// bytes or if it is a directory. Nothing but MaxFile bytes is ever held. A pipe is read like
// a file, except in a directory that this package made: there nobody would ever write to it.
func ReadFile(path string) ([]byte, error) { return readFile(path, MaxFile) }

// readFile is ReadFile with another limit.
func readFile(path string, most int64) ([]byte, error) {
	if err := checkRegular(path); err != nil && Dir(filepath.Dir(path)).marked() {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &os.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	data, err := read(f, most)
	if err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return nil, err
		}
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

// checkRegular returns an error if there is something at path that is neither a file nor a
// directory, nor a link to one: to open a pipe is to wait for its other end.
func checkRegular(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() || info.IsDir() {
		return nil
	}
	return &os.PathError{Op: "read", Path: path, Err: errNotFile}
}

var errNotFile = errors.New("it is not a regular file")

// Read returns all of r, or an error if that is more than MaxFile bytes.
func Read(r io.Reader) ([]byte, error) { return read(r, MaxFile) }

func read(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("larger than %d MiB", most>>20)
	}
	return data, nil
}

// Bundle is what a file of certificates holds.
type Bundle struct {
	Certs  []*x509.Certificate
	Broken []*Finding // certificates that cannot be read, each with where it is
	Notes  []*Finding // what is there besides and is not used, and what other programs may not read
}

// ParseBundle returns what is in data: PEM, or the DER of one certificate. Without any
// certificate that can be read, the error is a [*Finding] that says what is there instead.
func ParseBundle(data []byte) (*Bundle, error) {
	blocks, unusual := shape.Blocks(data)
	bundle := new(Bundle)
	certBlocks := slices.DeleteFunc(slices.Clone(blocks), func(b shape.Block) bool { return !isCertBlock(b.Type) })
	for i, block := range certBlocks {
		cert, err := parseCertBlock(&block)
		if err == nil {
			bundle.Certs = append(bundle.Certs, cert)
			continue
		}
		where := ""
		if len(certBlocks) > 1 {
			where = fmt.Sprintf("certificate %d of %d, at line %d: ", i+1, len(certBlocks), block.Line)
		}
		bundle.Broken = append(bundle.Broken, &Finding{Code: CertUnparsable, Text: where + unread(block.Bytes, err), Err: err})
	}
	if len(bundle.Certs) == 0 {
		return noCertificates(data, blocks, bundle.Broken)
	}
	bundle.note(blocks, unusual)
	return bundle, nil
}

// note says what else there is.
func (b *Bundle) note(blocks []shape.Block, unusual []string) {
	for _, block := range blocks {
		if block.Type == crlBlock {
			b.Notes = append(b.Notes, &Finding{Code: FileFormat, Text: fmt.Sprintf("the revocation list at line %d is not used: it has to be in a file of its own", block.Line)})
		}
	}
	for _, text := range unusual[:min(len(unusual), maxUnusual)] {
		b.Notes = append(b.Notes, &Finding{Code: FileFormat, Text: "some programs cannot read such a file: " + text})
	}
}

// all are its findings.
func (b *Bundle) all() []*Finding { return slices.Concat(b.Broken, b.Notes) }

// maxUnusual is how much of what is unusual about a file is said. More would not help.
const maxUnusual = 2

// noCertificates is ParseBundle where there is no PEM of a certificate that can be read.
func noCertificates(data []byte, blocks []shape.Block, broken []*Finding) (*Bundle, error) {
	if format := shape.Recognize(data); format != nil {
		return nil, inFormat(format)
	}
	if len(broken) > 0 {
		return nil, broken[0]
	}
	if len(blocks) > 0 {
		return nil, notACertificate(&blocks[0])
	}
	cert, err := x509.ParseCertificate(data)
	switch {
	case err == nil:
		return &Bundle{Certs: []*x509.Certificate{cert}}, nil
	case keyOfDER(data) != nil:
		return nil, swappedKey()
	case len(ParseRequests(data)) > 0:
		return nil, &Finding{Code: CertUnparsable, Text: "contains no certificate, only a certificate request, which a CA has to sign first"}
	case len(data) > 0 && data[0] == 0x30: // the SEQUENCE of a certificate
		return nil, &Finding{Code: CertUnparsable, Text: "contains no certificate that can be read: " + unread(data, err), Err: err}
	}
	return nil, &Finding{Code: CertUnparsable, Text: "contains no certificate"}
}

// FormatOf says what a file is that is in a format of other programs, or returns nil.
func FormatOf(data []byte) *shape.Format {
	blocks, _ := shape.Blocks(data)
	for _, block := range blocks {
		if format := shape.OfBlock(&block); format != nil || block.Err == nil {
			return format
		}
	}
	return shape.Recognize(data)
}

// inFormat is the finding for a file in another wrapping.
func inFormat(format *shape.Format) *Finding {
	return &Finding{Code: FileFormat, Text: "is " + format.Name, Format: format}
}

// unread says what can be seen of a certificate that crypto/x509 does not read, and why not.
func unread(der []byte, err error) string {
	outline := chain.ReadOutline(der)
	if outline.Subject == "" {
		return err.Error()
	}
	fault := outline.Fault(err.Error()) + "; other programs may accept it"
	if n := chain.Missing(der); n > 0 {
		fault = fmt.Sprintf("it is cut short: at the end %d bytes are missing", n)
	}
	return fmt.Sprintf("Go cannot read %s%s, valid from %s until %s: %s", strings.TrimSpace(outline.Called()), outline.Details(),
		stamp(outline.NotBefore), stamp(outline.NotAfter), fault)
}

// stamp is a time that may not have been read.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return chain.Stamp(t)
}

// isCertBlock holds for the labels with which certificates are found: that of RFC 7468
// section 5, its older forms, and OpenSSL's for a certificate that is followed by what it
// is trusted for.
func isCertBlock(label string) bool {
	return label == certBlock || label == "X509 CERTIFICATE" || label == "X.509 CERTIFICATE" || label == trustedBlock
}

func parseCertBlock(block *shape.Block) (*x509.Certificate, error) {
	if block.Err != nil {
		return nil, block.Err
	}
	der := block.Bytes
	if block.Type == trustedBlock {
		var cert cryptobyte.String
		input := cryptobyte.String(der)
		if input.ReadASN1Element(&cert, asn1.SEQUENCE) {
			der = cert
		}
	}
	return x509.ParseCertificate(der)
}

// ParseCertificates returns every certificate in data, which is PEM, or the DER of one
// certificate, the leaf of a chain first. If any of them cannot be read, or there is none,
// the error is a [*Finding] that says which, or what is there instead: a chain with a
// certificate left out would be another chain.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	bundle, err := ParseBundle(data)
	if err != nil {
		return nil, err
	}
	if len(bundle.Broken) > 0 {
		return nil, bundle.Broken[0]
	}
	return bundle.Certs, nil
}

// ParseRequests returns every certificate request (PKCS #10, RFC 2986) in data, which
// is PEM, or the DER of one request. What is no request is passed over.
func ParseRequests(data []byte) []*x509.CertificateRequest {
	var requests []*x509.CertificateRequest
	blocks, _ := shape.Blocks(data)
	for _, block := range blocks {
		if request, err := x509.ParseCertificateRequest(block.Bytes); err == nil {
			requests = append(requests, request)
		}
	}
	if request, err := x509.ParseCertificateRequest(data); err == nil {
		requests = append(requests, request)
	}
	return requests
}

func notACertificate(block *shape.Block) *Finding {
	format := shape.OfBlock(block)
	switch {
	case isKeyBlock(block.Type):
		return swappedKey()
	case format != nil:
		return inFormat(format)
	case block.Type == crlBlock:
		return &Finding{Code: CertUnparsable, Text: "contains no certificate, only a revocation list"}
	case strings.HasSuffix(block.Type, "CERTIFICATE REQUEST"):
		return &Finding{Code: CertUnparsable, Text: "contains no certificate, only a certificate request, which a CA has to sign first"}
	}
	return &Finding{Code: CertUnparsable, Text: fmt.Sprintf("contains no certificate, only a PEM block %q", block.Type)}
}

func swappedKey() *Finding {
	return &Finding{Code: PEMSwapped, Text: "contains a private key, and a certificate is expected here"}
}
