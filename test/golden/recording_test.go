package golden

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"alcove/internal/porttest"
)

// A recording is a file AREA.jsonl.gz: one JSON object a line, the steps of its
// scenarios in order. What the original did is in replies, observed and exit.
// Pids, the scratch path and addresses are normalised, see normal_test.go.

// step is one line of a recording.
type step struct {
	Scenario   string   `json:"scenario"`
	Step       int      `json:"step"`
	Kind       string   `json:"kind"`
	Path       string   `json:"path"` // names of processes, A/C is C below A, #9 the literal pid 9
	RequestHex string   `json:"request_hex"`
	Request    string   `json:"request"`
	Replies    []reply  `json:"replies"`
	Observed   []string `json:"observed"`

	// Of the last line of a scenario, kind "end".
	Exit     string     `json:"exit"`
	Stderr   string     `json:"stderr"`
	Flags    []string   `json:"flags"`
	Setup    [][]string `json:"setup"`
	Boot     boot       `json:"boot"`
	RefCrash string     `json:"refcrash"` // what the original did where its behaviour is undefined
	Must     string     `json:"must"`     // what a replacement has to do there: reply or live
	Expect   string     `json:"expect"`   // and what the reply has to match
}

// reply is one frame the original sent.
type reply struct {
	Path   string `json:"path"`
	Type   string `json:"type"`
	Hex    string `json:"hex"`    // payload behind all headers
	SHA256 string `json:"sha256"` // instead of Hex for long ones
	Len    int    `json:"len"`
	Text   string `json:"text"`
	Any    bool   `json:"any"` // only its presence counts
}

// boot is how the process was started, where that differs from the rest.
type boot struct {
	Args    []string
	NoArgs  bool
	Argv0   string
	Env     []string
	NoEnv   bool
	Dir     string
	Umask   *int
	Limits  []porttest.Limit
	Fds     []porttest.Fd
	Block   []int
	NoNewPr bool
	Nice    int
	UID     int
	DeadOut bool
}

// scenario is the life of one port.
type scenario struct {
	name  string
	steps []step // without the end
	end   step
}

func (s *scenario) area() string {
	area, _, _ := strings.Cut(s.name, "/")
	return area
}

func (s *scenario) flag(name string) bool {
	for _, f := range s.end.Flags {
		if f == name {
			return true
		}
	}
	return false
}

// readRecordings reads every file of testdata.
func readRecordings(dir string) ([]*scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil {
		return nil, err
	}
	var all []*scenario
	for _, file := range files {
		some, err := readRecording(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

func readRecording(file string) ([]*scenario, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var all []*scenario
	cur := &scenario{}
	r := bufio.NewReader(z)
	for line := 1; ; line++ {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		var s step
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		cur.name = s.Scenario
		if s.Kind != "end" {
			cur.steps = append(cur.steps, s)
			continue
		}
		cur.end = s
		all = append(all, cur)
		cur = &scenario{}
	}
	if len(cur.steps) > 0 {
		return nil, fmt.Errorf("%s has no end", cur.name)
	}
	return all, nil
}

// cut tells a call whose term lacks bytes at its end. The original reads such
// terms as if zeros followed (D21).
func (s *step) cut() bool {
	b, err := hex.DecodeString(s.RequestHex)
	if s.Kind != "call" && s.Kind != "send" || err != nil || len(b) < 7 || b[2] != 0 || b[3] != 4 || b[6] != 0x83 {
		return false
	}
	if len(s.Replies) == 1 && s.Replies[0].Text == "{error,ebadf}" && strings.HasPrefix(s.Request, "select ") {
		return false // what select says of every set that is none
	}
	if len(s.Replies) == 1 && s.Replies[0].Text == "undef" {
		// The arguments of a call that is not available are never looked at,
		// beyond there being a byte for each.
		return b[7] == 0x68 && len(b) > 8 && len(b[9:]) < int(b[8])
	}
	_, ok := skipTerm(b[7:])
	return !ok
}

// skipTerm returns what follows one term, and false if the bytes end before the
// term does. Tags it does not know end the search: such a term is whole enough.
func skipTerm(b []byte) ([]byte, bool) {
	if len(b) == 0 {
		return nil, false
	}
	tag, b := b[0], b[1:]
	size := func(width int) (int, bool) {
		if len(b) < width {
			return 0, false
		}
		n := 0
		for _, c := range b[:width] {
			n = n<<8 | int(c)
		}
		b = b[width:]
		return n, true
	}
	n, ok := 0, true
	switch tag {
	case 0x61:
		n = 1
	case 0x62:
		n = 4
	case 0x64, 0x6b, 0x76:
		n, ok = size(2)
	case 0x73, 0x77:
		n, ok = size(1)
	case 0x6d:
		n, ok = size(4)
	case 0x6e:
		n, ok = size(1)
		n++
	case 0x6f:
		n, ok = size(4)
		n++
	case 0x68, 0x69, 0x6c:
		width := map[byte]int{0x68: 1, 0x69: 4, 0x6c: 4}[tag]
		count, ok := size(width)
		if tag == 0x6c {
			count++
		}
		for i := 0; ok && i < count; i++ {
			b, ok = skipTerm(b)
		}
		return b, ok
	}
	if !ok || n > len(b) {
		return nil, false
	}
	return b[n:], true
}

// longRequest recognises a request that was too long to be written as hex.
var longRequest = regexp.MustCompile(`(?s)^(.*) \((\d+) bytes, sha256 ([0-9a-f]{64})\)$`)

// request returns the bytes of a step before the headers of its path are put in
// front: the frame of a call, the data of a send. A request recorded as text
// only is built from it and checked against its recorded hash.
func (s *step) request() ([]byte, error) {
	if s.RequestHex != "" || s.Request == `""` {
		return hex.DecodeString(s.RequestHex)
	}
	m := longRequest.FindStringSubmatch(s.Request)
	if m == nil {
		return nil, fmt.Errorf("no bytes for request %.80q", s.Request)
	}
	var b []byte
	if s.Kind == "send" {
		v, err := porttest.ParseTerm(m[1], nil)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case porttest.Bin:
			b = v
		case string:
			b = []byte(v)
		}
	} else {
		name, args, err := porttest.ParseCall(m[1], nil)
		if err != nil {
			return nil, err
		}
		b = porttest.Request(name, args...)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != m[3] {
		return nil, fmt.Errorf("%d bytes built from %.80q are not those recorded (%s)", len(b), s.Request, m[2])
	}
	return b, nil
}
