package cli

// Access says who but us can use a file that has secrets in it.
type Access int

// Who can.
const (
	Ours     Access = iota // nobody
	Foreign                // it belongs to another user
	Writable               // other users can write it
	Readable               // other users can read it
)
