package trace

// takeOutTickets takes out with what a session of TLS 1.2 can be resumed.
func (c *Capture) takeOutTickets() {
	chunks, left := c.Conversation().TakeOut(c.Chunks)
	c.Chunks = chunks
	for side := range left {
		c.Left[side] += left[side]
	}
}
