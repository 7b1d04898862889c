package wire_test

import (
	"fmt"
	"time"

	"tlsdemo/tlsnet/wire"
)

// A server that refuses a client says so in two bytes.
func ExampleDecode() {
	chunks := []wire.Chunk{{At: time.Now(), From: wire.Server, Data: []byte{21, 3, 3, 0, 2, 2, 48}}}
	for _, m := range wire.Decode(chunks, nil).Messages {
		fmt.Println(m.From, m.Content, m.Name)
		for _, f := range m.Fields {
			fmt.Printf("%x %s: %s\n", m.Bytes(&f), f.Name, f.Value)
		}
	}
	// Output:
	// server alert unknown_ca
	// 02 level: fatal
	// 30 description: unknown_ca
}
