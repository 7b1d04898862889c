package workshop

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Peer is a command line of some implementation of TLS, or of tlsdemo's own.
type Peer struct {
	Name string
	// Needs are the programs that it takes, and files: what begins with a slash, or with
	// a variable of the environment, is a pattern that one has to match.
	Needs []string
	// Build is a command line that makes {program}, once for all who have the same.
	Build string
	// Args is the command line, split at spaces. What is in braces is filled in by
	// Start.
	Args string
	// Conf is a configuration file, filled in the same way, which Args calls {conf}.
	Conf string
	// ConfName is what the file is called. If empty, conf.
	ConfName string
	// Words are further words in braces, each followed by what it stands for.
	Words []string
}

// QuickJVM makes a Java that is to live for a second start faster.
const QuickJVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"

// Missing returns the first thing that is needed and not there.
func (p Peer) Missing() string {
	for _, need := range p.Needs {
		if !there(need) {
			return need
		}
	}
	return ""
}

func there(need string) bool {
	if strings.HasPrefix(need, "/") || strings.HasPrefix(need, "$") {
		files, _ := filepath.Glob(os.ExpandEnv(need))
		return len(files) > 0
	}
	_, err := exec.LookPath(need)
	return err == nil
}

// Choose keeps those of all whose name has one of words in it, or all if there are no words.
func Choose[T any](all []T, words []string, name func(T) string) []T {
	if len(words) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(one T) bool {
		return !slices.ContainsFunc(words, func(word string) bool {
			return strings.Contains(strings.ToLower(name(one)), strings.ToLower(word))
		})
	})
}

// Listen starts a server on a free port, and returns it with its address once it has
// printed ready, or, if ready is empty, takes connections: that would use up the one client of
// some.
func (p Peer) Listen(ctx context.Context, w *Workshop, as Credentials, ready string) (s *Process, addr string, err error) {
	// Somebody else can have taken the port.
	for range 3 {
		if addr, err = freeAddr(); err != nil {
			return nil, "", err
		}
		if s, err = p.Start(ctx, w, as, addr, ""); err != nil {
			return nil, "", err
		}
		await := func() error { return s.Await(ctx, ready) }
		if ready == "" {
			await = func() error { return s.AwaitAt(ctx, addr) }
		}
		if err = await(); err == nil {
			return s, addr, nil
		}
		s.Stop()
	}
	return nil, "", fmt.Errorf("start the server: %w", err)
}

// Start runs the peer at {addr}, whose port is {port}, as the owner of {cert} and {key}
// who trusts {ca}. What not every peer wants is made if Args or Conf name it: {p12} is a PKCS #12
// file, {nss} a database of NSS, {home} Chromium's home and {firefox} Firefox's profile,
// which have such a database, {file} has the {message}, and {scratch} is an empty
// directory. {programs} is where our own peers are, and {tutorial} the tutorial's.
func (p Peer) Start(ctx context.Context, w *Workshop, as Credentials, addr, message string) (*Process, error) {
	words, err := p.files(ctx, w, as, message)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	words = append(words,
		"{addr}", addr, "{port}", port, "{message}", message,
		"{cert}", as.Cert, "{key}", as.Key, "{ca}", as.CA,
		"{password}", password, "{nickname}", nickname,
		"{tlsdemo}", w.TLSDemo,
		"{programs}", w.programs(),
		"{tutorial}", filepath.Join(w.Root, "cmd", "tlsdemo", "testdata", "tutorial"),
	)
	words = append(words, p.Words...)
	if p.Conf != "" {
		file, err := w.write(cmp.Or(p.ConfName, "conf"), strings.NewReplacer(words...).Replace(p.Conf))
		if err != nil {
			return nil, err
		}
		words = append(words, "{conf}", file)
	}
	args := expand(p.Args, strings.NewReplacer(words...))
	args[0] = w.program(args[0])
	return Start(ctx, args)
}

// files makes what not every peer wants, and returns what it is called in Args and what
// on disk, in turn.
func (p Peer) files(ctx context.Context, w *Workshop, as Credentials, message string) (words []string, err error) {
	for word, create := range map[string]func(ctx context.Context, dir string) (string, error){
		"{p12}":  as.pkcs12,
		"{nss}":  as.nss,
		"{home}": as.chromium,
		"{firefox}": func(ctx context.Context, dir string) (string, error) {
			return as.firefox(ctx, dir, filepath.Join(w.programs(), "firefox.js"))
		},
		"{scratch}": func(_ context.Context, dir string) (string, error) { return dir, nil },
		"{file}": func(_ context.Context, dir string) (string, error) {
			file := filepath.Join(dir, "message")
			return file, os.WriteFile(file, []byte(message), 0o600)
		},
		"{program}": func(ctx context.Context, _ string) (string, error) { return w.built(ctx, p.Build) },
	} {
		if !strings.Contains(p.Args+p.Conf, word) {
			continue
		}
		dir, err := w.Scratch()
		if err != nil {
			return nil, err
		}
		file, err := create(ctx, dir)
		if err != nil {
			return nil, err
		}
		words = append(words, word, file)
	}
	return words, nil
}

// expand fills the words in after the split, so that they may have spaces in them.
func expand(args string, words *strings.Replacer) []string {
	fields := strings.Fields(args)
	for i := range fields {
		fields[i] = words.Replace(fields[i])
	}
	return fields
}

// The ports that servers are given lie below those that systems give to whoever wants just
// any: between the finding of a free port and its binding, few others can take it.
const firstPort, lastPort = 10_000, 30_000

// freeAddr returns a loopback address that nobody listens on, for peers that cannot
// choose one and say which.
func freeAddr() (addr string, err error) {
	for range 100 {
		addr = fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		var ln net.Listener
		if ln, err = net.Listen("tcp4", addr); err == nil {
			return addr, ln.Close()
		}
	}
	return "", err
}
