//go:build !unix

package session

import "io/fs"

// exposed: elsewhere a file inherits who may do what with it.
func exposed(fs.FileInfo) string { return "" }
