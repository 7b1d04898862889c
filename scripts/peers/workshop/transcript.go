package workshop

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// maxTranscript bounds what is kept of a program that does not stop talking.
const maxTranscript = 1 << 20

// transcript gathers what a program prints, and lets others wait for more.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed when something is added
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(p[:min(len(p), maxTranscript-t.text.Len())])
	close(t.more)
	t.more = make(chan struct{})
	return len(p), nil
}

// read returns what there is, and a channel that is closed when there is more.
func (t *transcript) read() (text string, more <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String(), t.more
}

// String returns what the program has printed so far.
func (t *transcript) String() string {
	text, _ := t.read()
	return text
}

// LastLine is the one that most programs put their reason in.
func LastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// Quote prints what somebody said, indented, each line with who it was.
func Quote(w io.Writer, who, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "    %s: %s\n", who, strings.TrimRight(line, "\r\n"))
	}
}
