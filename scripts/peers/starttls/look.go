package starttls

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// look is what tlsdemo probe says of a server.
type look struct {
	*stage
	server server
	addr   string
	said   string // the last time
}

// The exit statuses of tlsdemo probe.
const statusTransport = 4

// command is tlsdemo probe with flags, as it would be typed.
func (l *look) command(flags ...string) []string {
	return slices.Concat([]string{"tlsdemo", "probe", l.addr}, l.server.flags, flags)
}

// run runs a command of a shell, in which tlsdemo is ours, and returns its exit status.
func (l *look) run(ctx context.Context, line string) (int, error) {
	line, ok := strings.CutPrefix(line, "tlsdemo ")
	if !ok {
		return 0, fmt.Errorf("%q is no command of tlsdemo", line)
	}
	p, err := workshop.Start(ctx, []string{"sh", "-c", `tlsdemo=$0; exec "$tlsdemo" ` + line, l.TLSDemo})
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	p.Hush()
	err = p.Wait(ctx)
	p.Stop()
	l.said = p.String()
	return p.Status(), err
}

// json runs a command with --json, and reads what it prints.
func (l *look) json(ctx context.Context, command []string) (*seen, int, error) {
	status, err := l.run(ctx, strings.Join(append(command, "--json"), " "))
	if err != nil {
		return nil, 0, err
	}
	begin := strings.Index(l.said, "{")
	if begin < 0 {
		return nil, 0, fmt.Errorf("no JSON; its last words: %s", workshop.LastLine(l.said))
	}
	s := new(seen)
	err = json.NewDecoder(bytes.NewReader([]byte(l.said[begin:]))).Decode(s)
	return s, status, err
}

func (l *look) startTLS() string { return "--starttls=" + l.server.protocol }

// within is a look behind the command, with a certificate that the server takes.
func (l *look) within(ctx context.Context) error {
	s, status, err := l.json(ctx, l.command(l.startTLS(), "--dir="+string(l.ours)))
	if err != nil {
		return err
	}
	return cmp.Or(expectStatus("with a certificate", status, 0), s.sound(l.server.protocol))
}

// without is a look from which TLS does not begin: the protocol is to be found out, and what is
// suggested leads there.
func (l *look) without(ctx context.Context) error {
	typed := l.command("--dir=" + string(l.ours))
	s, status, err := l.json(ctx, typed)
	if err != nil {
		return err
	}
	if err := cmp.Or(expectStatus("without --starttls", status, statusTransport), s.found(explain.PeerWantsStartTLS)); err != nil {
		return err
	}
	want := strings.Join(append(typed, "--json", l.startTLS()), " ")
	if got := s.Faults[0].Hint; got != want {
		return fmt.Errorf("it suggests %q instead of %q", got, want)
	}
	status, err = l.run(ctx, strings.Replace(want, " --json", "", 1))
	return cmp.Or(err, expectStatus("as suggested", status, 0), readable(l.said, l.server.protocol))
}

// anonymous is a look without a certificate.
func (l *look) anonymous(ctx context.Context) error {
	s, _, err := l.json(ctx, l.command(l.startTLS(), "--ca="+l.ours.file("ca.crt")))
	if err != nil {
		return err
	}
	if l.server.none == "" {
		return s.open(l.server.protocol)
	}
	return s.found(l.server.none)
}

// stranger is a look with a certificate of another CA of the same name. Whether the server
// refuses that at once or not, we can see that it should.
func (l *look) stranger(ctx context.Context) error {
	s, _, err := l.json(ctx, l.command(l.startTLS(), "--ca="+l.ours.file("ca.crt"),
		"--cert="+l.others.file("client.crt"), "--key="+l.others.file("client.key")))
	if err != nil {
		return err
	}
	return s.found(explain.ClientCertStaleCA)
}
