// Package shape reads files of certificates, keys and revocation lists in the shapes in
// which people have them.
//
// [Blocks] reads PEM (RFC 7468) where it is clear what is meant, and more than other
// programs do: a byte order mark, Windows line ends, indentation, a whole block on one
// line. A block that cannot be read is returned with what is wrong with it, never left
// out. [Recognize] says what a file is that is not PEM, such as PKCS#12, and [Format]
// which command converts it.
package shape
