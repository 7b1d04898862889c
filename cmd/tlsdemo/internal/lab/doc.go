/*
Package lab reproduces failures of mutual TLS on purpose. A [Scenario] says what is
broken and what each end ought to say of it; the [Lab] makes the broken set, runs both ends
over loopback, and returns what they said.

It knows no commands: it runs what it is given.
*/
package lab
