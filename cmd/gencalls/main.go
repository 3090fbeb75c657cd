// Gencalls makes the parts of the port program, of the Erlang library and of the
// manual that are about single calls from gen/calls.spec.
//
//	gencalls [-root DIR] [-check]
//
// It writes the files of the list outputs below DIR. With -check it writes
// nothing, names each file that differs and exits 1. Mistakes in the spec are
// reported as FILE:LINE: MESSAGE, all of them, with exit status 1.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// specFile is the source, relative to the root of the project.
const specFile = "gen/calls.spec"

// output is a file to generate.
type output struct {
	path string
	text []byte
}

// templates are the outputs that are hand-written text with generated blocks.
var templates = []struct {
	path, template, header string
	blocks                 map[string]block
}{
	{"erlang/src/alcove.erl", "gen/alcove_static.erl.in", erlHeader, alcoveBlocks},
	{"erlang/src/alcove_proto.erl", "gen/alcove_proto.erl.in", erlHeader, protoBlocks},
	{"docs/calls.md", "gen/calls.md.in", "", manualBlocks},
}

func main() {
	root := flag.String("root", ".", "root `directory` of the project")
	checkOnly := flag.Bool("check", false, "compare instead of writing")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(run(*root, *checkOnly, os.Stderr))
}

// run does the work of main and returns the exit status; what is wrong goes to log.
func run(root string, checkOnly bool, log io.Writer) int {
	outputs, diags, err := generate(root)
	for _, d := range diags {
		fmt.Fprintln(log, d)
	}
	if err != nil {
		fmt.Fprintln(log, "gencalls:", err)
	}
	if err != nil || len(diags) > 0 {
		return 1
	}
	status := 0
	for _, o := range outputs {
		path := filepath.Join(root, o.path)
		if !checkOnly {
			err = write(path, o.text)
		} else if old, readErr := os.ReadFile(path); readErr != nil {
			err = readErr
		} else if !bytes.Equal(old, o.text) {
			err = fmt.Errorf("%s differs from what %s says", o.path, specFile)
		}
		if err != nil {
			fmt.Fprintln(log, "gencalls:", err)
			status, err = 1, nil
		}
	}
	return status
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o666)
}

// generate makes all outputs of the project in root, or says what is wrong with
// the spec and the templates.
func generate(root string) ([]output, []Diag, error) {
	text, err := os.ReadFile(filepath.Join(root, specFile))
	if err != nil {
		return nil, nil, err
	}
	var bad Diags
	s := parse(specFile, string(text), &bad)
	check(s, &bad)
	if diags := bad.sorted(); len(diags) > 0 {
		return nil, diags, nil
	}
	outputs, err := goOutputs(s)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range templates {
		in, err := os.ReadFile(filepath.Join(root, t.template))
		if err != nil {
			return nil, nil, err
		}
		out := expand(t.template, string(in), t.blocks, s, &bad)
		outputs = append(outputs, output{t.path, append([]byte(t.header), out...)})
	}
	return outputs, bad.sorted(), nil
}

// goOutputs are the files of package calls.
func goOutputs(s *Spec) ([]output, error) {
	stubs, err := goStubs(s)
	if err != nil {
		return nil, fmt.Errorf("stubs: %w", err)
	}
	common, err := goConstants(s, nil)
	if err != nil {
		return nil, fmt.Errorf("constants: %w", err)
	}
	out := []output{
		{"calls/zstubs.go", stubs},
		{fmt.Sprintf("calls/zconstants_%s.go", s.os()), common},
	}
	for i := range s.Targets {
		t := &s.Targets[i]
		text, err := goConstants(s, t)
		if err != nil {
			return nil, fmt.Errorf("constants of %s: %w", t.Arch, err)
		}
		out = append(out, output{fmt.Sprintf("calls/zconstants_%s_%s.go", t.OS, t.Arch), text})
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
