// Package policy says who may come in, by what stands in their certificate.
//
// It comes after the ordinary verification and does not replace it: a certificate that no
// trusted CA issued is refused whatever names it has. A [Policy] is used as the
// VerifyConnection of a [crypto/tls.Config], which crypto/tls also asks about resumed
// sessions. It does not ask VerifyPeerCertificate about those. A client holds servers to a policy
// with [Policy.HoldServer].
//
// # Rules
//
// A policy is a list of rules, and lets in whoever one of them fits. A rule names one or
// more kinds of name. It fits a certificate if the certificate has, of each kind that the
// rule names, one of the values. So a rule can tie a name to one certificate:
//
//	[[allow]]
//	uri = ["spiffe://example.org/db/*"]
//
//	[[allow]]
//	dns    = ["alice.localhost", "*.team.localhost"]
//	sha256 = ["3b:0c:...:9f"]
//
// lets in everybody whose SPIFFE ID is below spiffe://example.org/db, and besides the one
// certificate with this fingerprint, if it also has one of these two names.
//
// # What a value may be
//
//   - dns: a DNS name, or *. and a DNS name, which stands for exactly one label in front of it.
//     Upper and lower case are the same (RFC 4343). A wildcard in the certificate fits only the
//     same wildcard in the rule.
//   - uri: a URI, which has to be the same, but for upper and lower case in its scheme and host
//     (RFC 3986 section 6.2.2.1). A SPIFFE ID may end with /*, which stands for everything below
//     a trust domain or a path. It fits only a certificate that has no other URI (X.509-SVID,
//     section 2).
//   - ip: an IP address in the certificate, which need not be that of the connection, or a CIDR
//     range such as 10.0.0.0/8.
//   - cn: the common name of the subject, in the same letters. It does not fit a certificate
//     with more than one.
//   - sha256: the fingerprint of the certificate: the SHA-256 of its DER, as openssl x509
//     -fingerprint -sha256 prints it. Colons may be left out.
//
// No value fits a part of a name.
//
// # Files
//
// [Load] reads a policy from a file of TOML, as above, or of JSON:
//
//	{"allow": [{"dns": ["alice.localhost"]}, {"cn": ["bob"]}]}
//
// A key that is unknown or there twice, a rule without a value and a file without a rule are
// errors: each could be somebody who comes in, or is shut out, by mistake.
package policy
