package workshop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// Credentials are what one end shows and whom it trusts: PEM files. Without Cert and Key
// it shows nothing.
type Credentials struct{ Cert, Key, CA string }

const (
	password = "tlsdemo" // of PKCS #12 files, as some peers take none without
	nickname = "me"      // of our own certificate in an NSS database
)

// pkcs12 puts a certificate and its key into one file in dir, for peers that do not
// read PEM.
func (c Credentials) pkcs12(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "me.p12")
	return file, quietly(exec.CommandContext(ctx, "openssl", "pkcs12", "-export",
		"-in", c.Cert, "-inkey", c.Key, "-name", nickname, "-out", file, "-passout", "pass:"+password))
}

// nss makes dir a database of NSS, which is the only thing that NSS reads.
func (c Credentials) nss(ctx context.Context, dir string) (string, error) {
	// T and C: trusted to issue clients' and servers' certificates.
	steps := [][]string{
		{"certutil", "-N", "-d", "sql:" + dir, "--empty-password"},
		{"certutil", "-A", "-d", "sql:" + dir, "-n", "ca", "-t", "CT,,", "-i", c.CA},
	}
	if c.Cert != "" {
		p12, err := c.pkcs12(ctx, dir)
		if err != nil {
			return "", err
		}
		steps = append(steps, []string{"pk12util", "-i", p12, "-d", "sql:" + dir, "-W", password})
	}
	for _, args := range steps {
		if err := quietly(exec.CommandContext(ctx, args[0], args[1:]...)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// chromium makes dir the home of somebody whose Chromium knows the credentials.
func (c Credentials) chromium(ctx context.Context, dir string) (string, error) {
	db := filepath.Join(dir, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		return "", err
	}
	_, err := c.nss(ctx, db)
	return dir, err
}

// firefox makes dir a profile of Firefox that knows the credentials, with preferences
// from a file.
func (c Credentials) firefox(ctx context.Context, dir, preferences string) (string, error) {
	text, err := os.ReadFile(preferences)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "user.js"), text, 0o600); err != nil {
		return "", err
	}
	return c.nss(ctx, dir)
}
