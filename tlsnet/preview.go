package tlsnet

// PreviewSize is how many bytes a Preview keeps.
const PreviewSize = 1024

// Preview is an [io.Writer] that keeps the beginning of what is written to it, and
// counts the rest. The zero value is empty and ready.
type Preview struct {
	Head []byte // the first PreviewSize bytes
	Size int64  // bytes in all
}

func (p *Preview) Write(data []byte) (int, error) {
	room := min(len(data), PreviewSize-len(p.Head))
	p.Head = append(p.Head, data[:room]...)
	p.Size += int64(len(data))
	return len(data), nil
}
