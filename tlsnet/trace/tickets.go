package trace

// TakeOutTickets takes out with what a session of TLS 1.2 can be resumed: tickets, and the
// identifiers of sessions. Together with the secrets they are an identity: whoever has both can
// resume the session as the client. [wire.TakenOut] is in their place, and no checksum over them can
// be checked. Secrets should be there before: of a second handshake, which is encrypted, all is taken
// out that they do not open. See [wire.Conversation.TakeOut].
func (c *Capture) TakeOutTickets() { c.Chunks = c.Conversation().TakeOut(c.Chunks) }
