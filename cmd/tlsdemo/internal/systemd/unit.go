package systemd

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
)

// Unit is what a service unit for a server is made of.
type Unit struct {
	Executable string      // its absolute path
	Typed      retype.Line // the command that the unit runs
	Files      certs.Files // what the server reads
	Addr       string      // HOST:PORT, or unix:PATH
	Local      bool        // nobody else than this machine can connect to Addr
	Drain      time.Duration
}

// readFlags name files that a server reads.
var readFlags = []string{"cert", "key", "ca", "crl", "policy", "password-file"}

// Print returns the unit. It runs as the user whose key it is, and sees new certificates at
// once. Root's key is for no service to read: there systemd reads the files when it starts the
// service, and gives it copies and a user of its own.
func (u Unit) Print() (string, error) {
	owner, err := ownerOf(u.Files.Key)
	if err != nil {
		return "", err
	}
	for _, file := range []*string{&u.Files.Cert, &u.Files.Key, &u.Files.CA, &u.Files.CRL} {
		if *file == "" {
			continue
		}
		if *file, err = filepath.Abs(*file); err != nil {
			return "", err
		}
	}
	line, err := u.absolute()
	if err != nil {
		return "", err
	}
	if err := u.check(line); err != nil {
		return "", err
	}
	var access []string
	if owner == "root" {
		line, access = u.withCopies(line)
	} else {
		access = []string{"User=" + owner, "BindReadOnlyPaths=" + paths(u.directories(line)...)}
	}
	access = append(access, "BindReadOnlyPaths="+paths(u.Executable))
	access = append(access, u.written(line)...)
	return fmt.Sprintf(unitText, command(u.Executable, line.Words()[1:]), seconds(u.Drain+5*time.Second),
		strings.Join(access, "\n"), strings.Join(u.network(), "\n"), u.socket()), nil
}

const unitText = `# /etc/systemd/system/tlsdemo.service, printed by tlsdemo serve --print-unit
[Unit]
Description=tlsdemo, a server with mutual TLS
After=network.target

[Service]
Type=notify
ExecStart=%s
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
WatchdogSec=30
LimitNOFILE=65536
TimeoutStopSec=%s

# What it may read. Homes and /tmp are empty but for that.
%s
ProtectHome=tmpfs
PrivateTmp=yes
ProtectSystem=strict

# What it may connect to, and who may connect to it
%s

# What it never needs
NoNewPrivileges=yes
UMask=0077
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
%s`

// absolute is the command with absolute paths: a service has another working directory.
func (u Unit) absolute() (retype.Line, error) {
	line := u.Typed.Without("print-unit")
	if _, named := line.Value("cert"); !named {
		line = line.With("dir", filepath.Dir(u.Files.Key))
	}
	for _, flag := range slices.Concat(readFlags, []string{"dir", "ready-file"}) {
		value, given := line.Value(flag)
		if !given {
			continue
		}
		path, err := filepath.Abs(value)
		if err != nil {
			return line, err
		}
		line = line.With(flag, path)
	}
	if socket, ok := tlsnet.UnixPath(u.Addr); ok {
		path, err := filepath.Abs(socket)
		if err != nil {
			return line, err
		}
		line = line.With("addr", "unix:"+path)
	}
	return line, nil
}

// check refuses what no unit can have. systemd ignores a line that is not UTF-8 as it understands
// it, ExecStart included, and has no escapes in most lines with paths.
func (u Unit) check(line retype.Line) error {
	for _, word := range append(line.Words(), u.Executable) {
		if !utf8.ValidString(word) || strings.ContainsFunc(word, noncharacter) {
			return fmt.Errorf("a unit of systemd is text in UTF-8, and this is not: %s", chain.Quote(word))
		}
	}
	files := []string{u.Executable}
	for _, flag := range slices.Concat(readFlags, []string{"dir", "ready-file", "addr"}) {
		file, _ := line.Value(flag)
		files = append(files, file)
	}
	for _, file := range files {
		if strings.ContainsFunc(file, unicode.IsControl) || strings.HasSuffix(file, " ") || strings.HasSuffix(file, `\`) {
			return fmt.Errorf("a unit of systemd cannot name this file, for its control characters or its end: %s", chain.Quote(file))
		}
	}
	return nil
}

func noncharacter(r rune) bool { return unicode.Is(unicode.Noncharacter_Code_Point, r) }

// directories are those of the files that the command reads. A file that is replaced by another
// is seen only through its directory.
func (u Unit) directories(line retype.Line) []string {
	var list []string
	if dir, given := line.Value("dir"); given {
		list = append(list, dir)
	}
	for _, flag := range readFlags {
		if file, given := line.Value(flag); given {
			list = append(list, filepath.Dir(file))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// withCopies has systemd read the files.
func (u Unit) withCopies(line retype.Line) (_ retype.Line, access []string) {
	access = []string{"# They are copies: after a change, systemctl restart tlsdemo.", "DynamicUser=yes"}
	if _, named := line.Value("cert"); !named {
		line = line.Without("dir").With("cert", u.Files.Cert).With("key", u.Files.Key).With("ca", u.Files.CA)
		if u.Files.CRL != "" {
			line = line.With("crl", u.Files.CRL)
		}
	}
	for _, flag := range readFlags {
		if file, given := line.Value(flag); given {
			access = append(access, fmt.Sprintf("LoadCredential=%s:%s", flag, unspecified(file)))
			line = line.With(flag, copies+flag)
		}
	}
	return line, access
}

// copies is where systemd puts them. The specifier is not one that was typed.
const copies = "\x00d/"

// written is where the server writes.
func (u Unit) written(line retype.Line) []string {
	var list []string
	if file, given := line.Value("ready-file"); given {
		list = append(list, "ReadWritePaths="+paths(filepath.Dir(file)))
	}
	addr, _ := line.Value("addr")
	if socket, ok := tlsnet.UnixPath(addr); ok {
		list = append(list, "ReadWritePaths="+paths(filepath.Dir(socket)))
	}
	return list
}

// network is what the service may do with the network.
func (u Unit) network() []string {
	if _, ok := tlsnet.UnixPath(u.Addr); ok {
		return []string{"RestrictAddressFamilies=AF_UNIX", "PrivateNetwork=yes", "CapabilityBoundingSet=", "PrivateUsers=yes"}
	}
	list := []string{"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"}
	if u.Local {
		list = append(list, "IPAddressDeny=any", "IPAddressAllow=localhost")
	}
	_, port, _ := net.SplitHostPort(u.Addr)
	if number, err := net.LookupPort("tcp", port); err == nil && number > 0 && number < 1024 {
		return append(list, "AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE")
	}
	return append(list, "CapabilityBoundingSet=", "PrivateUsers=yes")
}

// socket says what a socket unit would be, where there is an address for it.
func (u Unit) socket() string {
	if strings.HasSuffix(u.Addr, ":0") {
		return ""
	}
	stream, flags := u.Addr, "--addr"
	if path, ok := tlsnet.UnixPath(u.Addr); ok {
		stream, _ = filepath.Abs(path)
		mode, given := u.Typed.Value("socket-mode")
		stream += "\n# SocketMode=" + cmp.Or(mode, "0600")
		if given {
			flags += " and --socket-mode"
		}
	} else if strings.HasPrefix(u.Addr, ":") {
		stream = u.Addr[1:]
	}
	return `
# With a socket unit, clients that come while the server restarts wait, and the server needs no
# right to the port. Take ` + flags + ` out of ExecStart, and save as tlsdemo.socket:
# [Socket]
# ListenStream=` + unspecified(stream) + `
# [Install]
# WantedBy=sockets.target
`
}

func seconds(d time.Duration) string {
	return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + "s"
}

// command is a command line of a unit (systemd.service(5), command lines).
func command(executable string, args []string) string {
	list := []string{quoted(executable)}
	for _, arg := range args {
		list = append(list, quoted(strings.ReplaceAll(arg, "$", "$$")))
	}
	return strings.ReplaceAll(strings.Join(list, " "), quotedCopies, "%d/")
}

// quotedCopies is copies, once it is quoted.
const quotedCopies = `\x00d/`

// paths is a list of paths. A colon would separate two of them, unless it is quoted.
func paths(list ...string) string {
	var words []string
	for _, path := range list {
		word := quoted(path)
		if strings.Contains(path, ":") && word[0] != '"' {
			word = `"` + word + `"`
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// quoted is a word as a unit has it (systemd.syntax(7), quoting).
func quoted(word string) string {
	var b strings.Builder
	plain := word != ""
	for _, c := range []byte(unspecified(word)) {
		switch {
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
			plain = plain && !strings.ContainsRune(` ';`, rune(c))
			continue
		}
		plain = plain && c == 0
	}
	if plain {
		return b.String()
	}
	return `"` + b.String() + `"`
}

// unspecified is text in which no % begins a specifier (systemd.unit(5), specifiers).
func unspecified(text string) string { return strings.ReplaceAll(text, "%", "%%") }
