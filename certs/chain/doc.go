/*
Package chain says what is wrong with a chain of certificates: all of it, where
crypto/x509 stops at the first, and which certificate is at fault, which need not be the
leaf.

It is the one judge of the whole program: of what a peer shows, of what we show ourselves,
and of what lies in a directory. It follows the path along which crypto/x509 would verify
the leaf. A certificate that lies on no such path is never at fault.

Its work is bounded, whatever it is given: at most 10 steps and 20 checks of a signature.
It imports nothing but the standard library, and golang.org/x/crypto/cryptobyte to read what
crypto/x509 does not.
*/
package chain
