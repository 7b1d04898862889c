//go:build !race

package wire

// hostile is how much a hostile end sends.
const hostile = 16 << 20
