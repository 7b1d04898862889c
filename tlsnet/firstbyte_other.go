//go:build !unix

package tlsnet

// hasInput reports whether a socket has something to read. It need not know: for as long as
// it says no, Windows is asked to tell when there is something.
func hasInput(uintptr) bool { return false }
