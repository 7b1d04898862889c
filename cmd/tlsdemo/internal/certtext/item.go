package certtext

import (
	"crypto/x509"
	"encoding/pem"

	"tlsdemo/certs"
)

// Item is a certificate or a request for one.
type Item struct {
	File    string
	Cert    *x509.Certificate
	Request *x509.CertificateRequest
}

// Parse returns the certificates in data, with what of it cannot be read, or else the
// requests.
func Parse(data []byte) ([]Item, *certs.Bundle, error) {
	var items []Item
	bundle, err := certs.ParseBundle(data)
	if err != nil {
		bundle = new(certs.Bundle)
	}
	for _, cert := range bundle.Certs {
		items = append(items, Item{Cert: cert})
	}
	for _, request := range certs.ParseRequests(data) {
		items = append(items, Item{Request: request})
	}
	if len(items) == 0 {
		return nil, nil, err
	}
	return items, bundle, nil
}

// Text is all of it, or the most important in a few lines.
func (it Item) Text(short bool) (string, error) {
	if it.Cert != nil {
		return Certificate(it.Cert, short)
	}
	return Request(it.Request, short)
}

func (it Item) pem() string { return string(pem.EncodeToMemory(it.Block())) }

// Block is it in PEM.
func (it Item) Block() *pem.Block {
	if it.Cert != nil {
		return &pem.Block{Type: "CERTIFICATE", Bytes: it.Cert.Raw}
	}
	return &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: it.Request.Raw}
}
