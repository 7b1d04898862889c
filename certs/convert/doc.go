// Package convert takes sets of certificates to the formats of other programs, and from them.
//
// [PKCS12], [TrustStore], [Bundle] and [Secret] write what browsers, Java, HAProxy and
// Kubernetes read. [Read] finds in files of other tools what makes a set, and [Found.Set]
// says what it took for what.
package convert
