package main

import (
	"fmt"
	"strings"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

const fromStdin = "--file=-"

// writeBroken writes a scenario's set to the directory --keep, and prints what to type.
func (l *lab) writeBroken(s *scenario) error {
	dir, v := brokenDir(l.keep), s.best(l.tls)
	if err := l.makeBroken(s, dir); err != nil {
		return &localError{err: err}
	}
	out := l.env.stdout
	fmt.Fprintf(out, "%s: %s\nWritten to %s. In one terminal and in another:\n\n", s.name, s.broken, console.Clean(l.keep))
	for _, command := range s.commands(dir, v) {
		fmt.Fprintf(out, "  %s\n", command)
	}
	want := s.wants(v)
	_, err := fmt.Fprintf(out, "\nThe server is to say %s, the client %s.\n", orNothing(want.server), orNothing(want.client))
	return err
}

func orNothing(code string) string {
	if code == "" {
		return "nothing"
	}
	return code
}

// commands are what to type in a shell for the server and the client, with the set in
// dir.
func (s *scenario) commands(dir brokenDir, v tlsVersion) []string {
	server, client := shellLine(s.serveArgs(dir, v)), shellLine(s.sendArgs(dir, v))
	fill := strings.NewReplacer("{dir}", shellQuote(string(dir)))
	if s.server != nil {
		server = fill.Replace(s.server.command)
	}
	if s.client != nil {
		client = fill.Replace(s.client.command)
	}
	return []string{server, client}
}

func shellLine(args []string) string {
	line := "tlsdemo"
	for _, arg := range args {
		line += " " + shellWord(arg)
		if arg == fromStdin {
			line = "sleep 60 | " + line
		}
	}
	return line
}

// shellWord is one argument. Of a flag only the value is quoted.
func shellWord(arg string) string {
	if flag, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(flag, "--") {
		return flag + "=" + shellValue(value)
	}
	return shellValue(arg)
}

// shellValue is shellQuote also for what no terminal can show.
func shellValue(s string) string {
	if console.Clean(s) == s {
		return shellQuote(s)
	}
	var octal strings.Builder
	for _, b := range []byte(s) {
		fmt.Fprintf(&octal, `\%03o`, b)
	}
	return `"$(printf '` + octal.String() + `')"`
}
