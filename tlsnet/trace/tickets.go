package trace

import "tlsdemo/tlsnet/wire"

// TakeOutTickets takes out with what a session of TLS 1.2 can be resumed: tickets, and the
// identifiers of sessions. Together with the secrets they are an identity: whoever has both can
// resume the session as the client. [wire.TakenOut] is in their place, and no checksum over them can
// be checked. Secrets should be there before: of a second handshake, which is encrypted, all is taken
// out that they do not open. See [wire.Conversation.TakeOut].
func (c *Capture) TakeOutTickets() {
	whole := c.Conversation()
	c.Chunks = whole.TakeOut(c.Chunks)
	c.checked = nil
	for i := range whole.Messages {
		m := &whole.Messages[i]
		c.checked = append(c.checked, finding{m.From, m.Name, m.Proof, m.Fault})
	}
}

// finding is what was found out of a message when all was there that was said before it.
type finding struct {
	from               wire.Side
	name, proof, fault string
}

// proved adds to a conversation what was checked before something was taken out of it, if its messages
// are still the same. More secrets may have come since.
func (c *Capture) proved(talk *wire.Conversation) *wire.Conversation {
	if len(talk.Messages) != len(c.checked) {
		return talk
	}
	for i, was := range c.checked {
		m := &talk.Messages[i]
		if m.From == was.from && m.Name == was.name && m.Proof == "" && m.Fault == "" {
			m.Proof, m.Fault = was.proof, was.fault
		}
	}
	return talk
}
