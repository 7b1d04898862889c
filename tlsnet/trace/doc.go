// Package trace records what the two ends of one's own connections say to each other, with the
// secrets that open it, so that [tlsdemo/tlsnet/wire] can tell what it means.
//
// A recording holds secrets: whoever has it can read everything. A [Recorder] sees to it that it
// holds no more than that. In TLS 1.2 the ticket of a session and its master secret together are
// an identity: with them anybody can resume the session as the client, without its private key.
// So the ends that are recorded neither give nor use tickets of TLS 1.2.
package trace
