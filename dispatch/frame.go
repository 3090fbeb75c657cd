package dispatch

// A frame is its length (2 bytes, not counting itself), its type (2 bytes) and a
// body, big endian (wire.md §3.1).
const (
	lengthSize = 2
	typeSize   = 2
	pidSize    = 4
	// headerSize is length and type.
	headerSize = lengthSize + typeSize
	// proxySize is the header of a frame that carries a pid.
	proxySize = headerSize + pidSize
	// maxFrame is the largest frame with its length field.
	maxFrame = lengthSize + 65535
)

// The types of frames.
const (
	typeStdin  = 0 // from Erlang: data for a child
	typeStdout = 1 // output of a child that replaced its program
	typeStderr = 2 // standard error of any child
	typeProxy  = 3 // a frame of a child, or about it
	typeCall   = 4 // request and reply
	typeEvent  = 5 // signal, end of a child
	typeCtl    = 6 // change of a child's descriptors
	typePipe   = 7 // input that a child did not take
)

// putHeader writes length and type of a frame that has n bytes behind them.
func putHeader(b []byte, kind, n int) {
	put16(b, typeSize+n)
	put16(b[lengthSize:], kind)
}

// putProxy writes the header of a frame of the given type for a child, with n
// bytes behind it.
func putProxy(b []byte, kind int, pid uint32, n int) {
	putHeader(b, kind, pidSize+n)
	b[4] = byte(pid >> 24)
	b[5] = byte(pid >> 16)
	b[6] = byte(pid >> 8)
	b[7] = byte(pid)
}

func put16(b []byte, v int) {
	b[0] = byte(v >> 8)
	b[1] = byte(v)
}

func get16(b []byte) int { return int(b[0])<<8 | int(b[1]) }

func get32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
