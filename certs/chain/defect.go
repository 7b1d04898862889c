package chain

import "crypto/x509"

// Kind is what is wrong with a certificate. The zero value accuses nobody: it is that of a
// refusal for a reason that has no kind of its own.
type Kind int

// The kinds of defect, by the section of RFC 5280 that they offend, or another source.
const (
	Other             Kind = iota
	Expired                // past its end: section 4.1.2.5
	NotYetValid            // begins in the future: section 4.1.2.5
	WrongUsage             // the leaf lacks the extended key usage: section 4.2.1.12
	CAWrongUsage           // a CA above it lacks the extended key usage of its own
	NotCA                  // an issuer may not issue: sections 4.2.1.9 and 4.2.1.3
	PathTooLong            // more intermediates than a CA allows: section 4.2.1.9
	CriticalExtension      // an unknown extension that must not be ignored: section 4.2
	NameConstraint         // a name that a CA above may not issue for: section 4.2.1.10
	NameMismatch           // not for the name that is wanted: RFC 9525
	NoSAN                  // no subject alternative name at all: RFC 9525 section 2
	SelfSigned             // signed with its own key, and not trusted as such
	UnknownCA              // the chain leads to no trusted CA
	StaleCA                // the issuer's name is that of a trusted CA, the key is another
	IncompleteChain        // the intermediate at hand was not sent: RFC 8446 section 4.4.2
	WeakKey                // RSA below 2048 bits: NIST SP 800-131A
	WeakSignature          // SHA-1 or MD5
	Revoked                // on its issuer's revocation list: section 5
	NotAllowed             // sound, but not on a list of those that are let in
)

var kindNames = [...]string{
	Other: "other", Expired: "expired", NotYetValid: "not-yet-valid", WrongUsage: "wrong-usage",
	CAWrongUsage: "ca-wrong-usage", NotCA: "not-ca", PathTooLong: "path-too-long",
	CriticalExtension: "critical-extension", NameConstraint: "name-constraint",
	NameMismatch: "name-mismatch", NoSAN: "no-san", SelfSigned: "self-signed", UnknownCA: "unknown-ca",
	StaleCA: "stale-ca", IncompleteChain: "incomplete-chain", WeakKey: "weak-key",
	WeakSignature: "weak-signature", Revoked: "revoked", NotAllowed: "not-allowed",
}

// Kinds returns every kind.
func Kinds() []Kind {
	kinds := make([]Kind, len(kindNames))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// String returns the kind in kebab case, such as "not-yet-valid".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[Other]
	}
	return kindNames[k]
}

// Defect is one thing that is wrong with a chain. It is an error, so that a
// VerifyConnection can return it.
type Defect struct {
	Kind Kind
	Cert *x509.Certificate // the certificate at fault; nil where that is a root which is not at hand
	// Text says what is wrong, in words. It calls the leaf "it", and any other
	// certificate by its subject. Names that a stranger chose are quoted and cut.
	Text string
	// Basis is what else might be the matter, or by what the text is known. May be
	// empty.
	Basis string
	// Wanted is the name that the leaf lacks. Only of NameMismatch and NoSAN.
	Wanted string
}

func (d *Defect) Error() string { return d.Text }
