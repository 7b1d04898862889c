// Package console is what a command writes to a person or to the program that reads it:
// text that is safe on a terminal, JSON, the log, and the block that explains a failure.
// Nobody who reads slowly, and nobody who makes many failures, holds up what is reported:
// see [Outlet] and [Limiter].
package console
