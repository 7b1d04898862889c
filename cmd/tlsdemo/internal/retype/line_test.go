package retype

import (
	"testing"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{Use: "tlsdemo"}
	send := &cobra.Command{Use: "send", Run: func(*cobra.Command, []string) {}}
	send.Flags().String("addr", "", "")
	send.Flags().String("alpn", "", "")
	send.Flags().StringArray("allow", nil, "")
	send.Flags().Bool("json", false, "")
	send.Flags().BoolP("verbose", "v", false, "")
	root.AddCommand(send)
	return root
}

// Whatever was typed is repeated, as a shell takes it, and the change is the only one.
func TestLine(t *testing.T) {
	line := func(args ...string) Line { return New(newRoot(), args) }
	for _, c := range []struct {
		got  Line
		want string
	}{
		{line("send"), "tlsdemo send"},
		{line("send", "it's", "--addr", "a:1", "-v", "--json"), `tlsdemo send 'it'\''s' --addr=a:1 -v --json`},
		{line("send", "--addr=a b"), "tlsdemo send --addr='a b'"},
		{line("send", "--alpn="), "tlsdemo send --alpn="},
		{line("send", "--alpn", ""), "tlsdemo send --alpn="},
		{line("send", "--", "--addr"), "tlsdemo send -- --addr"},
		{line("send", ""), "tlsdemo send ''"},
		{line("--addr=x", "send"), "tlsdemo --addr=x send"},
		{line("send", "--addr=a:1", "hello").With("addr", "b:2"), "tlsdemo send --addr=b:2 hello"},
		{line("send", "--addr=a:1", "--addr", "c").With("addr", "b:2"), "tlsdemo send --addr=b:2"},
		{line("send", "--", "x").With("addr", "b:2"), "tlsdemo send --addr=b:2 -- x"},
		{line("send", "--allow=a").And("allow", "b"), "tlsdemo send --allow=a --allow=b"},
		{line("send", "--json").Alone("json"), "tlsdemo send --json"},
		{line("send").Alone("json"), "tlsdemo send --json"},
		{line("send", "--addr", "a", "--json", "x").Without("addr", "json"), "tlsdemo send x"},
		{line("send", "f1").Replace("f1", "f 2"), "tlsdemo send 'f 2'"},
		{Of("tlsdemo", "serve").With("dir", "d"), "tlsdemo serve --dir=d"},
	} {
		if got := c.got.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if value, given := line("send", "--addr", "a", "--addr=b").Value("addr"); value != "b" || !given {
		t.Errorf("value %q, %v", value, given)
	}
	if !line("send", "x").Is("send") || line("send").Is("serve") || (Line{}).Is("send") || (Line{}).Known() {
		t.Error("the command is not known")
	}
}
