package cli

// The exit statuses. They are part of what the program promises.
const (
	ExitDone        = 0
	ExitUnexpected  = 1
	ExitUsage       = 2
	ExitLocal       = 3 // a local file or configuration
	ExitTransport   = 4 // refused, timed out, not TLS, closed
	ExitRefusedPeer = 5 // we refused the peer's certificate
	ExitRefused     = 6 // the peer refused us
	ExitNegotiation = 7 // version, cipher, group, ALPN
	ExitNotKnown    = 8 // explain recognised nothing, or probe could not find out whether a server refuses
)

// UsageError is a mistake of typing.
type UsageError struct {
	Command string // whose help to read
	Err     error
}

func (u *UsageError) Error() string { return u.Err.Error() }

// LocalError is a fault of a local file or of the configuration that has no type of
// its own.
type LocalError struct{ Err error }

func (l *LocalError) Error() string { return l.Err.Error() }
func (l *LocalError) Unwrap() error { return l.Err }
