//go:build unix

package certs_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs"
)

// A pipe would be waited for: it is not opened at all.
func TestReloadRefusesPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writtenSet(t, dir)
	r := watching(t, time.Hour, serverFiles(dir))
	key := filepath.Join(dir, "server.key")
	// In one step: between two, the watcher may look and find no file, which is another error.
	do(t, syscall.Mkfifo(key+".new", 0o600), os.Rename(key+".new", key))
	r.refuses(certs.KeyUnreadable)
	do(t, os.Remove(key))
	next := newSet()
	writeSet(t, dir, next)
	r.shows(next[certs.Server])
}
