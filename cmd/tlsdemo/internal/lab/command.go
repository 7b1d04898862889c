package lab

import (
	"crypto/tls"
	"slices"
	"strings"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// fromStdin is the flag of a client that waits for what it is to send.
const fromStdin = "--file=-"

// Commands returns what to type in a shell for the server and the client, with the set in
// dir.
func (s *Scenario) Commands(dir string, v Version) [2]string {
	set := brokenDir(dir)
	server, client := shellLine(s.serveArgs(set, v)), shellLine(s.sendArgs(set, v))
	fill := strings.NewReplacer("{dir}", console.ShellWord(dir))
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

// serveArgs are those of tlsdemo for the server, with the set in dir.
func (s *Scenario) serveArgs(dir brokenDir, v Version) []string {
	return commandLine("serve", dir.server(), nil, s.serve, dir, v)
}

// sendArgs are those for the client. It is the client that fixes the TLS version.
func (s *Scenario) sendArgs(dir brokenDir, v Version) []string {
	return commandLine("send", dir.client(), []string{pin(v)}, s.send, dir, v)
}

func commandLine(command, own string, pinned, flags []string, dir brokenDir, v Version) []string {
	args := []string{command}
	if !slices.Contains(flags, "--plain") {
		args = append(append(args, "--dir="+own), pinned...)
	}
	fill := strings.NewReplacer("{dir}", string(dir), "{other}", pin(other(v)))
	for _, flag := range flags {
		args = append(args, fill.Replace(flag))
	}
	return args
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
