package etf_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"alcove/etf"
)

// sample is a line of testdata/terms.tsv.gz; see terms.escript for the notation.
type sample struct {
	kind, options, term string
	bytes               []byte
}

const samplesPath = "testdata/terms.tsv.gz"

func readText(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// samples are the lines of a kind.
func samples(t testing.TB, kind string) []sample {
	t.Helper()
	var list []sample
	for line := range strings.Lines(readText(t, samplesPath)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 {
			t.Fatalf("line of %d fields: %.80q", len(f), line)
		}
		if f[0] != kind {
			continue
		}
		b, err := hex.DecodeString(f[3])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sample{f[0], f[1], f[2], b})
	}
	if len(list) == 0 {
		t.Fatalf("no lines of kind %s", kind)
	}
	return list
}

const refused = "refused"

// read decodes a term of any kind and writes it in the notation of the samples.
func read(d *etf.Decoder, out *strings.Builder) bool {
	switch d.Peek() {
	case etf.SmallInteger, etf.Integer, etf.SmallBig, etf.LargeBig:
		return readInteger(d, out)
	case etf.SmallTuple, etf.LargeTuple:
		n, ok := d.Tuple()
		return ok && readElements(d, n, "{", "}", out)
	case etf.Nil:
		out.WriteString("[]")
		return d.Nil()
	case etf.List:
		n, ok := d.List()
		return ok && readElements(d, n, "[", "]", out) && d.Nil()
	case etf.String:
		v, ok := d.String()
		fmt.Fprintf(out, "s%x", v)
		return ok
	case etf.Binary:
		v, ok := d.Binary()
		fmt.Fprintf(out, "b%x", v)
		return ok
	default:
		var buf [etf.MaxAtom]byte
		v, ok := d.Atom(&buf)
		fmt.Fprintf(out, "a%x", v)
		return ok
	}
}

func readInteger(d *etf.Decoder, out *strings.Builder) bool {
	signed := *d
	if v, ok := signed.Int64(); ok {
		*d = signed
		out.WriteString(strconv.FormatInt(v, 10))
		return true
	}
	v, ok := d.Uint64()
	out.WriteString(strconv.FormatUint(v, 10))
	return ok
}

func readElements(d *etf.Decoder, n int, open, end string, out *strings.Builder) bool {
	out.WriteString(open)
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		if !read(d, out) {
			return false
		}
	}
	out.WriteString(end)
	return true
}

// text is the whole of b in the notation of the samples.
func text(b []byte) string {
	d := etf.NewDecoder(fenced(b))
	var out strings.Builder
	if !d.Version() || !read(&d, &out) || len(d.Rest()) != 0 {
		return refused
	}
	return out.String()
}

// wants is what the decoder is to make of a sample: integers beyond 64 bits
// cannot be asked for.
func (s sample) wants() string {
	if _, err := strconv.ParseInt(s.term, 10, 64); err == nil {
		return s.term
	}
	if _, err := strconv.ParseUint(s.term, 10, 64); err == nil {
		return s.term
	}
	if strings.Trim(s.term, "-0123456789") == "" {
		return refused
	}
	return s.term
}

func TestReadsWhatErlangWrites(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t, "decode") {
		if got, want := text(s.bytes), s.wants(); got != want {
			t.Errorf("%s %.60x:\n got %.200s\nwant %.200s", s.options, s.bytes, got, want)
		}
	}
}

func TestFlattensAsErlangDoes(t *testing.T) {
	t.Parallel()
	dst := make([]byte, 65535)
	for _, s := range samples(t, "iodata") {
		d := etf.NewDecoder(fenced(s.bytes))
		d.Version()
		got := refused
		if n, ok := d.Iodata(dst); ok && len(d.Rest()) == 0 {
			got = fmt.Sprintf("b%x", dst[:n])
		}
		if got != s.term {
			t.Errorf("%s %.60x:\n got %.200s\nwant %.200s", s.options, s.bytes, got, s.term)
		}
	}
}

// TestWritesWhatErlangReads compares with the bytes that the script made after the
// rules of wire.md §4.9, and that Erlang decoded to the term.
func TestWritesWhatErlangReads(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t, "encode") {
		e := etf.NewEncoder(make([]byte, len(s.bytes)))
		e.Version()
		if rest := write(t, &e, s.term); rest != "" {
			t.Fatalf("%.80s: %.80q left", s.term, rest)
		}
		if e.Overflow() || !bytes.Equal(e.Bytes(), s.bytes) {
			t.Errorf("%.80s:\n got %x\nwant %x", s.term, e.Bytes(), s.bytes)
		}
	}
}

// write encodes the term at the beginning of s and returns what is behind it.
func write(t testing.TB, e *etf.Encoder, s string) string {
	t.Helper()
	body := s[1:]
	switch s[0] {
	case 'a':
		v, rest := hexRun(t, body)
		e.Atom(string(v))
		return rest
	case 'b':
		v, rest := hexRun(t, body)
		e.Binary(v)
		return rest
	case '{':
		list, rest := elements(body, '}')
		e.Tuple(len(list))
		writeAll(t, e, list, false)
		return rest
	case '[':
		list, rest := elements(body, ']')
		if len(list) > 0 {
			e.List(len(list))
		}
		writeAll(t, e, list, false)
		e.Nil()
		return rest
	case '<':
		list, rest := elements(body, '>')
		writeAll(t, e, list, true)
		e.Nil()
		return rest
	}
	end := len(s) - len(strings.TrimLeft(s, "-0123456789"))
	if v, err := strconv.ParseInt(s[:end], 10, 64); err == nil {
		e.Int(v)
		return s[end:]
	}
	v, err := strconv.ParseUint(s[:end], 10, 64)
	if err != nil {
		t.Fatalf("no term: %.80q", s)
	}
	e.Uint(v)
	return s[end:]
}

func writeAll(t testing.TB, e *etf.Encoder, list []string, cells bool) {
	t.Helper()
	for _, s := range list {
		if cells {
			e.Cell()
		}
		if rest := write(t, e, s); rest != "" {
			t.Fatalf("%.80s: %.80q left", s, rest)
		}
	}
}

func hexRun(t testing.TB, s string) ([]byte, string) {
	t.Helper()
	end := len(s) - len(strings.TrimLeft(s, "0123456789abcdef"))
	v, err := hex.DecodeString(s[:end])
	if err != nil {
		t.Fatal(err)
	}
	return v, s[end:]
}

// elements splits "x,y}..." at the commas that are not inside brackets.
func elements(s string, end byte) (list []string, rest string) {
	depth, start := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case depth == 0 && (c == end || c == ','):
			if i > start {
				list = append(list, s[start:i])
			}
			start = i + 1
			if c == end {
				return list, s[i+1:]
			}
		case strings.IndexByte("{[<", c) >= 0:
			depth++
		case strings.IndexByte("}]>", c) >= 0:
			depth--
		}
	}
	return list, ""
}

// TestSamplesAreErlangs makes the samples anew where there is an Erlang of the
// release that made them.
func TestSamplesAreErlangs(t *testing.T) {
	t.Parallel()
	escript, err := exec.LookPath("escript")
	if err != nil {
		t.Skip("needs Erlang: ", err)
	}
	recorded := readText(t, samplesPath)
	dir := t.TempDir()
	if out, err := exec.Command(escript, "testdata/terms.escript", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made := readText(t, filepath.Join(dir, filepath.Base(samplesPath)))
	release, _, _ := strings.Cut(recorded, "\n")
	if now, _, _ := strings.Cut(made, "\n"); now != release {
		t.Skipf("needs the Erlang that made the samples: %q, here is %q", release, now)
	}
	if made != recorded {
		t.Error("testdata/terms.escript makes other samples than those checked in")
	}
}
