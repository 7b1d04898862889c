package certtext

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/shape"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

const crlBlock = "X509 CRL" // RFC 7468 section 6

// lists returns the revocation lists in data, in PEM or DER, as far as they can be read.
func lists(data []byte) []Item {
	blocks, _ := shape.Blocks(data)
	if len(blocks) == 0 {
		blocks = []shape.Block{{Type: crlBlock, Bytes: data}}
	}
	var items []Item
	for _, block := range blocks {
		if list, err := x509.ParseRevocationList(block.Bytes); err == nil && block.Type == crlBlock {
			items = append(items, Item{List: list})
		}
	}
	return items
}

// listText is a revocation list in lines: whose it is, until when it counts, and unless it is
// to be short, whom it revokes.
func listText(l *x509.RevocationList, short bool) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Certificate revocation list [Number: %s]\n", numberOf(l))
	fmt.Fprintf(&b, "  Issuer:       %s\n", oneLine(chain.Name(l.Issuer)))
	fmt.Fprintf(&b, "  This update:  %s\n", l.ThisUpdate.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "  Next update:  %s\n", nextUpdate(l))
	fmt.Fprintf(&b, "  Revoked:      %d\n", len(l.RevokedCertificateEntries))
	for _, r := range revoked(l) {
		if !short {
			fmt.Fprintf(&b, "    %s  %s  %s\n", r.Serial, r.Time.Format(time.RFC3339), r.Reason)
		}
	}
	return console.CleanLines(b.String())
}

func numberOf(l *x509.RevocationList) string {
	if l.Number == nil {
		return "none"
	}
	return l.Number.String()
}

func nextUpdate(l *x509.RevocationList) string {
	if l.NextUpdate.IsZero() {
		return "never"
	}
	return l.NextUpdate.UTC().Format(time.RFC3339)
}

// Revoked is an entry of a revocation list.
type Revoked struct {
	Serial string    `json:"serial"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
}

func revoked(l *x509.RevocationList) []Revoked {
	all := make([]Revoked, len(l.RevokedCertificateEntries))
	for i, entry := range l.RevokedCertificateEntries {
		serial := chain.Serial(&x509.Certificate{SerialNumber: entry.SerialNumber})
		all[i] = Revoked{Serial: serial, Time: entry.RevocationTime.UTC(), Reason: certs.Reason(entry.ReasonCode).String()}
	}
	return all
}

// describeList returns the Description of a revocation list.
func describeList(it Item) *Description {
	l := it.List
	entries := revoked(l)
	d := &Description{
		File: it.File, Kind: "crl", Issuer: chain.Name(l.Issuer), Number: strings.TrimPrefix(numberOf(l), "none"),
		ThisUpdate: &l.ThisUpdate, Revoked: entries, SHA256: digest(l.Raw), PEM: it.pem(),
	}
	if !l.NextUpdate.IsZero() {
		d.NextUpdate = &l.NextUpdate
	}
	return d
}
