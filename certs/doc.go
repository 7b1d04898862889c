// Package certs makes and keeps the certificates with which the two ends of a
// mutual-TLS connection prove to each other who they are: a local authority, the
// leaves that it issues, the directory they live in, and what is wrong with them.
//
// An [Authority] can issue only for this machine's own names, unless it is widened on
// purpose, and each leaf has exactly one role. A [Profile] says what a whole set is like.
// A [Dir] keeps it on disk, whole or not at all. A [Source] turns a leaf, its key and a trust file
// into the two configurations of crypto/tls.
//
// Times are given by the caller, never read from a clock. Certificates follow the
// profile of RFC 5280.
package certs
