package lab

import (
	"crypto/tls"
	"slices"
	"strings"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

// fromStdin is the flag of a client that waits for what it is to send.
const fromStdin = "--file=-"

// Commands returns what to type in a shell for the server and the client, with the set in
// dir.
func (s *Scenario) Commands(dir string, v Version) [2]string {
	return s.commands(&place{dir: dir, version: v})
}

func (s *Scenario) commands(p *place) [2]string {
	server, client := shellLine(s.serveArgs(p)), shellLine(s.sendArgs(p))
	fill := strings.NewReplacer("{dir}", console.ShellWord(p.dir))
	if s.server != nil {
		server = fill.Replace(s.server.command)
	}
	if s.client != nil {
		client = fill.Replace(s.client.command)
	}
	return [2]string{server, client}
}

func shellLine(args []string) string {
	line := "tlsdemo"
	for _, arg := range args {
		line += " " + shellArg(arg)
		if arg == fromStdin {
			line = "sleep 60 | " + line
		}
	}
	return line
}

// shellArg is one argument. Of a flag only the value is quoted.
func shellArg(arg string) string {
	if flag, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(flag, "--") {
		return flag + "=" + console.ShellWord(value)
	}
	return console.ShellWord(arg)
}

// serveArgs are those of tlsdemo for the server.
func (s *Scenario) serveArgs(p *place) []string {
	return p.commandLine("serve", certs.Server, nil, s.serve)
}

// sendArgs are those for the client. It is the client that fixes the TLS version.
func (s *Scenario) sendArgs(p *place) []string {
	return p.commandLine("send", certs.Client, []string{pin(p.version)}, s.send)
}

func (p *place) commandLine(command, end string, pinned, flags []string) []string {
	args := []string{command}
	if !slices.Contains(flags, "--plain") {
		args = append(append(args, p.credentials(end)...), pinned...)
	}
	fill := strings.NewReplacer("{dir}", p.dir, "{other}", pin(other(p.version)))
	for _, flag := range flags {
		args = append(args, fill.Replace(flag))
	}
	return args
}

// credentials are the flags that choose the files of an end.
func (p *place) credentials(end string) []string {
	if p.layout != Named {
		return []string{"--dir=" + p.own(end)}
	}
	files := p.files(end)
	return []string{"--cert=" + files.Cert, "--key=" + files.Key, "--ca=" + files.CA}
}

// pin is the flag that allows one TLS version only: the range of the defaults ends on
// one side with each of the two.
func pin(v Version) string {
	if v == tls.VersionTLS12 {
		return "--max-tls=1.2"
	}
	return "--min-tls=1.3"
}

func other(v Version) Version { return tls.VersionTLS12 + tls.VersionTLS13 - v }
