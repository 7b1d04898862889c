//go:build !unix

package wire

import "time"

var start = time.Now()

// worked is the time since the beginning.
func worked() time.Duration { return time.Since(start) }
