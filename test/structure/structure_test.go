// Package structure holds the module to the design: what links what, where danger
// lives, and that nothing behind the boot needs another thread. The tests stand
// apart from package main: a test binary that links it would lose its threads.
package structure

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// pkg is a package as go list sees it.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	Standard   bool
}

var targets = []string{"amd64", "arm64", "riscv64"}

// list is the packages that the patterns name.
func list(t *testing.T, goarch string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports,GoFiles,Standard"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// linked is the packages of this module in the port program.
func linked(t *testing.T, goarch string) []pkg {
	t.Helper()
	return slices.DeleteFunc(list(t, goarch, "-deps", "."), func(p pkg) bool { return !ours(p.ImportPath) })
}

func ours(p string) bool { return p == "alcove" || strings.HasPrefix(p, "alcove/") }

// TestLinksNothingHeavy: os raises the limit of open files, the others bring
// threads, locks and start-up time.
func TestLinksNothingHeavy(t *testing.T) {
	t.Parallel()
	banned := []string{"os", "os/exec", "os/signal", "os/user", "fmt", "net", "log", "log/slog", "flag", "bufio", "io/fs",
		"context", "runtime/cgo", "runtime/pprof", "testing"}
	for _, goarch := range targets {
		for _, p := range list(t, goarch, "-deps", ".") {
			if slices.Contains(banned, p.ImportPath) {
				t.Errorf("%s: the port program links %s", goarch, p.ImportPath)
			}
			if !p.Standard && !ours(p.ImportPath) && p.ImportPath != "golang.org/x/sys/unix" {
				t.Errorf("%s: the port program links %s", goarch, p.ImportPath)
			}
		}
	}
}

// rank is how far up a package stands: it imports only from below, but for the
// internal packages, which may use each other.
func rank(p string) int {
	switch {
	case p == "alcove":
		return 4
	case p == "alcove/dispatch":
		return 3
	case p == "alcove/calls":
		return 2
	case p == "alcove/internal/sys" || p == "alcove/etf":
		return 0
	case strings.HasPrefix(p, "alcove/internal/") && !strings.Contains(p, "test"):
		return 1
	}
	return -1
}

// TestDependenciesPointDown: main, dispatch, calls, and below them all etf and the
// internal packages, of which sys imports nothing of ours (design: Packages).
func TestDependenciesPointDown(t *testing.T) {
	t.Parallel()
	// What happens before the loop runs is nobody's business but main's.
	boot := []string{"alcove/internal/thread", "alcove/internal/inherited", "alcove/internal/boot", "alcove/internal/cmdline"}
	for _, goarch := range targets {
		for _, p := range linked(t, goarch) {
			from := rank(p.ImportPath)
			if from < 0 {
				t.Errorf("%s: the port program links %s, which the design does not know", goarch, p.ImportPath)
			}
			for _, i := range p.Imports {
				if !ours(i) {
					continue
				}
				if to := rank(i); to > from || to == from && to != 1 {
					t.Errorf("%s: %s imports %s", goarch, p.ImportPath, i)
				}
				if slices.Contains(boot, i) && p.ImportPath != "alcove" {
					t.Errorf("%s: %s imports %s", goarch, p.ImportPath, i)
				}
				if i == "alcove/etf" && from == 1 {
					t.Errorf("%s: %s imports %s", goarch, p.ImportPath, i)
				}
			}
		}
	}
}

// file is a parsed source file.
type file struct {
	name string // below the module's directory
	ast  *ast.File
}

// sources are all Go files of the module, tests included.
func sources(t *testing.T) []file {
	t.Helper()
	var files []file
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != root && (strings.HasPrefix(base, ".") || base == "_build" || base == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(base) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, name)
		files = append(files, file{below, f})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files found", len(files))
	}
	return files
}

// imports are the paths that a file imports.
func (f file) imports() []string {
	var list []string
	for _, i := range f.ast.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			list = append(list, p)
		}
	}
	return list
}

func (f file) test() bool {
	return strings.HasSuffix(f.name, "_test.go") || strings.HasPrefix(f.name, "internal/porttest/")
}

// TestUnsafeShowsInTheName: only *_unsafe.go files, and those of one architecture,
// import unsafe or take symbols of the runtime.
func TestUnsafeShowsInTheName(t *testing.T) {
	t.Parallel()
	found := 0
	for _, f := range sources(t) {
		if strings.HasSuffix(f.name, "_test.go") || !slices.Contains(f.imports(), "unsafe") {
			continue
		}
		found++
		if !strings.Contains(path.Base(f.name), "_unsafe") {
			t.Errorf("%s imports unsafe", f.name)
		}
	}
	if found == 0 {
		t.Error("no file imports unsafe: the test looks in the wrong place")
	}
}

// TestNothingWaitsForThreads: what runs behind the boot has no goroutines,
// channels, locks or timers. There is nobody to run or to release them.
func TestNothingWaitsForThreads(t *testing.T) {
	t.Parallel()
	banned := []string{"sync", "sync/atomic", "time", "context", "runtime", "runtime/debug"}
	dirs := map[string]bool{}
	for _, p := range linked(t, "amd64") {
		rel, err := filepath.Rel(absolute(t), p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		dirs[rel] = true
	}
	if !dirs["dispatch"] || !dirs["calls"] || !dirs["internal/sys"] {
		t.Fatalf("packages %v: the test looks in the wrong place", dirs)
	}
	for _, f := range sources(t) {
		dir := path.Dir(f.name)
		if f.test() || !dirs[dir] {
			continue
		}
		for _, i := range f.imports() {
			// The thread package talks to the runtime before it is alone.
			if slices.Contains(banned, i) && !(i == "runtime" && dir == "internal/thread") {
				t.Errorf("%s imports %s", f.name, i)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", f.name)
			case *ast.ChanType:
				t.Errorf("%s has a channel", f.name)
			case *ast.SelectStmt, *ast.SendStmt:
				t.Errorf("%s uses a channel", f.name)
			case *ast.UnaryExpr:
				if n.Op == token.ARROW {
					t.Errorf("%s receives from a channel", f.name)
				}
			}
			return true
		})
	}
}

func absolute(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestGeneratedFilesSaySo: z*.go in their first line, and no other file.
func TestGeneratedFilesSaySo(t *testing.T) {
	t.Parallel()
	found := 0
	for _, f := range sources(t) {
		base := path.Base(f.name)
		generated := strings.HasPrefix(base, "z") && !f.test()
		line := firstLine(t, f.name)
		says := strings.HasPrefix(line, "// Code generated ") && strings.HasSuffix(line, " DO NOT EDIT.")
		if generated != says {
			t.Errorf("%s begins %q", f.name, line)
		}
		if generated {
			found++
		}
	}
	if found < 5 {
		t.Errorf("only %d generated files found", found)
	}
}

func firstLine(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan()
	return s.Text()
}

// TestNothingBecomesSingleThreadedByAccident: no test may stand in a package that
// links internal/thread, whose initialisation ends the threads of the test.
func TestNothingBecomesSingleThreadedByAccident(t *testing.T) {
	t.Parallel()
	const dangerous = "alcove/internal/thread"
	for _, f := range sources(t) {
		if !strings.HasSuffix(f.name, "_test.go") {
			continue
		}
		if dir := path.Dir(f.name); dir == "." || dir == "internal/thread" {
			t.Errorf("%s: its test binary links %s", f.name, dangerous)
		}
		if slices.Contains(f.imports(), dangerous) {
			t.Errorf("%s imports %s", f.name, dangerous)
		}
	}
}

// TestNoLeftovers: nothing is left to be done in the sources.
func TestNoLeftovers(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		for _, group := range f.ast.Comments {
			for _, word := range []string{"TODO", "FIXME", "XXX", "HACK"} {
				if strings.Contains(group.Text(), word+":") || strings.Contains(group.Text(), word+" ") {
					t.Errorf("%s: comment with %s", f.name, word)
				}
			}
		}
	}
}
