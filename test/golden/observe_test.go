package golden

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"alcove/internal/porttest"
)

// observe looks at a process from outside the way the recordings do and returns
// the lines. The first word of what says which view, the others what of it.
func (r *run) observe(path, what string) ([]string, error) {
	view, arg, _ := strings.Cut(what, " ")
	arg = strings.ReplaceAll(arg, "$BOX", r.port.Box)
	if look, ok := boxViews[view]; ok {
		return look(r, arg)
	}
	look, ok := processViews[view]
	if !ok {
		return nil, fmt.Errorf("nothing is known of %q", view)
	}
	pid, err := r.hostPid(path)
	if err != nil && view != "gone" {
		return nil, err
	}
	return look(r, pid, arg)
}

var boxViews = map[string]func(r *run, arg string) ([]string, error){
	"file":   viewFile,
	"text":   viewText,
	"list":   viewList,
	"exists": viewExists,
	"fifo":   viewFifo,
	"procs":  viewProcs,
}

var processViews = map[string]func(r *run, pid int, arg string) ([]string, error){
	"fds":        viewFds,
	"comm":       trimmed("comm"),
	"oom":        trimmed("oom_score_adj"),
	"timerslack": trimmed("timerslack_ns"),
	"cmdline":    viewCmdline,
	"environ":    viewEnviron,
	"cwd":        link("cwd"),
	"root":       link("root"),
	"ids":        viewIDs,
	"threads":    viewThreads,
	"status":     viewStatus,
	"limits":     viewLimits,
	"ns":         viewNamespaces,
	"state":      viewState,
	"gone":       viewGone,
}

func viewFile(r *run, arg string) ([]string, error) {
	fi, err := os.Lstat(arg)
	if err != nil {
		var e syscall.Errno
		if errors.As(err, &e) {
			return []string{e.Error()}, nil
		}
		return nil, err
	}
	st := fi.Sys().(*syscall.Stat_t)
	line := fmt.Sprintf("mode %o uid %d gid %d nlink %d", st.Mode, st.Uid, st.Gid, st.Nlink)
	if fi.Mode().IsRegular() {
		line += fmt.Sprintf(" size %d", st.Size)
	}
	return []string{line}, nil
}

func viewText(r *run, arg string) ([]string, error) {
	b, err := os.ReadFile(arg)
	return []string{strconv.Quote(string(b))}, err
}

func viewList(r *run, arg string) ([]string, error) {
	ents, err := os.ReadDir(arg)
	var names []string
	for _, e := range ents {
		names = append(names, utf8Each(e.Name()))
	}
	sort.Strings(names)
	return names, err
}

// utf8Each replaces each byte that is no UTF-8, as JSON does.
func utf8Each(s string) string { return string([]rune(s)) }

func viewExists(r *run, arg string) ([]string, error) {
	if _, err := os.Lstat(arg); err != nil {
		return []string{"no"}, nil
	}
	return []string{"yes"}, nil
}

// viewFifo says whether somebody still holds the writing end of the control fifo.
func viewFifo(r *run, arg string) ([]string, error) {
	n, err := syscall.Read(r.fifo, make([]byte, 1))
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return []string{"held"}, nil
	case n == 0 && err == nil:
		return []string{"closed"}, nil
	}
	return nil, fmt.Errorf("read of the fifo: %d, %w", n, err)
}

func viewProcs(r *run, arg string) ([]string, error) {
	return []string{fmt.Sprintf("%d left", len(r.port.Processes()))}, nil
}

func viewFds(r *run, pid int, arg string) ([]string, error) {
	var lines []string
	number := map[string]int{}
	for _, f := range porttest.OpenFds(pid) {
		target := f.Target
		if kind, _, ok := strings.Cut(target, ":["); ok {
			if number[target] == 0 {
				number[target] = len(number) + 1
			}
			target = fmt.Sprintf("%s#%d", kind, number[target])
		}
		lines = append(lines, fmt.Sprintf("%d %s 0%o", f.Num, target, f.Flags))
	}
	return lines, nil
}

func trimmed(name string) func(*run, int, string) ([]string, error) {
	return func(r *run, pid int, arg string) ([]string, error) {
		return []string{strings.TrimSpace(porttest.ProcBytes(pid, name))}, nil
	}
}

func viewCmdline(r *run, pid int, arg string) ([]string, error) {
	return []string{strconv.Quote(strings.TrimRight(porttest.ProcBytes(pid, "cmdline"), "\x00"))}, nil
}

func viewEnviron(r *run, pid int, arg string) ([]string, error) {
	s := strings.TrimRight(porttest.ProcBytes(pid, "environ"), "\x00")
	return strings.Split(s, "\x00"), nil
}

func link(name string) func(*run, int, string) ([]string, error) {
	return func(r *run, pid int, arg string) ([]string, error) {
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
		return []string{target}, err
	}
}

func viewIDs(r *run, pid int, arg string) ([]string, error) {
	st, ok := porttest.ReadStat(pid)
	if !ok {
		return nil, fmt.Errorf("no process %d", pid)
	}
	parent := fmt.Sprint(st.PPid)
	if st.PPid == os.Getpid() {
		parent = "<RUNNER>"
	}
	return []string{
		"ppid " + parent, fmt.Sprintf("pgrp %d", st.Pgrp),
		fmt.Sprintf("session %d", st.Session), fmt.Sprintf("nice %d", st.Nice),
	}, nil
}

func viewThreads(r *run, pid int, arg string) ([]string, error) {
	return []string{fmt.Sprint(porttest.Threads(pid))}, nil
}

func viewStatus(r *run, pid int, arg string) ([]string, error) {
	status := porttest.Status(pid)
	var lines []string
	for _, key := range strings.Fields(arg) {
		lines = append(lines, key+": "+status[key])
	}
	return lines, nil
}

func viewLimits(r *run, pid int, arg string) ([]string, error) {
	var lines []string
	for line := range strings.Lines(porttest.ProcBytes(pid, "limits")) {
		name := strings.TrimSpace(line[:min(len(line), 25)])
		if name != "Limit" && strings.Contains(arg, name) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines, nil
}

func viewNamespaces(r *run, pid int, arg string) ([]string, error) {
	var lines []string
	for _, ns := range strings.Fields(arg) {
		own, err := os.Readlink(filepath.Join("/proc/self/ns", ns))
		if err != nil {
			return nil, err
		}
		its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
		if err != nil {
			return nil, err
		}
		word := "other"
		if own == its {
			word = "same"
		}
		lines = append(lines, ns+" "+word)
	}
	return lines, nil
}

func viewState(r *run, pid int, arg string) ([]string, error) {
	st, ok := porttest.ReadStat(pid)
	if !ok {
		return []string{"gone"}, nil
	}
	return []string{st.State}, nil
}

func viewGone(r *run, pid int, arg string) ([]string, error) {
	st, ok := porttest.ReadStat(pid)
	if pid == 0 || !ok || st.State == "Z" {
		return []string{"gone"}, nil
	}
	return []string{"state " + st.State}, nil
}

// observeSame repeats the view until it shows what was recorded: a process that
// was told to do something may not have done it yet.
func (r *run) observeSame(st step) error {
	var lines []string
	var err error
	if porttest.Eventually(func() bool {
		lines, err = r.observe(st.Path, st.Request)
		if err != nil {
			return false
		}
		for i := range lines {
			lines[i] = r.names.text(lines[i])
		}
		return slices.Equal(lines, st.Observed)
	}) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s of %q\n got %q\nwant %q", st.Request, st.Path, lines, st.Observed)
}
