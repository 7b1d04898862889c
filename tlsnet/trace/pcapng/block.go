package pcapng

import "encoding/binary"

// The types of blocks, in the order of the draft's section 10.1.
const (
	blockInterface = 1
	blockOldPacket = 2
	blockSimple    = 3
	blockPacket    = 6 // enhanced
	blockSecrets   = 10
	blockSection   = 0x0a0d0d0a
)

// What is in blocks.
const (
	orderMagic     = 0x1a2b3c4d // tells the order of the bytes
	secretsTLS     = 0x544c534b // a key log
	optionEnd      = 0
	optionComment  = 1
	optionProgram  = 4 // of a section: which program wrote it
	optionTick     = 9 // of an interface: the unit of time
	optionOffset   = 14
	microseconds   = 6 // 10^-6 seconds, which is also what a unit is that is not given
	nanoseconds    = 9
	binaryTick     = 0x80 // the unit is a power of 2
	linkRaw        = 101  // packets begin with the header of IP
	blockOverhead  = 12
	unknownSection = 1<<64 - 1 // the length of a section
)

var order = binary.LittleEndian

// appendBlock appends a block.
func appendBlock(file []byte, kind uint32, body []byte) []byte {
	body = pad(body)
	size := uint32(len(body) + blockOverhead)
	file = order.AppendUint32(file, kind)
	file = order.AppendUint32(file, size)
	file = append(file, body...)
	return order.AppendUint32(file, size)
}

// appendOption appends an option to the body of a block, whose other parts are padded.
func appendOption(body []byte, code uint16, value []byte) []byte {
	body = order.AppendUint16(body, code)
	body = order.AppendUint16(body, uint16(len(value)))
	return pad(append(body, value...))
}

// pad fills up to 32 bits.
func pad(body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	return body
}
