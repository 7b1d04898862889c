// Package probe looks at a TLS server as a person would check it by hand, and says at once
// everything that is wrong: with what it negotiates, with its certificates, and with what
// it makes of ours.
package probe
