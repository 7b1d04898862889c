// Command zlint lints every certificate and every revocation list in the PEM files it is
// given against RFC 5280, and exits 1 if one of them is at fault or if nothing was linted.
//
// It is a module of its own: what zlint depends on stays out of the program's
// go.mod.
package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "zlint:", err)
		os.Exit(1)
	}
}

// run lints files, reports to stdout, and fails unless there was something to
// lint and nothing to report: silence must not pass for soundness.
func run(files []string, stdout io.Writer) error {
	lints, err := rfc5280()
	if err != nil {
		return err
	}
	l := &linter{lints: lints, out: stdout}
	for _, file := range files {
		if err := l.file(file); err != nil {
			return err
		}
	}
	return l.verdict()
}

// rfc5280 leaves out zlint's other sources: what browsers and the CA/Browser
// Forum ask of public authorities, no authority of one machine can meet.
func rfc5280() (lint.Registry, error) {
	return lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{lint.RFC5280},
	})
}

type linter struct {
	lints        lint.Registry
	out          io.Writer
	certificates int
	lists        int
	findings     int
}

// file lints each certificate and revocation list in one PEM file, and there has to be one:
// a key among the arguments would otherwise count as sound.
func (l *linter) file(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before := l.certificates + l.lists
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if err := l.block(name, block); err != nil {
			return fmt.Errorf("parse %s: %w", name, err)
		}
	}
	if l.certificates+l.lists == before {
		return fmt.Errorf("read %s: no certificate and no revocation list", name)
	}
	return nil
}

func (l *linter) block(file string, block *pem.Block) error {
	switch block.Type {
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		l.certificates++
		l.report(file, zlint.LintCertificateEx(cert, l.lints).Results)
	case "X509 CRL":
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return err
		}
		l.lists++
		l.report(file, zlint.LintRevocationListEx(list, l.lints).Results)
	}
	return nil
}

// report prints what is a warning or worse, by name so that two runs compare.
func (l *linter) report(file string, results map[string]*lint.LintResult) {
	for _, name := range slices.Sorted(maps.Keys(results)) {
		r := results[name]
		if r.Status < lint.Warn {
			continue
		}
		l.findings++
		details := r.Details
		if details == "" { // most lints say it in their description only
			details = r.LintMetadata.Description
		}
		fmt.Fprintf(l.out, "%s: %s: %s: %s\n", file, name, r.Status, details)
	}
}

// verdict prints the totals and turns them into an error or none.
func (l *linter) verdict() error {
	lints, ofLists := len(l.lints.CertificateLints().Lints()), len(l.lints.RevocationListLints().Lints())
	fmt.Fprintf(l.out, "zlint: %d certificates, %d lints each, %d revocation lists, %d lints each, %d findings\n",
		l.certificates, lints, l.lists, ofLists, l.findings)
	switch {
	case l.certificates+l.lists == 0:
		return errors.New("nothing to lint")
	case lints == 0 || ofLists == 0:
		return errors.New("no RFC 5280 lint ran")
	case l.findings > 0:
		return fmt.Errorf("%d findings", l.findings)
	}
	return nil
}
