package main

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"syscall"

	"tlsdemo/certs"
	"tlsdemo/tlsnet"
)

// hint is the only table of advice: the command that mends err, or else what to look
// at, or nothing.
func hint(err error) string {
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage.command + " --help"
	}
	if own, ok := errors.AsType[*dirError](err); ok {
		return hintDir(own)
	}
	if finding, ok := errors.AsType[*certs.Finding](err); ok {
		return hintFile(finding)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return hintRefused(err)
	case errors.Is(err, syscall.EADDRINUSE):
		return "tlsdemo serve --addr=127.0.0.1:0"
	case is[*listenError](err) && errors.Is(err, fs.ErrPermission):
		return "ports below 1024 are for root: tlsdemo serve --addr=127.0.0.1:8888"
	case errors.Is(err, tlsnet.ErrMalformed):
		return "the other end names the protocol " + tlsnet.Protocol + " but does not speak it"
	}
	return ""
}

// hintRefused is about a port on which nobody listens: on this machine that can be us.
func hintRefused(err error) string {
	connect, ok := errors.AsType[*connectError](err)
	if !ok || !loopback(connect.addr) {
		return ""
	}
	serve := "tlsdemo serve"
	if connect.plain {
		serve += " --plain"
	}
	if connect.addr != defaultAddr {
		serve += " --addr=" + shellQuote(connect.addr)
	}
	return serve
}

// hintDir is about a directory of our own: all in it can be made anew.
func hintDir(err *dirError) string {
	init := "tlsdemo certs init" + err.dirFlag()
	finding, ok := errors.AsType[*certs.Finding](err)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ""
	case errors.Is(err, errNoSet):
		return init
	case ok && finding.Code == certs.KeyExposed:
		return "chmod 600 " + shellQuote(finding.File)
	}
	return init + " --force    # the old set is kept aside"
}

// hintFile is about a file that somebody named, so that it is not ours to replace.
func hintFile(f *certs.Finding) string {
	switch f.Code {
	case certs.KeyEncrypted:
		return "openssl pkey -in " + shellQuote(f.File) + " -out plain.key"
	case certs.KeyMismatch, certs.PEMSwapped:
		return "--cert takes the certificate, --key the private key that was made for it"
	case certs.CAFileEmpty, certs.CertNotCA:
		return "--ca takes the certificate of the CA that issued the peer's"
	}
	return ""
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./=:@%+,-]+$`)

// shellQuote makes s one word of a shell.
func shellQuote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
