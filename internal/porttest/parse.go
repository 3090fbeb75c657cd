package porttest

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Vars are the values that capitalised names in a term text stand for.
type Vars map[string]any

// Any is what _ parses to: in an expected reply it stands for every term.
type Any struct{}

// unbound is a name without a value yet: the first reply matched gives it one.
type unbound string

// ParseTerm reads one term in Erlang syntax: atoms, integers (also 16#ff, $a,
// A bsl B, A bor B), strings, binaries with sizes and /native, lists and
// tuples. Names beginning with a capital stand for their value in vars. As an
// extension ...(N bytes) behind a binary or a string repeats its last byte
// until it has N.
func ParseTerm(text string, vars Vars) (v any, err error) {
	defer func() {
		if e, ok := recover().(parseError); ok {
			v, err = nil, fmt.Errorf("%s in %q", string(e), text)
		}
	}()
	p := &parser{src: text, vars: vars}
	v = p.expr()
	p.space()
	if p.pos != len(p.src) {
		p.fail("text behind the term")
	}
	return v, nil
}

// ParseCall reads name(arg, …) and returns the name and the arguments.
func ParseCall(text string, vars Vars) (name string, args Tuple, err error) {
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return "", nil, fmt.Errorf("%q is not a call", text)
	}
	v, err := ParseTerm("{"+text[open+1:len(text)-1]+"}", vars)
	if err != nil {
		return "", nil, err
	}
	return text[:open], v.(Tuple), nil
}

type parseError string

type parser struct {
	src  string
	pos  int
	vars Vars
}

func (p *parser) fail(format string, args ...any) {
	panic(parseError(fmt.Sprintf("at %d: ", p.pos) + fmt.Sprintf(format, args...)))
}

func (p *parser) space() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) eat(s string) bool {
	p.space()
	if !strings.HasPrefix(p.src[p.pos:], s) {
		return false
	}
	p.pos += len(s)
	return true
}

func (p *parser) must(s string) {
	if !p.eat(s) {
		p.fail("%q expected", s)
	}
}

// expr is a term or integers joined by bsl and bor.
func (p *parser) expr() any {
	v := p.term()
	for {
		switch {
		case p.eat("bsl "):
			n := new(big.Int).Lsh(toBig(p, v), uint(toBig(p, p.term()).Uint64()))
			v = fromBig(n)
		case p.eat("bor "):
			v = fromBig(new(big.Int).Or(toBig(p, v), toBig(p, p.term())))
		default:
			return v
		}
	}
}

func toBig(p *parser, v any) *big.Int {
	switch v := v.(type) {
	case int:
		return big.NewInt(int64(v))
	case int64:
		return big.NewInt(v)
	case uint64:
		return new(big.Int).SetUint64(v)
	case *big.Int:
		return v
	}
	p.fail("%v is no integer", v)
	return nil
}

func fromBig(n *big.Int) any {
	switch {
	case n.IsInt64():
		return int(n.Int64())
	case n.IsUint64():
		return n.Uint64()
	}
	return n
}

func (p *parser) term() any {
	p.space()
	switch c := p.peek(); {
	case c == '{':
		p.pos++
		return Tuple(p.seq("}"))
	case c == '[':
		return p.list()
	case c == '"':
		return p.repeated(p.quoted('"'))
	case c == '\'':
		return Atom(p.quoted('\''))
	case c == '#':
		return p.raw()
	case strings.HasPrefix(p.src[p.pos:], "<<"):
		return p.binary()
	case c == '-' || c == '$' || c >= '0' && c <= '9':
		return fromBig(p.integer())
	case c == '_' && !isWord(p.src[p.pos+1:]):
		p.pos++
		return Any{}
	case c >= 'A' && c <= 'Z':
		return p.name()
	case c >= 'a' && c <= 'z':
		return Atom(p.word())
	}
	p.fail("no term")
	return nil
}

func isWord(s string) bool {
	return s != "" && (s[0] == '_' || s[0] == '@' || s[0] >= '0' && s[0] <= '9' ||
		s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

func (p *parser) word() string {
	start := p.pos
	for isWord(p.src[p.pos:]) {
		p.pos++
	}
	return p.src[start:p.pos]
}

func (p *parser) name() any {
	w := p.word()
	if v, ok := p.vars[w]; ok {
		return v
	}
	return unbound(w)
}

func (p *parser) seq(end string) []any {
	vs := []any{}
	if p.eat(end) {
		return vs
	}
	for {
		vs = append(vs, p.expr())
		if p.eat(end) {
			return vs
		}
		p.must(",")
	}
}

func (p *parser) list() any {
	p.must("[")
	vs := []any{}
	if p.eat("]") {
		return List(vs)
	}
	for {
		vs = append(vs, p.expr())
		switch {
		case p.eat("]"):
			return List(vs)
		case p.eat("|"):
			tail := p.expr()
			p.must("]")
			return Improper{vs, tail}
		}
		p.must(",")
	}
}

func (p *parser) quoted(q byte) string {
	start := p.pos
	for p.pos++; p.peek() != q; p.pos++ {
		if p.pos >= len(p.src) {
			p.fail("%c without end", q)
		}
		if p.peek() == '\\' {
			p.pos++
		}
	}
	p.pos++
	body := p.src[start+1 : p.pos-1]
	if !strings.Contains(body, `\`) {
		return body
	}
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(body, `\'`, `'`) + `"`)
	if err != nil {
		p.fail("%v", err)
	}
	return s
}

// repeated applies a following ...(N bytes).
func (p *parser) repeated(s string) string {
	if !strings.HasPrefix(p.src[p.pos:], "...(") {
		return s
	}
	p.pos += len("...(")
	n := int(p.integer().Int64())
	p.must("bytes)")
	if len(s) == 0 || n < len(s) {
		p.fail("%d bytes cannot repeat the end of %d", n, len(s))
	}
	return s + strings.Repeat(s[len(s)-1:], n-len(s))
}

// raw reads #hex digits#, bytes for the message as they are.
func (p *parser) raw() any {
	end := strings.IndexByte(p.src[p.pos+1:], '#')
	if end < 0 {
		p.fail("# without end")
	}
	digits := strings.ReplaceAll(p.src[p.pos+1:p.pos+1+end], " ", "")
	p.pos += end + 2
	r := make(Raw, 0, len(digits)/2)
	for i := 0; i+1 < len(digits); i += 2 {
		n, err := strconv.ParseUint(digits[i:i+2], 16, 8)
		if err != nil {
			p.fail("%v", err)
		}
		r = append(r, byte(n))
	}
	return r
}

func (p *parser) integer() *big.Int {
	p.space()
	sign := int64(1)
	if p.eat("-") {
		sign = -1
	}
	if p.peek() == '$' {
		p.pos += 2
		return big.NewInt(int64(p.src[p.pos-1]))
	}
	digits, base := p.word(), 10
	if p.peek() == '#' {
		base, _ = strconv.Atoi(digits)
		p.pos++
		digits = p.word()
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		p.fail("%q is no integer", digits)
	}
	return n.Mul(n, big.NewInt(sign))
}

func (p *parser) binary() any {
	p.must("<<")
	var b []byte
	if p.eat(">>") {
		return Bin{}
	}
	for {
		b = p.segment(b)
		if p.eat(">>") {
			return Bin(p.repeated(string(b)))
		}
		p.must(",")
	}
}

// segment appends Value:Size/native; Size is in bits, the default is one byte.
func (p *parser) segment(b []byte) []byte {
	p.space()
	if p.peek() == '"' {
		return append(b, p.repeated(p.quoted('"'))...)
	}
	var n *big.Int
	switch v := p.expr().(type) {
	case Bin:
		return append(b, v...)
	case unbound:
		p.fail("%s has no value", string(v))
	default:
		n = toBig(p, v)
	}
	bits := 8
	if p.eat(":") {
		if p.eat("(") {
			bits = int(p.integer().Int64())
			for p.eat("*") {
				bits *= int(p.integer().Int64())
			}
			p.must(")")
		} else {
			bits = int(p.integer().Int64())
		}
	}
	if bits%8 != 0 || bits < 0 {
		p.fail("%d bits are not whole bytes", bits)
	}
	seg := make([]byte, bits/8)
	mod := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	n = new(big.Int).Mod(n, mod)
	n.FillBytes(seg)
	if p.eat("/native") && nativeLittle() {
		for i, j := 0, len(seg)-1; i < j; i, j = i+1, j-1 {
			seg[i], seg[j] = seg[j], seg[i]
		}
	} else {
		p.eat("/big")
	}
	return append(b, seg...)
}

func nativeLittle() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// Match compares a decoded reply with an expected term. _ fits every term; a
// name without value takes the term that stands there (kept in vars).
func Match(want, got any, vars Vars) bool {
	switch w := want.(type) {
	case Any:
		return true
	case unbound:
		if old, ok := vars[string(w)]; ok {
			return Match(old, got, vars)
		}
		vars[string(w)] = got
		return true
	case Tuple:
		g, ok := got.(Tuple)
		return ok && matchAll(w, g, vars)
	case List:
		g, ok := got.(List)
		return ok && matchAll(w, g, vars)
	case string:
		return matchBytes(w, got)
	case Bin:
		g, ok := got.(Bin)
		return ok && string(w) == string(g)
	case Atom:
		return want == got
	case int:
		return got == any(int64(w))
	}
	return want == got
}

// matchBytes compares with a list of small integers, how "abc" arrives in a reply.
func matchBytes(w string, got any) bool {
	g, ok := got.(List)
	if !ok || len(g) != len(w) {
		return false
	}
	for i, v := range g {
		if v != any(int64(w[i])) {
			return false
		}
	}
	return true
}

func matchAll(w, g []any, vars Vars) bool {
	if len(w) != len(g) {
		return false
	}
	for i := range w {
		if !Match(w[i], g[i], vars) {
			return false
		}
	}
	return true
}
