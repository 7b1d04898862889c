package certtext

import (
	"crypto/x509"
	"encoding/pem"

	"tlsdemo/certs"
)

// Item is a certificate, a request for one, or a revocation list.
type Item struct {
	File    string
	Cert    *x509.Certificate
	Request *x509.CertificateRequest
	List    *x509.RevocationList
}

// Parse returns the certificates in data, with what of it cannot be read, or else the
// requests, or else the revocation lists.
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
		items = lists(data)
	}
	if len(items) == 0 {
		return nil, nil, err
	}
	return items, bundle, nil
}

// Text is all of it, or the most important in a few lines.
func (it Item) Text(short bool) (string, error) {
	switch {
	case it.Cert != nil:
		return Certificate(it.Cert, short)
	case it.List != nil:
		return listText(it.List, short), nil
	}
	return Request(it.Request, short)
}

func (it Item) pem() string { return string(pem.EncodeToMemory(it.Block())) }

// Block is it in PEM.
func (it Item) Block() *pem.Block {
	switch {
	case it.Cert != nil:
		return &pem.Block{Type: "CERTIFICATE", Bytes: it.Cert.Raw}
	case it.List != nil:
		return &pem.Block{Type: crlBlock, Bytes: it.List.Raw}
	}
	return &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: it.Request.Raw}
}
