// Package phrases knows what the error texts of other TLS programs mean: which end prints
// a text, whose certificate it accuses, and which failures are behind it, the most frequent
// first. Its knowledge is one table, phrases.tsv, with a row for each text. Failures are
// named by codes, which are those of package explain and of package certs.
//
// [Read] judges one line. It does no I/O, and takes bounded time for any line.
package phrases
