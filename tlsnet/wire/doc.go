// Package wire knows what the bytes of a connection below TLS mean: records, alerts, and
// how a connection ended. It does no I/O of its own and has no clock: a [Tap] passes on
// what others read and write, and remembers a bounded part of it.
package wire
