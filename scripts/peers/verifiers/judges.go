package verifiers

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tlsdemo/certs"
	"tlsdemo/scripts/peers/workshop"
)

// finding is what a verifier says of an exhibit.
type finding struct {
	verdict verdict
	said    string
	err     error // it could not be asked
}

// judge is a verifier: a column of the table.
type judge struct {
	name  string
	needs []string
	crl   bool // it has the revocation lists
	// words are what it says where it refuses for a reason.
	words map[verdict][]string
	// skips are exhibits that it does not judge.
	skips func(e *exhibit) bool
	// ask has it verify all exhibits.
	ask func(ctx context.Context, b *bench, j *judge, all []exhibit) []finding
}

// judges are the columns.
func judges() []judge {
	var all []judge
	all = append(all, judge{
		name: "zlint", words: map[verdict][]string{badlyFormed: {"findings"}}, ask: each((*bench).zlint),
		skips: func(e *exhibit) bool { return e.foreign },
	})
	for _, crl := range []bool{false, true} {
		name := ""
		if crl {
			name = " +CRL"
		}
		all = append(
			all,
			judge{name: "OpenSSL" + name, needs: []string{"openssl"}, words: opensslWords, crl: crl, ask: each((*bench).openssl)},
			judge{name: "GnuTLS" + name, needs: []string{"certtool"}, words: gnutlsWords, crl: crl, ask: each((*bench).gnutls)},
			judge{name: "NSS" + name, needs: []string{"certutil", "vfychain", "crlutil", "openssl"}, words: nssWords, crl: crl, ask: each((*bench).nss)},
			judge{name: "Java anchor" + name, needs: []string{"java"}, words: javaWords, crl: crl, ask: java("anchor")},
			judge{name: "Java path" + name, needs: []string{"java"}, words: javaWords, crl: crl, ask: java("path")},
		)
	}
	return all
}

// What they say where they refuse.
var (
	opensslWords = map[verdict][]string{
		outside: {"permitted subtree violation"}, revoked: {"certificate revoked"}, untrusted: {"unable to get local issuer certificate"},
	}
	gnutlsWords = map[verdict][]string{
		outside: {"chain violates the signer's constraints"}, revoked: {"certificate chain is revoked"}, untrusted: {"issuer is unknown"},
	}
	// Its numbers: certificate not in name space, revoked certificate, unknown issuer.
	nssWords = map[verdict][]string{
		outside: {"-8080"}, revoked: {"-8180"}, untrusted: {"-8179"}, unknown: {"SEC_ERROR_ADDING_CERT"},
	}
	javaWords = map[verdict][]string{
		outside: {"name constraints check failed"}, revoked: {"REVOKED"}, untrusted: {"NO_TRUST_ANCHOR", "NAME_CHAINING"},
	}
)

// bench is what the verifiers need.
type bench struct {
	w      *workshop.Workshop
	linter string

	mu        sync.Mutex
	databases map[string]func() (string, error) // of NSS, by what is in them
}

func newBench(ctx context.Context, w *workshop.Workshop) (*bench, error) {
	dir, err := w.Scratch()
	if err != nil {
		return nil, err
	}
	b := &bench{w: w, linter: filepath.Join(dir, "zlint"), databases: make(map[string]func() (string, error))}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.linter, ".")
	build.Dir = filepath.Join(w.Root, "scripts", "zlint")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build zlint: %w: %s", err, workshop.LastLine(string(out)))
	}
	return b, nil
}

// each asks about one exhibit after the other.
func each(command func(b *bench, ctx context.Context, e *exhibit, crl bool) (*exec.Cmd, error)) func(context.Context, *bench, *judge, []exhibit) []finding {
	return func(ctx context.Context, b *bench, j *judge, all []exhibit) []finding {
		findings := make([]finding, len(all))
		for i := range all {
			if j.skips != nil && j.skips(&all[i]) {
				continue
			}
			cmd, err := command(b, ctx, &all[i], j.crl)
			if err != nil {
				findings[i] = finding{err: err}
				if f := j.understand(false, err.Error()); f.verdict == unknown {
					findings[i] = f
				}
				continue
			}
			out, err := cmd.CombinedOutput()
			findings[i] = j.understand(err == nil, string(out))
		}
		return findings
	}
}

// understand is what it means that a verifier accepts, or refuses with these words.
func (j *judge) understand(accepts bool, said string) finding {
	if accepts {
		return finding{verdict: accepted, said: said}
	}
	// Of a chain with several roots it says something for each: what it says of the right one
	// counts, and of the others it can only say that they are not its issuer.
	for _, verdict := range []verdict{revoked, outside, badlyFormed, unknown, untrusted} {
		if slices.ContainsFunc(j.words[verdict], func(words string) bool { return strings.Contains(said, words) }) {
			return finding{verdict: verdict, said: said}
		}
	}
	return finding{verdict: otherwise, said: said}
}

func (b *bench) zlint(ctx context.Context, e *exhibit, _ bool) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, b.linter, e.chain, e.roots, e.lists), nil
}

func (b *bench) openssl(ctx context.Context, e *exhibit, crl bool) (*exec.Cmd, error) {
	args := []string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", e.roots, "-untrusted", e.chain}
	if e.usage == certs.ServerAuth {
		args = append(args, "-purpose", "sslserver")
	} else {
		args = append(args, "-purpose", "sslclient")
	}
	if e.host != "" {
		args = append(args, "-verify_hostname", e.host)
	}
	if crl {
		args = append(args, "-crl_check_all", "-CRLfile", e.lists)
	}
	return exec.CommandContext(ctx, "openssl", append(args, e.chain)...), nil
}

// usageID is the extended key usage of RFC 5280 section 4.2.1.12.
func (e *exhibit) usageID() string {
	if e.usage == certs.ServerAuth {
		return "1.3.6.1.5.5.7.3.1"
	}
	return "1.3.6.1.5.5.7.3.2"
}

func (b *bench) gnutls(ctx context.Context, e *exhibit, crl bool) (*exec.Cmd, error) {
	args := []string{"--verify", "--verify-profile=medium", "--infile", e.chain, "--load-ca-certificate", e.roots, "--verify-purpose", e.usageID()}
	if e.host != "" {
		args = append(args, "--verify-hostname", e.host)
	}
	if crl {
		args = append(args, "--load-crl", e.lists)
	}
	return exec.CommandContext(ctx, "certtool", args...), nil
}

// nss gives vfychain every certificate of the chain, which it wants one a file.
func (b *bench) nss(ctx context.Context, e *exhibit, crl bool) (*exec.Cmd, error) {
	lists := ""
	if crl {
		lists = e.lists
	}
	db, err := b.database(ctx, e.roots, lists)
	if err != nil {
		return nil, err
	}
	usage := "0"
	if e.usage == certs.ServerAuth {
		usage = "1"
	}
	files, err := b.split(e.chain)
	return exec.CommandContext(ctx, "vfychain", append([]string{"-d", "sql:" + db, "-a", "-u", usage}, files...)...), err
}

// database is one of NSS with these roots and lists. Whoever asks first makes it.
func (b *bench) database(ctx context.Context, roots, lists string) (string, error) {
	key := ""
	for _, file := range []string{roots, lists} {
		data, err := os.ReadFile(file)
		if err != nil && file != "" {
			return "", err
		}
		key += string(data)
	}
	b.mu.Lock()
	made, ok := b.databases[key]
	if !ok {
		made = sync.OnceValues(func() (string, error) { return b.makeDatabase(ctx, roots, lists) })
		b.databases[key] = made
	}
	b.mu.Unlock()
	return made()
}

func (b *bench) makeDatabase(ctx context.Context, roots, lists string) (string, error) {
	dir, err := b.w.Scratch()
	if err != nil {
		return "", err
	}
	steps := [][]string{{"certutil", "-N", "-d", "sql:" + dir, "--empty-password"}}
	files, err := b.split(roots)
	if err != nil {
		return "", err
	}
	for i, file := range files {
		steps = append(steps, []string{"certutil", "-A", "-d", "sql:" + dir, "-n", fmt.Sprintf("ca %d", i), "-t", "CT,,", "-i", file})
	}
	for _, args := range steps {
		if err := quietly(ctx, args...); err != nil {
			return "", err
		}
	}
	if lists != "" {
		err = b.addLists(ctx, dir, lists)
	}
	return dir, err
}

// addLists puts revocation lists into a database, those of CAs that are in it.
func (b *bench) addLists(ctx context.Context, db, lists string) error {
	files, err := b.split(lists)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := quietly(ctx, "openssl", "crl", "-in", file, "-outform", "DER", "-out", file+".der"); err != nil {
			return err
		}
		err := quietly(ctx, "crlutil", "-I", "-d", "sql:"+db, "-t", "1", "-i", file+".der")
		if err != nil && !strings.Contains(err.Error(), "SEC_ERROR_UNKNOWN_ISSUER") {
			return err
		}
	}
	return nil
}

// quietly runs a command whose output is of interest only if it fails.
func quietly(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, workshop.LastLine(string(out)))
	}
	return nil
}

// split puts each block of a PEM file into a file of its own.
func (b *bench) split(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	dir, err := b.w.Scratch()
	if err != nil {
		return nil, err
	}
	var files []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		name := filepath.Join(dir, fmt.Sprintf("%d.pem", len(files)))
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
		files = append(files, name)
	}
	return files, nil
}

// java has one process judge all: most of its time is its start. How the root is trusted is
// one of the ways that the program knows.
func java(trusted string) func(context.Context, *bench, *judge, []exhibit) []finding {
	return func(ctx context.Context, b *bench, j *judge, all []exhibit) []finding {
		lines, err := b.java(ctx, trusted, j.crl, all)
		findings := make([]finding, len(all))
		for i := range all {
			if err != nil {
				findings[i] = finding{err: err}
			} else {
				findings[i] = j.understand(lines[i] == "ok", lines[i])
			}
		}
		return findings
	}
}

func (b *bench) java(ctx context.Context, trusted string, crl bool, all []exhibit) ([]string, error) {
	var list strings.Builder
	for _, e := range all {
		lists := "-"
		if crl {
			lists = e.lists
		}
		fmt.Fprintln(&list, strings.Join([]string{trusted, e.chain, e.roots, lists, e.usageID()}, "\t"))
	}
	dir, err := b.w.Scratch()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "list")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		return nil, err
	}
	args := append(strings.Fields(workshop.QuickJVM), filepath.Join(b.w.Root, "scripts", "peers", "programs", "Verify.java"), file)
	out, err := exec.CommandContext(ctx, "java", args...).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != len(all) {
		return nil, fmt.Errorf("java: %d lines instead of %d, %w: %s", len(lines), len(all), err, workshop.LastLine(string(out)))
	}
	return lines, nil
}
