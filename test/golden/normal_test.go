package golden

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What differs from run to run is replaced in the recordings, each by as many
// bytes: a pid P by 62 7f 00 00 NN (61 e0+NN where it is below 256), NN counting
// the names in the order in which they got their value; the scratch path by
// /BBB…; an address in a siginfo or an alloc reply by aa × 8; times in a siginfo
// by zeros. Descriptors look the same as small pids in requests only.

const (
	indexPort   = 1
	indexRunner = 2
	firstIndex  = 3

	anyFd = 0xfd // a descriptor in a reply whose number does not matter
)

var (
	boxMark  = []byte("/" + strings.Repeat("B", 19))
	addrMark = bytes.Repeat([]byte{0xaa}, 8)
	procMark = []byte("/proc/PPPPP/")
)

// bindings are the values the marks of one scenario stand for in this run.
type bindings struct {
	box   string
	value map[int]int // index → pid as it stands on the wire, or descriptor
	index map[string]int
	name  map[string]string // numeric path → path of names
}

func newBindings(box string, port int) *bindings {
	return &bindings{
		box:   box,
		value: map[int]int{indexPort: port, indexRunner: os.Getpid()},
		index: map[string]int{"PORT": indexPort, "RUNNER": indexRunner},
		name:  map[string]string{"": ""},
	}
}

// bindDescriptors gives the names of descriptors in requests their values. They
// are not marked in the replies that deliver them, so that the order tells: the
// one with index n came with the first descriptor after index n-1 got its value.
func (b *bindings) bindDescriptors(s *scenario) {
	pids := map[int]bool{indexPort: true, indexRunner: true}
	for _, st := range s.steps {
		for _, r := range st.Replies {
			for _, n := range marksIn(r) {
				pids[n] = true
			}
		}
	}
	fds := map[int]bool{}
	for _, st := range s.steps {
		for _, m := range fdMark.FindAllStringSubmatch(markedOnly(st), -1) {
			n, _ := strconv.ParseInt(m[1], 16, 64)
			if n := int(n) - 0xe0; !pids[n] {
				fds[n] = true
			}
		}
	}
	next := firstIndex
	for _, st := range s.steps {
		for _, r := range st.Replies {
			for _, n := range marksIn(r) {
				next = max(next, n+1)
			}
		}
		if !strings.HasPrefix(st.Request, "open(") && !strings.HasPrefix(st.Request, "socket(") || len(st.Replies) != 1 {
			continue
		}
		if m := okInt.FindStringSubmatch(st.Replies[0].Text); m != nil && fds[next] {
			b.value[next], _ = strconv.Atoi(m[1])
			next++
		}
	}
	for _, st := range s.steps {
		names := lowerName.FindAllStringSubmatch(st.Request, -1)
		marks := fdMark.FindAllStringSubmatch(markedOnly(st), -1)
		if len(names) > 0 && len(marks) > 0 {
			n, _ := strconv.ParseInt(marks[0][1], 16, 64)
			b.index[names[0][1]] = int(n) - 0xe0
		}
	}
}

var (
	fdMark    = regexp.MustCompile(`61(e[3-9a-f])`)
	okInt     = regexp.MustCompile(`^\{ok,(\d+)\}$`)
	lowerName = regexp.MustCompile(`<([a-z][a-z0-9]*)>`)
	anyName   = regexp.MustCompile(`<([A-Za-z][A-Za-z0-9]*)>`)
	okName    = regexp.MustCompile(`^\{ok,<([A-Z][A-Za-z0-9]*)>\}$`)
)

// markedOnly is the request of a step that names descriptors.
func markedOnly(st step) string {
	if !lowerName.MatchString(st.Request) {
		return ""
	}
	return st.RequestHex
}

// marksIn returns the indexes of pids a reply gives a value to.
func marksIn(r reply) []int {
	if !okName.MatchString(r.Text) {
		return nil
	}
	p, _ := hex.DecodeString(r.Hex)
	switch {
	case len(p) > 5 && p[len(p)-5] == 0x62:
		return []int{int(p[len(p)-1])}
	case len(p) > 2 && p[len(p)-2] == 0x61:
		return []int{int(p[len(p)-1]) - 0xe0}
	}
	return nil
}

// fill puts the values of this run into the bytes of a request.
func (b *bindings) fill(p []byte, text string) ([]byte, error) {
	var out []byte
	names := anyName.FindAllStringSubmatch(text, -1)
	for i := 0; i < len(p); {
		rest := p[i:]
		switch n := pidMark(rest); {
		case n > 0:
			v, ok := b.value[n]
			if !ok {
				return nil, fmt.Errorf("no value for pid %d of %s", n, text)
			}
			out = binary.BigEndian.AppendUint32(append(out, 0x62), uint32(v))
			i += 5
		case len(rest) > 1 && rest[0] == 0x61 && b.small(int(rest[1])-0xe0, text):
			out = append(out, 0x61, byte(b.value[int(rest[1])-0xe0]))
			i += 2
		case bytes.HasPrefix(rest, boxMark):
			out = append(out, b.box...)
			i += len(boxMark)
		case bytes.HasPrefix(rest, procMark) && len(names) > 0:
			pid := fmt.Sprint(b.value[b.index[names[0][1]]])
			if len(pid) != len("PPPPP") {
				return nil, fmt.Errorf("pid %s has not five digits", pid)
			}
			out = append(out, "/proc/"+pid+"/"...)
			i += len(procMark)
		default:
			out = append(out, rest[0])
			i++
		}
	}
	return out, nil
}

// small reports whether the index n stands for a value below 256 in a request.
func (b *bindings) small(n int, text string) bool {
	v, ok := b.value[n]
	return ok && v < 256 && (n >= firstIndex || n == indexRunner && strings.Contains(text, "<RUNNER>"))
}

// pidMark returns the index of the pid mark at the start of p, 0 if there is none.
func pidMark(p []byte) int {
	if len(p) < 5 || p[0] != 0x62 || p[1] != 0x7f || p[2] != 0 || p[3] != 0 {
		return 0
	}
	return int(p[4])
}

// same compares a payload of this run with the recorded one. A pid that has no
// value yet gets it here.
func (b *bindings) same(want, got []byte, text string) bool {
	if info := siginfoIn(got); info != nil && binary.NativeEndian.Uint32(info) == 17 {
		clear(info[32:48]) // user and system time of the child
	}
	marked := strings.Contains(text, "<")
	i, j := 0, 0
	for i < len(want) {
		w, g := want[i:], got[j:]
		switch n := pidMark(w); {
		case n > 0:
			if len(g) < 5 || g[0] != 0x62 || !b.bind(n, int(binary.BigEndian.Uint32(g[1:])), text) {
				return false
			}
			i, j = i+5, j+5
		case infoPid(want, i) > 0:
			if len(g) < 4 || !b.bind(infoPid(want, i), int(binary.LittleEndian.Uint32(g)), text) {
				return false
			}
			i, j = i+4, j+4
		case len(g) == 0:
			return false
		case marked && len(w) > 1 && len(g) > 1 && w[0] == 0x61 && g[0] == 0x61 && w[1] == anyFd:
			i, j = i+2, j+2
		case bytes.HasPrefix(w, boxMark) && bytes.HasPrefix(g, []byte(b.box)):
			i, j = i+len(boxMark), j+len(b.box)
		case bytes.HasPrefix(w, addrMark) && len(g) >= 8:
			i, j = i+8, j+8
		case marked && len(w) > 1 && len(g) > 1 && w[0] == 0x61 && g[0] == 0x61 && w[1] > 0xe0 && w[1] < 0xf0:
			if w[1] != g[1] && !b.bind(int(w[1])-0xe0, int(g[1]), text) {
				return false
			}
			i, j = i+2, j+2
		case w[0] != g[0]:
			return false
		default:
			i, j = i+1, j+1
		}
	}
	return j == len(got)
}

// siginfoIn returns the 128 bytes of a siginfo at the end of a signal event.
func siginfoIn(p []byte) []byte {
	if len(p) > 133 && bytes.HasPrefix(p, []byte("\x83\x68\x03\x77\x06signal")) &&
		bytes.Equal(p[len(p)-133:len(p)-128], []byte{0x6d, 0, 0, 0, 0x80}) {
		return p[len(p)-128:]
	}
	return nil
}

// infoPid returns the index of the pid mark in a siginfo if i is its place.
func infoPid(want []byte, i int) int {
	info := siginfoIn(want)
	if info == nil || i != len(want)-128+16 {
		return 0
	}
	switch p := info[16:20]; {
	case p[1] == 0 && p[2] == 0 && p[3] == 0x7f:
		return int(p[0])
	case bytes.Equal(p, []byte{1, 0, 0, 0}):
		return indexRunner // process 1 of the namespace, as here
	}
	return 0
}

func (b *bindings) bind(n, v int, text string) bool {
	born := okName.FindStringSubmatch(text)
	if old, ok := b.value[n]; ok && born == nil {
		return old == v
	}
	if born != nil {
		b.index[born[1]] = n
	}
	b.value[n] = v
	return true
}

// born records that the process at the path of names has a child.
func (b *bindings) born(path, text string, pids []int, pid int) {
	m := okName.FindStringSubmatch(text)
	if m == nil {
		return
	}
	name := m[1]
	if path != "" {
		name = path + "/" + name
	}
	b.name[numeric(append(slices.Clone(pids), pid))] = name
}

func numeric(pids []int) string {
	var s []string
	for _, p := range pids {
		s = append(s, strconv.Itoa(p))
	}
	return strings.Join(s, "/")
}

// stranger is how a pid is written that belongs to no child of the process it
// stands behind: (NAME) of another process, pid? if it could be some process.
func (b *bindings) stranger(pid int) string {
	if pid == b.value[indexPort] {
		return "(PORT)"
	}
	for key, name := range b.name {
		if key[strings.LastIndexByte(key, '/')+1:] == strconv.Itoa(pid) {
			return "(" + name[strings.LastIndexByte(name, '/')+1:] + ")"
		}
	}
	if pid >= 10000 && pid < 100000 {
		return "pid?"
	}
	return "#" + strconv.Itoa(pid)
}

// names turns the pids of a frame into a path of names.
func (b *bindings) names(pids []int) string {
	path := ""
	for i, pid := range pids {
		name, ok := b.name[numeric(pids[:i+1])]
		if !ok {
			name = b.stranger(pid)
			if path != "" {
				name = path + "/" + name
			}
		}
		path = name
	}
	return path
}

// path is the inverse of names. A name without a process is pid 0, one of
// another process its pid.
func (b *bindings) path(names string) ([]int, error) {
	var pids []int
	if names == "" {
		return nil, nil
	}
	parts := strings.Split(names, "/")
	for i := range parts {
		if num, ok := strings.CutPrefix(parts[i], "#"); ok {
			pid, err := strconv.Atoi(num)
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
			continue
		}
		pid, ok := b.newest(numeric(pids), strings.Join(parts[:i+1], "/"))
		if !ok {
			pid = b.value[b.index[parts[i]]]
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// newest finds the pid with that path of names below parent; a name that was
// given again stands for the later process.
func (b *bindings) newest(parent, names string) (int, bool) {
	best, found := 0, false
	for key, name := range b.name {
		if name != names {
			continue
		}
		up, last := "", key
		if i := strings.LastIndexByte(key, '/'); i >= 0 {
			up, last = key[:i], key[i+1:]
		}
		if pid, _ := strconv.Atoi(last); up == parent && pid >= best {
			best, found = pid, true
		}
	}
	return best, found
}

// normal is the opposite of same: it puts the marks into a payload of this run,
// for comparison with a hash.
func (b *bindings) normal(p []byte) []byte {
	p = bytes.ReplaceAll(p, []byte(b.box), boxMark)
	for n, v := range b.value {
		if n == indexRunner || v < 256 {
			continue
		}
		pid := binary.BigEndian.AppendUint32([]byte{0x62}, uint32(v))
		p = bytes.ReplaceAll(p, pid, []byte{0x62, 0x7f, 0, 0, byte(n)})
	}
	return p
}

// text puts names and $BOX into a line observed from outside or into output.
func (b *bindings) text(s string) string {
	s = strings.ReplaceAll(s, b.box, "$BOX")
	return pidText.ReplaceAllStringFunc(s, func(num string) string {
		pid, _ := strconv.Atoi(num)
		if pid == b.value[indexPort] {
			return "<PORT>"
		}
		for key, name := range b.name {
			if key == num || strings.HasSuffix(key, "/"+num) {
				return "<" + name[strings.LastIndexByte(name, '/')+1:] + ">"
			}
		}
		return num
	})
}

// pidText are the pids of the tests, see porttest: five digits.
var pidText = regexp.MustCompile(`\b[1-9]\d{4}\b`)
