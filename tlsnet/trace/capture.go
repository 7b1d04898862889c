package trace

import (
	"time"

	"tlsdemo/tlsnet/wire"
)

// Capture is what was recorded of a connection.
type Capture struct {
	Self   wire.Side // which end is ours
	Client string    // the address of the client
	Server string    // that of the server
	Chunks []wire.Chunk
	// Late says that the connection was there before the recording began.
	Late bool
	// Guessed says that nothing which was recorded tells who is the client.
	Guessed bool
	// Left is how many bytes of each side were not kept, since there were more than the limit, or
	// are missing in a file.
	Left [2]int64
	// Ended is how each side ended the connection below TLS, as far as our end knows.
	Ended [2]End

	// Secrets are those with which what is encrypted is opened. They may become more. If nil, there
	// are none.
	Secrets *wire.Secrets

	checked []finding // of each message, before something was taken out; or nil
}

// End is how a side ended a connection below TLS. The zero value is one that did not, or of
// which it is not known.
type End struct {
	At  time.Time
	How Ending
}

// Ending is a way to end a connection.
type Ending int

// The endings.
const (
	Open  Ending = iota // it did not
	FIN                 // it said that it sends no more
	Reset               // it broke off, and what was on the way is lost
)

// Conversation returns what the two ends said, as far as the secrets open it.
func (c *Capture) Conversation() *wire.Conversation {
	return c.proved(wire.Decode(c.Chunks, c.Secrets))
}

// KeyLog returns the secrets of the connection as lines of a key log. Whoever has them can read
// what was said.
func (c *Capture) KeyLog() []byte { return c.Secrets.KeyLog(c.Conversation().Randoms...) }
