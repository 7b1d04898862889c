package convert

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"tlsdemo/certs"
)

// PKCS12 returns a pair, what links it to a root, and the CA in one file (RFC 7292), as
// browsers, Java and Windows want it. It is encrypted with AES-256 and read by OpenSSL since
// 1.1.1 and Java since 12; legacy means 3DES and SHA-1 instead, for Windows before 2019, macOS
// and older Java. The empty password is one like any other, which keeps nothing secret: NSS
// refuses a file that is not encrypted at all, and Java finds nothing in it.
func PKCS12(pair *certs.Pair, cas []*x509.Certificate, password string, legacy bool) ([]byte, error) {
	encoder := pkcs12.Modern2023
	if legacy {
		encoder = pkcs12.LegacyDES
	}
	return encoder.Encode(pair.Key, pair.Leaf(), slices.Concat(pair.Chain[1:], cas), password)
}

// TrustStore returns the CA certificates as a trust store of Java: PKCS#12, which Java reads
// since version 9 whatever it is called, or in the older format JKS. Java wants a password
// of at least six characters, or none: then nothing is encrypted, since without a password it
// finds nothing in what is.
func TrustStore(cas []*x509.Certificate, password string, jks bool) ([]byte, error) {
	switch {
	case jks:
	case password == "":
		return pkcs12.Passwordless.EncodeTrustStore(cas, "")
	default:
		return pkcs12.Modern2023.EncodeTrustStore(cas, password)
	}
	store := keystore.New()
	for i, ca := range cas {
		entry := keystore.TrustedCertificateEntry{
			CreationTime: ca.NotBefore,
			Certificate:  keystore.Certificate{Type: "X509", Content: ca.Raw},
		}
		if err := store.SetTrustedCertificateEntry(fmt.Sprintf("tlsdemo-%d", i+1), entry); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	err := store.Store(&out, []byte(password))
	return out.Bytes(), err
}

// Bundle returns a pair in one file of PEM: the certificate, what links it to a root, and the
// private key, as HAProxy and others want it.
func Bundle(pair *certs.Pair) ([]byte, error) {
	key, err := pair.KeyPEM()
	return append(pair.CertPEM(), key...), err
}

// Secret returns a pair and its CA as a Secret of Kubernetes, in YAML, of the type
// kubernetes.io/tls and with a ca.crt, as cert-manager makes it. The name must be one that
// Kubernetes takes, in lower case.
func Secret(name string, pair *certs.Pair, cas []*x509.Certificate) ([]byte, error) {
	key, err := pair.KeyPEM()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\ntype: kubernetes.io/tls\ndata:\n", name)
	for _, entry := range []struct {
		name string
		data []byte
	}{{"ca.crt", (&certs.Pair{Chain: cas}).CertPEM()}, {"tls.crt", pair.CertPEM()}, {"tls.key", key}} {
		fmt.Fprintf(&out, "  %s: %s\n", entry.name, base64.StdEncoding.EncodeToString(entry.data))
	}
	return out.Bytes(), nil
}
