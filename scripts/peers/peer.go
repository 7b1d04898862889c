package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peer is a command line of some implementation of TLS, or of tlsdemo's own.
type peer struct {
	name string
	// needs are the programs that it takes.
	needs []string
	// args is the command line, split at spaces. What is in braces is filled in by
	// peer.start.
	args string
	// conf is a configuration file, filled in the same way, which args calls {conf}.
	conf string
	// words are further words in braces, each followed by what it stands for.
	words []string
}

// client is a peer that connects to {addr}, sends a message, prints the answer, and
// ends when the server closes or its standard input ends. The message is on its
// standard input, which stays open until the answer is there, in {file}, and is
// {message}.
type client struct {
	peer
	// answered is what it prints when the answer is there. If empty, the answer.
	answered string
	// shows is what else it prints about a connection that it trusts.
	shows []string
	// message is how tlsdemo serve quotes what it sends, or begins to. If empty, the
	// message that it was given.
	message string
	// times is how many exchanges it has. If zero, one.
	times int
	// ended is how its messages end, as tlsdemo serve says: silence, or cut if it closes
	// without close_notify. If empty, closed, of which tlsdemo serve says nothing.
	ended string
}

// server is a peer that listens on {port}. It may serve one client or many.
type server struct {
	peer
	// ready is what it prints once it listens. To find out by connecting would use
	// up the one client of some.
	ready string
	// send are further arguments for tlsdemo send, and message is what it is to
	// send. If empty, a line.
	send    string
	message string
	// answer is what tlsdemo send prints of the server's answer.
	answer string
	// ended is how its answer ends, as tlsdemo send says: silence, or cut if it closes
	// without close_notify. If empty, closed.
	ended string
	// saw is what it prints about a client that it trusts.
	saw []string
	// refusal is the exit status of tlsdemo send when the server refuses it. If
	// zero, 6.
	refusal int
}

// missing returns the first program that is needed and not there.
func (p peer) missing() string {
	for _, program := range p.needs {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// start runs a client against the server at addr.
func (c client) start(ctx context.Context, w *workshop, as credentials, addr, message string) (*process, error) {
	p, err := c.peer.start(ctx, w, as, addr, message)
	if err == nil {
		p.say(message)
	}
	return p, err
}

// start runs a server on a free port, and returns it with its address when it listens.
func (s server) start(ctx context.Context, w *workshop, as credentials) (p *process, addr string, err error) {
	// Between the finding and the binding of a free port somebody else can take it.
	for range 3 {
		if addr, err = freeAddr(); err != nil {
			return nil, "", err
		}
		if p, err = s.peer.start(ctx, w, as, addr, ""); err != nil {
			return nil, "", err
		}
		if err = p.await(ctx, s.ready); err == nil {
			return p, addr, nil
		}
		p.stop()
	}
	return nil, "", fmt.Errorf("start the server: %w", err)
}

func (p peer) start(ctx context.Context, w *workshop, as credentials, addr, message string) (*process, error) {
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
		"{cert}", as.cert, "{key}", as.key, "{ca}", as.ca,
		"{password}", password, "{nickname}", nickname,
		"{tlsdemo}", w.tlsdemo,
		"{peers}", filepath.Join(w.root, "scripts", "peers"),
		"{tutorial}", filepath.Join(w.root, "cmd", "tlsdemo", "testdata", "tutorial"),
	)
	words = append(words, p.words...)
	if p.conf != "" {
		file, err := w.write("conf", strings.NewReplacer(words...).Replace(p.conf))
		if err != nil {
			return nil, err
		}
		words = append(words, "{conf}", file)
	}
	return start(ctx, expand(p.args, strings.NewReplacer(words...)))
}

// files makes what not every peer wants, and returns what it is called in args and
// what on disk, in turn.
func (p peer) files(ctx context.Context, w *workshop, as credentials, message string) (words []string, err error) {
	for word, create := range map[string]func(ctx context.Context, dir string) (string, error){
		"{p12}": as.pkcs12,
		"{nss}": as.nss,
		"{file}": func(_ context.Context, dir string) (string, error) {
			file := filepath.Join(dir, "message")
			return file, os.WriteFile(file, []byte(message), 0o600)
		},
	} {
		if !strings.Contains(p.args, word) {
			continue
		}
		dir, err := w.scratch()
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

// freeAddr returns a loopback address that nobody listens on, for peers that cannot
// choose one and say which.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
