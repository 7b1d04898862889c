package tally

import (
	"bufio"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// text returns r as UTF-8. Windows PowerShell writes logs in UTF-16, which begin with a
// mark of the order of the bytes.
func text(r io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(r, maxRead)
	mark, _ := in.Peek(2)
	switch string(mark) {
	case "\xff\xfe":
		return bufio.NewReaderSize(&utf16Reader{in: in, order: binary.LittleEndian}, maxRead)
	case "\xfe\xff":
		return bufio.NewReaderSize(&utf16Reader{in: in, order: binary.BigEndian}, maxRead)
	}
	return in
}

// utf16Reader reads UTF-16 as UTF-8, unit by unit: pairs of surrogates, which no text of
// ours has, become U+FFFD.
type utf16Reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	var unit [2]byte
	for n+utf8.UTFMax <= len(p) {
		if _, err = io.ReadFull(u.in, unit[:]); err != nil {
			if err == io.ErrUnexpectedEOF {
				err = io.EOF
			}
			return n, err
		}
		r := rune(u.order.Uint16(unit[:]))
		if utf16.IsSurrogate(r) {
			r = utf8.RuneError
		}
		if r != '\ufeff' {
			n += utf8.EncodeRune(p[n:], r)
		}
		if n > 0 && u.in.Buffered() < len(unit) {
			return n, nil // what there is, before the next wait
		}
	}
	return n, nil
}
