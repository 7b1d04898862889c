//go:build race

package wire

// hostile is how much a hostile end sends. The race detector makes everything slow, and there is
// nothing concurrent in it.
const hostile = 1 << 20
