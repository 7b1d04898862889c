// Package wire knows what the bytes of a connection below TLS mean. It has no clock and no
// secrets of its own, and opens no connection.
//
// [Decode] turns what both ends sent, with the secrets of a key log, into records, messages and
// a tree of fields for each message. A [Tap] remembers the beginning of what passes on one
// connection, for whoever has to explain why it failed; [Seen] is what it remembers.
package wire
