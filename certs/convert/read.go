package convert

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
)

// Cert is a certificate and where it was found.
type Cert struct {
	*x509.Certificate
	File string
}

// Key is a private key and where it was found.
type Key struct {
	crypto.Signer
	File string
}

// Found is what files of other programs hold.
type Found struct {
	Certs  []Cert
	Keys   []Key
	Unread []error // files that hold neither, and what is revoked, with the reason

	lists []list
}

// list is a revocation list and where it was found.
type list struct {
	*certs.CRL
	file string
}

// Read reads PEM, DER, PKCS#12 and Secrets of Kubernetes in YAML, and the files in
// directories, two levels deep and at most 256 of them. Where a file that is named can not be
// read that is an error; in a directory it is among Unread. A passphrase is asked for where
// something is encrypted. To derive a key from it may take as long as a hostile file likes:
// the work is given up when ctx is done.
func Read(ctx context.Context, paths []string, pass certs.Passphrase) (*Found, error) {
	found := new(Found)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			err = found.readDir(ctx, path, pass)
		} else {
			err = found.readFile(ctx, path, pass)
		}
		if err != nil {
			return nil, err
		}
	}
	found.dropRevoked()
	return found, nil
}

// dropRevoked drops the certificates that are on a list that was found: they are not to live
// again in the new set.
func (f *Found) dropRevoked() {
	for _, l := range f.lists {
		f.Unread = append(f.Unread, fmt.Errorf("%s: a revocation list is not taken over, but what it revokes is left out", l.file))
		f.Certs = slices.DeleteFunc(f.Certs, func(c Cert) bool {
			_, revoked := l.Lists(c.Certificate)
			if revoked {
				f.Unread = append(f.Unread, fmt.Errorf("%s: %s is revoked by %s; so that it is refused here, too: tlsdemo certs revoke %s",
					c.File, chain.Subject(c.Certificate), l.file, chain.Serial(c.Certificate)))
			}
			return revoked
		})
	}
}

const (
	maxFiles = 256
	maxDepth = 2
)

func (f *Found) readDir(ctx context.Context, dir string, pass certs.Passphrase) error {
	files := 0
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && depth(dir, path) > maxDepth, files == maxFiles:
			return fs.SkipDir
		case entry.IsDir(), strings.HasPrefix(entry.Name(), "."), !regular(path):
			return nil
		}
		files++
		if err := f.readFile(ctx, path, pass); err != nil {
			if ctx.Err() != nil {
				return err
			}
			f.Unread = append(f.Unread, err)
		}
		return nil
	})
}

// regular reports whether a path, or what it links to, is a file: a pipe would be waited for.
func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func depth(dir, path string) int {
	rel, err := filepath.Rel(dir, path)
	if err != nil || rel == "." {
		return 0
	}
	return strings.Count(rel, string(filepath.Separator)) + 1
}

func (f *Found) readFile(ctx context.Context, path string, pass certs.Passphrase) error {
	data, err := certs.ReadFile(path)
	if err != nil {
		return err
	}
	for _, parse := range f.parsers() {
		known, err := parse(ctx, data, path, pass)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if known {
			return nil
		}
	}
	return nil
}

type parser func(ctx context.Context, data []byte, path string, pass certs.Passphrase) (known bool, err error)

// parsers are tried in turn. The last says what is wrong with a file that nobody knows.
func (f *Found) parsers() []parser {
	return []parser{f.parseSecrets, f.parsePKCS12, f.parseLists, f.parsePEM}
}

// parseLists reads revocation lists in PEM or DER. A damaged one is an error: whom it revokes
// would live again. What else is in the file is for others to read.
func (f *Found) parseLists(_ context.Context, data []byte, path string, _ certs.Passphrase) (bool, error) {
	lists, err := certs.ParseCRLs(data)
	if err != nil && bytes.Contains(data, []byte("BEGIN X509 CRL")) { // RFC 7468 section 6
		return false, err
	}
	for _, crl := range lists {
		f.lists = append(f.lists, list{crl, path})
	}
	_, nothingElse := certs.ParseBundle(data)
	return len(lists) > 0 && nothingElse != nil, nil
}

// parsePEM reads certificates and keys in PEM or DER.
func (f *Found) parsePEM(_ context.Context, data []byte, path string, pass certs.Passphrase) (bool, error) {
	bundle, certErr := certs.ParseBundle(data)
	if certErr == nil {
		if len(bundle.Broken) > 0 {
			return false, bundle.Broken[0]
		}
		f.addCerts(path, bundle.Certs...)
	}
	keys, keyErr := certs.ParseKeys(data, pass)
	for _, key := range keys {
		f.Keys = append(f.Keys, Key{key, path})
	}
	if certErr != nil && keyErr != nil {
		return false, worse(certErr, keyErr)
	}
	return true, nil
}

// worse is that of two errors which says more: that of a key, if there is one.
func worse(certErr, keyErr error) error {
	if f, ok := errors.AsType[*certs.Finding](keyErr); ok && (f.Code == certs.KeyEncrypted || f.Code == certs.KeyPassphrase) {
		return keyErr
	}
	return certErr
}

func (f *Found) addCerts(path string, list ...*x509.Certificate) {
	for _, cert := range list {
		f.Certs = append(f.Certs, Cert{cert, path})
	}
}

// parsePKCS12 reads RFC 7292.
func (f *Found) parsePKCS12(ctx context.Context, data []byte, path string, pass certs.Passphrase) (bool, error) {
	key, list, err := decodePKCS12(ctx, data, "")
	if errors.Is(err, pkcs12.ErrIncorrectPassword) && pass != nil {
		passphrase, asked := pass()
		if errors.Is(asked, certs.ErrNoPassphrase) {
			return false, &certs.Finding{Code: certs.KeyEncrypted, Text: "the PKCS#12 file is encrypted with a passphrase", Err: asked}
		}
		if asked != nil {
			return false, asked
		}
		key, list, err = decodePKCS12(ctx, data, string(passphrase))
	}
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return false, &certs.Finding{Code: certs.KeyPassphrase, Text: "this is not the password of the PKCS#12 file", Err: err}
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil:
		return false, nil // no PKCS#12, or not one that is known here: what it is will be said
	}
	f.addCerts(path, list...)
	if key != nil {
		f.Keys = append(f.Keys, Key{key, path})
	}
	return true, nil
}

type pkcs12Content struct {
	key  crypto.Signer
	list []*x509.Certificate
	err  error
}

// decodePKCS12 gives up when ctx is done: what a file may cost is up to whoever made it.
func decodePKCS12(ctx context.Context, data []byte, password string) (crypto.Signer, []*x509.Certificate, error) {
	done := make(chan pkcs12Content, 1)
	go func() { done <- decode(data, password) }()
	select {
	case content := <-done:
		return content.key, content.list, content.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func decode(data []byte, password string) pkcs12Content {
	key, leaf, cas, err := pkcs12.DecodeChain(data, password)
	if err == nil {
		signer, _ := key.(crypto.Signer)
		return pkcs12Content{signer, append([]*x509.Certificate{leaf}, cas...), nil}
	}
	if list, trustErr := pkcs12.DecodeTrustStore(data, password); trustErr == nil {
		return pkcs12Content{list: list}
	}
	return pkcs12Content{err: err}
}

// secret is as much of a Kubernetes object as matters.
type secret struct {
	Kind       string
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Items      []secret
}

// parseSecrets reads YAML, or JSON, which is YAML.
func (f *Found) parseSecrets(ctx context.Context, data []byte, path string, pass certs.Passphrase) (bool, error) {
	if !bytes.Contains(data, []byte("kind")) || !bytes.Contains(data, []byte("Secret")) {
		return false, nil
	}
	documents := yaml.NewDecoder(bytes.NewReader(data))
	known := false
	for {
		var object secret
		if err := documents.Decode(&object); err != nil {
			return known, damaged(data, err)
		}
		for _, s := range append(object.Items, object) {
			if s.Kind != "Secret" {
				continue
			}
			known = true
			if err := f.addSecret(ctx, &s, path, pass); err != nil {
				return true, err
			}
		}
	}
}

// damaged is the error for a Secret that ends with err: nil at its end, and for a file that
// only looks as if it had one.
func damaged(data []byte, err error) error {
	if errors.Is(err, io.EOF) || !secretLine().Match(data) {
		return nil
	}
	return fmt.Errorf("the Kubernetes Secret is damaged: %w", err)
}

// secretLine is how a Secret says that it is one.
var secretLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[\s{,-]*["']?kind["']?\s*:\s*["']?Secret["']?\s*[,}]?\s*$`)
})

func (f *Found) addSecret(ctx context.Context, s *secret, path string, pass certs.Passphrase) error {
	values, err := s.values()
	if err != nil {
		return err
	}
	before := len(f.Certs) + len(f.Keys)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, err := f.parsePEM(ctx, values[name], path+", "+name, pass); err != nil && strings.HasPrefix(name, "tls.") {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	f.noteMissing(values, path, len(f.Certs)+len(f.Keys) == before)
	return nil
}

// noteMissing says what a Secret of the type kubernetes.io/tls lacks. Others may have their
// certificates under any names.
func (f *Found) noteMissing(values map[string][]byte, path string, empty bool) {
	_, cert := values["tls.crt"]
	_, key := values["tls.key"]
	if !cert && (key || empty) {
		f.Unread = append(f.Unread, fmt.Errorf("%s: the Kubernetes Secret has no tls.crt", path))
	}
	if !key && (cert || empty) {
		f.Unread = append(f.Unread, fmt.Errorf("%s: the Kubernetes Secret has no tls.key", path))
	}
}

func (s *secret) values() (map[string][]byte, error) {
	values := make(map[string][]byte)
	for name, text := range s.Data {
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil, fmt.Errorf("%s is not base64: %w", name, err)
		}
		values[name] = data
	}
	for name, text := range s.StringData {
		values[name] = []byte(text)
	}
	return values, nil
}
