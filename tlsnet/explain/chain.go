package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"tlsdemo/certs/chain"
)

// codes are the codes of defects of an end's certificate, by the side whose it is: the
// client's, the server's.
var codes = map[chain.Kind][2]Code{
	chain.Other:             {ClientCertRefused, ServerCertRefused},
	chain.Expired:           {ClientCertExpired, ServerCertExpired},
	chain.NotYetValid:       {ClientCertNotYetValid, ServerCertNotYetValid},
	chain.WrongUsage:        {ClientCertWrongUsage, ServerCertWrongUsage},
	chain.CAWrongUsage:      {ClientCAWrongUsage, ServerCAWrongUsage},
	chain.NotCA:             {ClientCertIssuerNotCA, ServerCertIssuerNotCA},
	chain.PathTooLong:       {ClientCertPathTooLong, ServerCertPathTooLong},
	chain.CriticalExtension: {ClientCertCritical, ServerCertCritical},
	chain.NameConstraint:    {ClientCertNameConstraint, ServerCertNameConstraint},
	chain.NameMismatch:      {ClientCertRefused, ServerCertNameMismatch},
	chain.NoSAN:             {ClientCertRefused, ServerCertNoSAN},
	chain.SelfSigned:        {ClientCertUnknownCA, ServerCertSelfSigned},
	chain.UnknownCA:         {ClientCertUnknownCA, ServerCertUnknownCA},
	chain.StaleCA:           {ClientCertStaleCA, ServerCertStaleCA},
	chain.IncompleteChain:   {ClientCertIncompleteChain, ServerCertIncompleteChain},
	chain.WeakKey:           {ClientCertWeak, ServerCertWeak},
	chain.WeakSignature:     {ClientCertWeak, ServerCertWeak},
	chain.Revoked:           {ClientCertRevoked, ServerCertRevoked},
	chain.NotAllowed:        {ClientCertNotAllowed, ServerCertNotAllowed},
}

// codeOf is the code of a defect in the chain of side, whose leaf is given.
func codeOf(d *chain.Defect, side Side, leaf *x509.Certificate) Code {
	ofCA := d.Cert != nil && !d.Cert.Equal(leaf)
	switch {
	case d.Kind == chain.Expired && ofCA:
		return CAExpired
	case d.Kind == chain.NotYetValid && ofCA:
		return CANotYetValid
	}
	return codes[d.Kind][side]
}

// usage is the role in which a side shows its certificate.
func (s Side) usage() chain.Usage {
	if s == ServerSide {
		return chain.ServerAuth
	}
	return chain.ClientAuth
}

// theirDefects is everything that is wrong with the chain that the peer showed.
func (f *facts) theirDefects() []*chain.Defect {
	return chain.Check(f.theirs, chain.Want{
		Now: f.now, Usage: f.side.peer().usage(), Name: f.demanded(), Roots: f.roots(), Intermediates: f.intermediates,
	})
}

// demanded is the name that the peer's certificate has to have, or "". A configuration with checks
// of its own may know a server that fits no host by something else, such as a SPIFFE ID.
func (f *facts) demanded() string {
	if f.config.InsecureSkipVerify && !chain.HasHostName(f.theirs[0]) {
		return ""
	}
	return f.server
}

// refusedChain is a chain of the peer's that we refused ourselves: crypto/x509 did, or a
// check of the configuration's own.
func (f *facts) refusedChain(err error) *Error {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	if len(f.theirs) == 0 || !unverified && f.verdict == nil {
		return nil
	}
	if d, ok := errors.AsType[*chain.Defect](err); ok {
		own := *d
		if own.Cert == nil {
			own.Cert = f.theirs[0] // a check of the configuration's own need not name it
		}
		return f.accuse(&own)
	}
	for _, d := range f.theirDefects() {
		if agrees(d.Kind, err) {
			return f.accuse(d)
		}
	}
	return f.accuse(unclassified(err, f.theirs[0], f.verdict != nil))
}

// accuse is our own refusal of the peer's chain.
func (f *facts) accuse(d *chain.Defect) *Error {
	leaf := f.theirs[0]
	return &Error{
		Code: codeOf(d, f.side.peer(), leaf), Cert: d.Cert, Certainty: Certain, Basis: d.Basis, Wanted: d.Wanted,
		Text: fmt.Sprintf("we refused %s's certificate %s: %s", f.peer(), chain.Subject(leaf), d.Text),
	}
}

// agrees reports whether a defect is one for which crypto/x509 gives the error.
func agrees(kind chain.Kind, err error) bool {
	return slices.Contains(kindsOf(err), kind)
}

// kindsOf are the defects for which crypto/x509 gives an error.
func kindsOf(err error) []chain.Kind {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return invalidKinds[invalid.Reason]
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return []chain.Kind{chain.NameMismatch, chain.NoSAN}
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		return []chain.Kind{chain.CriticalExtension}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		// A CA on the path with a defect of its own can be told of in this way too.
		return []chain.Kind{
			chain.SelfSigned, chain.StaleCA, chain.IncompleteChain, chain.UnknownCA, chain.WeakSignature,
			chain.NotCA, chain.PathTooLong, chain.Expired, chain.NotYetValid, chain.CriticalExtension,
		}
	}
	return nil
}

var invalidKinds = map[x509.InvalidReason][]chain.Kind{
	x509.Expired:                       {chain.Expired, chain.NotYetValid}, // one word for both
	x509.IncompatibleUsage:             {chain.WrongUsage, chain.CAWrongUsage},
	x509.CANotAuthorizedForExtKeyUsage: {chain.WrongUsage, chain.CAWrongUsage},
	x509.CANotAuthorizedForThisName:    {chain.NameConstraint},
	x509.NameConstraintsWithoutSANs:    {chain.NameConstraint},
	x509.UnconstrainedName:             {chain.NameConstraint},
	x509.NotAuthorizedToSign:           {chain.NotCA},
	x509.TooManyIntermediates:          {chain.PathTooLong},
}

// unclassified is a refusal in the words of whoever refused: crypto/x509, or a check of
// the configuration's own.
func unclassified(err error, leaf *x509.Certificate, ownCheck bool) *chain.Defect {
	d := &chain.Defect{Cert: leaf, Text: chain.Quote(err.Error())}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		d.Kind = chain.UnknownCA
	}
	if ownCheck {
		d.Basis = "these are the words of a check in our own configuration"
	}
	return d
}
