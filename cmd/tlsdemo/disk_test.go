//go:build unix

package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// changingCommands are all commands that write into a directory, or beside it.
var changingCommands = [][]string{
	{"certs", "issue", "bob"},
	{"certs", "issue", "build", "--csr=build.csr"},
	{"certs", "renew", "--within=1y"},
	{"certs", "renew", "--within=1y", "--new-key"},
	{"certs", "renew", "ca"},
	{"certs", "rotate-ca"},
	{"certs", "revoke", "alice"},
	{"certs", "crl"},
	{"certs", "encrypt-key", "--new-password-file=secret"},
	{"certs", "init", "--force"},
	{"certs", "init", "--dir=another"},
	{"certs", "import", "certs/ca.crt", "certs/client.crt", "certs/client.key", "--dir=imported"},
	{"certs", "export", "client", "--format=p12", "--password-file=secret"},
	{"certs", "export", "ca", "--format=jks-truststore", "--no-password"},
}

// small is a file system of its own with a set in it, of which alice is one, and mallory has
// been revoked. It is as large as the set and what a command adds to it, but not twice.
func small(t *testing.T, template string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "none", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	copyTree(t, template, dir)
	return dir
}

// diskSet is what each small file system begins with.
func diskSet(t *testing.T) string {
	t.Helper()
	if !canMount() {
		t.Skip("mounting a small file system is not permitted")
	}
	dir := killedSet(t)
	csr := exec.Command("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", "build.key", "-out", "build.csr", "-subj", "/CN=build")
	csr.Dir = dir
	if out, err := csr.CombinedOutput(); err != nil {
		t.Skipf("no certificate request: %v: %s", err, out)
	}
	if ended := typed(t, dir, "certs", "crl"); ended.status != cli.ExitDone { // it leaves the file that is locked
		t.Fatal(ended.stderr)
	}
	if err := os.Remove(filepath.Join(dir, "client.p12")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFullDisk runs each command on a disk that is full: it says so, the status is 3, and all
// is as before. Where there is room for a part of its work only, the set is sound, too, or the
// hint says how to go on.
func TestFullDisk(t *testing.T) {
	template := diskSet(t)
	for _, args := range changingCommands {
		t.Run(strings.Join(args[1:], " "), func(t *testing.T) {
			t.Parallel()
			for _, pages := range []int{0, 1, 2, 3, 5, 8} {
				dir := small(t, template)
				fill(t, dir, pages)
				before := treeOf(t, dir)
				ended := typed(t, dir, args...)
				full := ended.status == cli.ExitLocal && strings.Contains(ended.stderr, "no space left on device")
				if !full && (ended.status != cli.ExitDone || pages == 0) {
					t.Errorf("%d pages are free: status %d: %s", pages, ended.status, ended.stderr)
				}
				if pages == 0 && !sameTree(before, withoutEarlier(treeOf(t, dir))) {
					t.Error("files were changed")
				}
				if err := os.Remove(filepath.Join(dir, "fill")); err != nil {
					t.Fatal(err)
				}
				if args[1] != "encrypt-key" {
					soundOrSaid(t, dir)
				}
				if t.Failed() {
					t.Fatalf("%d pages were free", pages)
				}
			}
		})
	}
}

// withoutEarlier leaves out the further names of certificates that were about to be renewed:
// one too many harms nobody.
func withoutEarlier(tree map[string]string) map[string]string {
	maps.DeleteFunc(tree, func(path, _ string) bool { return filepath.Base(filepath.Dir(path)) == "earlier" })
	return tree
}

// fill fills a file system up to so many pages.
func fill(t *testing.T, dir string, pages int) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, os.Getpagesize())
	size := 0
	for ; err == nil; size += len(page) {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(size - len(page) - pages*len(page))); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyDisk runs each command on a file system that is read-only: it says so, the
// status is 3, and what only reads goes on working.
func TestReadOnlyDisk(t *testing.T) {
	template := diskSet(t)
	dir := small(t, template)
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := treeOf(t, dir)
	for _, args := range changingCommands {
		ended := typed(t, dir, args...)
		if ended.status != cli.ExitLocal || !strings.Contains(ended.stderr, "read-only file system") {
			t.Errorf("%q: status %d: %s", args, ended.status, ended.stderr)
		}
	}
	for _, args := range [][]string{{"certs", "show"}, {"certs", "verify"}} {
		if ended := typed(t, dir, args...); ended.status != cli.ExitDone {
			t.Errorf("%q: status %d: %s", args, ended.status, ended.stderr)
		}
	}
	if !sameTree(before, treeOf(t, dir)) {
		t.Error("files were changed")
	}
}
