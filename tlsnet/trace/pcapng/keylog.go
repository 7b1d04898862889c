package pcapng

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// maxKeyLog is how much of a key log is read, of its end: the secrets of some 80,000 connections.
const maxKeyLog = 64 << 20

// errLongLog says that the secrets may be there all the same.
var errLongLog = errors.New("of a key log only the last 64 MiB are read")

// keyLogs reads the key log that is inside the file, and those beside it, and reports whether one is
// too long to be read to its beginning.
func (f *file) keyLogs(beside []io.ReadSeeker, captures []*trace.Capture) (cut bool, err error) {
	cut = f.insideCut
	if len(f.inside) == 0 && len(beside) == 0 {
		return cut, nil
	}
	wanted := wantedOf(captures)
	for _, log := range append([]io.ReadSeeker{bytes.NewReader(f.inside)}, beside...) {
		long, err := f.keyLog(log, wanted)
		if err != nil {
			return false, err
		}
		cut = cut || long
	}
	f.inside = nil
	return cut, nil
}

// keepInside keeps the lines of a key log inside the file until all of that has been read.
func (f *file) keepInside(lines []byte) {
	for line := range bytes.Lines(lines) {
		if _, ok := randomIn(line); ok {
			f.inside = append(append(f.inside, bytes.TrimSpace(line)...), '\n')
		}
	}
	if over := len(f.inside) - maxKeyLog; over > 0 {
		f.inside, f.insideCut = slices.Clone(f.inside[over:]), true
	}
}

// wantedOf are the names of connections in a key log. There are no more than those of which the secrets
// are kept: the first, which are the ones that are shown.
func wantedOf(captures []*trace.Capture) map[wire.Random]bool {
	wanted := make(map[wire.Random]bool)
	for _, c := range captures {
		if random, ok := randomOf(c); ok && len(wanted) < wire.MaxSecrets {
			wanted[random] = true
		}
	}
	return wanted
}

// keyLog reads a key log. Only the secrets of the newest connections are kept, and a key log may have
// grown for weeks after those of the file: theirs are written once more at the end.
func (f *file) keyLog(log io.ReadSeeker, wanted map[wire.Random]bool) (cut bool, err error) {
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	begin := max(0, size-maxKeyLog)
	if _, err := log.Seek(begin, io.SeekStart); err != nil {
		return false, err
	}
	var own wire.Secrets
	in := bufio.NewReader(io.LimitReader(log, maxKeyLog)) // programs may write to it while it is read
	for err == nil {
		var line []byte
		line, err = in.ReadSlice('\n')
		if err == bufio.ErrBufferFull { // no line of a key log is that long
			err = nil
		}
		random, ok := randomIn(line)
		if ok {
			_, _ = f.secrets.Write(line)
		}
		if ok && wanted[random] {
			_, _ = own.Write(line)
		}
	}
	if err != io.EOF {
		return false, err
	}
	for random := range wanted {
		_, _ = f.secrets.Write(own.KeyLog(random))
	}
	return begin > 0, nil
}

// randomOf is under which name a key log has a connection, if that is to be seen.
func randomOf(c *trace.Capture) (random wire.Random, ok bool) {
	d := wire.NewDecoder(nil)
	for _, chunk := range c.Chunks {
		d.Add(chunk)
		if randoms := d.Conversation().Randoms; len(randoms) > 0 {
			return randoms[0], true
		}
	}
	return random, false
}

// randomIn is of which connection a line of a key log is.
func randomIn(line []byte) (random wire.Random, ok bool) {
	parts := bytes.Fields(line)
	if len(parts) != 3 || len(parts[1]) != hex.EncodedLen(len(random)) {
		return random, false
	}
	_, err := hex.Decode(random[:], parts[1])
	return random, err == nil
}
