package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// set is a directory that certs init has made.
type set string

func (s set) file(name string) string { return filepath.Join(string(s), name) }

// credentials are what one end shows and whom it trusts: PEM files.
type credentials struct{ cert, key, ca string }

// of returns the credentials of a set's server or client, which trusts the CA of
// another set, or of the same.
func (s set) of(role string, trusting set) credentials {
	return credentials{cert: s.file(role + ".crt"), key: s.file(role + ".key"), ca: trusting.file("ca.crt")}
}

const (
	password = "tlsdemo" // of PKCS #12 files, as some peers take none without
	nickname = "me"      // of our own certificate in an NSS database
)

// pkcs12 puts a certificate and its key into one file in dir, for peers that do not
// read PEM.
func (c credentials) pkcs12(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "me.p12")
	return file, quietly(exec.CommandContext(ctx, "openssl", "pkcs12", "-export",
		"-in", c.cert, "-inkey", c.key, "-name", nickname, "-out", file, "-passout", "pass:"+password))
}

// nss makes a database in dir, which is the only thing that NSS reads.
func (c credentials) nss(ctx context.Context, dir string) (string, error) {
	p12, err := c.pkcs12(ctx, dir)
	if err != nil {
		return "", err
	}
	db := "sql:" + filepath.Join(dir, "nss")
	if err := os.Mkdir(filepath.Join(dir, "nss"), 0o700); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"certutil", "-N", "-d", db, "--empty-password"},
		// T and C: trusted to issue clients' and servers' certificates.
		{"certutil", "-A", "-d", db, "-n", "ca", "-t", "CT,,", "-i", c.ca},
		{"pk12util", "-i", p12, "-d", db, "-W", password},
	} {
		if err := quietly(exec.CommandContext(ctx, args[0], args[1:]...)); err != nil {
			return "", err
		}
	}
	return db, nil
}
