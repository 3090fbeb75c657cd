package porttest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stat is the part of /proc/PID/stat the tests need.
type Stat struct {
	Pid, PPid, Pgrp, Session int
	State                    string
	Comm                     string
	Nice                     int
	CPU                      time.Duration // user and system time used, in steps of 10 ms
}

// ReadStat reads /proc/PID/stat; ok is false if there is no such process.
func ReadStat(pid int) (st Stat, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return st, false
	}
	open, end := strings.IndexByte(string(b), '('), strings.LastIndexByte(string(b), ')')
	if open < 0 || end < 0 {
		return st, false
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 17 {
		return st, false
	}
	num := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	return Stat{
		Pid: pid, Comm: string(b[open+1 : end]), State: f[0],
		PPid: num(1), Pgrp: num(2), Session: num(3), Nice: num(16),
		CPU: time.Duration(num(11)+num(12)) * 10 * time.Millisecond,
	}, true
}

func allProcesses() []Stat {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var all []Stat
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		if st, ok := ReadStat(pid); ok {
			all = append(all, st)
		}
	}
	return all
}

// Processes returns the pids of the port's living descendants and of the rest
// of its session, the port itself not included.
func (p *Port) Processes() []int {
	below := map[int]bool{p.Pid: true}
	all := allProcesses()
	for grown := true; grown; {
		grown = false
		for _, st := range all {
			if !below[st.Pid] && (below[st.PPid] || st.Session == p.Pid) {
				below[st.Pid] = true
				grown = true
			}
		}
	}
	var pids []int
	for _, st := range all {
		if below[st.Pid] && st.Pid != p.Pid && st.State != "Z" {
			pids = append(pids, st.Pid)
		}
	}
	return pids
}

// HostPid returns the pid of the process at path as the tests see it, which
// differs from the one in frames below a pid namespace.
func (p *Port) HostPid(path Path) (int, error) {
	pid := p.Pid
	for i, want := range path {
		level := len(NSPid(pid))
		found := 0
		for _, st := range allProcesses() {
			if st.PPid != pid && !(i == 0 && st.Session == p.Pid) {
				continue
			}
			if ns := NSPid(st.Pid); len(ns) >= level && level > 0 && ns[level-1] == want {
				found = st.Pid
			}
		}
		if found == 0 {
			return 0, fmt.Errorf("no process %v below pid %d", path[:i+1], pid)
		}
		pid = found
	}
	return pid, nil
}

// NSPid returns the pids of a process, that of the reader's namespace first.
func NSPid(pid int) []int {
	var ns []int
	for _, f := range strings.Fields(Status(pid)["NSpid"]) {
		n, _ := strconv.Atoi(f)
		ns = append(ns, n)
	}
	return ns
}

// Status reads /proc/PID/status; the values have single spaces between words.
// The map is empty if there is no such process.
func Status(pid int) map[string]string {
	m := map[string]string{}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			m[k] = strings.Join(strings.Fields(v), " ")
		}
	}
	return m
}

// Limits reads /proc/PID/limits as name → "soft hard".
func Limits(pid int) map[string]string {
	m := map[string]string{}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	for line := range strings.Lines(string(b)) {
		if len(line) < 66 || strings.HasPrefix(line, "Limit") {
			continue
		}
		m[strings.TrimSpace(line[:25])] = strings.Join(strings.Fields(line[25:66]), " ")
	}
	return m
}

// OpenFd is one entry of /proc/PID/fd.
type OpenFd struct {
	Num    int
	Target string // what the link says, for example pipe:[123] or a path
	Flags  int    // open flags, close-on-exec included
}

// OpenFds lists the descriptors of a process in order.
func OpenFds(pid int) []OpenFd {
	ents, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	var fds []OpenFd
	for _, e := range ents {
		n, _ := strconv.Atoi(e.Name())
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, n))
		if err != nil {
			continue
		}
		info, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, n))
		flags := 0
		for line := range strings.Lines(string(info)) {
			if v, ok := strings.CutPrefix(line, "flags:"); ok {
				f, _ := strconv.ParseInt(strings.TrimSpace(v), 8, 64)
				flags = int(f)
			}
		}
		fds = append(fds, OpenFd{n, target, flags})
	}
	slices.SortFunc(fds, func(a, b OpenFd) int { return a.Num - b.Num })
	return fds
}

// FdNumbers returns the numbers of the open descriptors of a process.
func FdNumbers(pid int) []int {
	var ns []int
	for _, f := range OpenFds(pid) {
		ns = append(ns, f.Num)
	}
	return ns
}

// Threads counts the threads of a process.
func Threads(pid int) int {
	ents, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(ents)
}

// ProcBytes reads /proc/PID/NAME whole.
func ProcBytes(pid int, name string) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	return string(b)
}

// Memory reads the kilobytes of a field of /proc/PID/smaps_rollup, for example
// Rss or Pss.
func Memory(pid int, field string) int {
	for line := range strings.Lines(ProcBytes(pid, "smaps_rollup")) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(v)[0])
			return n
		}
	}
	return 0
}

// Eventually waits until cond holds and reports whether it did.
func Eventually(cond func() bool) bool {
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); {
		if cond() {
			return true
		}
		time.Sleep(2 * time.Millisecond)
	}
	return cond()
}

// Gone waits until a process has ended; a zombie counts as ended.
func Gone(pid int) bool {
	return Eventually(func() bool {
		st, ok := ReadStat(pid)
		return !ok || st.State == "Z"
	})
}
