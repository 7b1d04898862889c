/*
Package lab reproduces failures of mutual TLS on purpose. A [Scenario] says what is
broken and what each end ought to say of it; the [Lab] makes the broken set, runs both ends
over loopback, and returns what they said. It also types the hints that they gave, each in a
set of its own, and says what came of them.

It implements no commands: it runs what it is given.
*/
package lab
