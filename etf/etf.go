// Package etf reads and writes the Erlang external term format without
// allocating.
//
// A Decoder walks over a byte slice term by term; whoever uses it says what is
// expected next. An Encoder appends to a buffer of fixed capacity. Neither ever
// looks behind the end of its slice. Both know the terms that the port protocol
// uses (wire.md §4) and nothing else: no floats, maps, pids, references, funs or
// compressed terms.
package etf

// Version is the byte in front of every term.
const Version = 131

// Tag is the first byte of a term.
type Tag byte

// The tags of the terms that are understood (Erlang external term format).
const (
	SmallInteger  Tag = 97
	Integer       Tag = 98
	AtomLatin1    Tag = 100
	SmallTuple    Tag = 104
	LargeTuple    Tag = 105
	Nil           Tag = 106
	String        Tag = 107
	List          Tag = 108
	Binary        Tag = 109
	SmallBig      Tag = 110
	LargeBig      Tag = 111
	SmallAtom     Tag = 115 // Latin-1
	AtomUTF8      Tag = 118
	SmallAtomUTF8 Tag = 119
)

// MaxAtom is the longest atom in characters.
const MaxAtom = 255

// MaxDepth is how many lists an element of an iolist may be nested in.
const MaxDepth = 16
