package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// emitted is every file made of testdata/small.spec.
func emitted(t *testing.T) map[string][]byte {
	t.Helper()
	var bad Diags
	s := parse("small.spec", read(t, "testdata/small.spec"), &bad)
	check(s, &bad)
	files := map[string][]byte{}
	outputs, err := goOutputs(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs {
		files[filepath.Base(o.path)] = o.text
	}
	files["alcove.erl"] = expand("small.in", read(t, "testdata/small.in"), alcoveBlocks, s, &bad)
	files["alcove_proto.erl"] = expand("small.in", allMarkers(protoBlocks), protoBlocks, s, &bad)
	files["calls.md"] = expand("small.in", allMarkers(manualBlocks), manualBlocks, s, &bad)
	for _, d := range bad.sorted() {
		t.Error(d)
	}
	return files
}

// allMarkers is a template of nothing but the markers.
func allMarkers(blocks map[string]block) string {
	text := ""
	for _, name := range sortedKeys(blocks) {
		text += "@" + name + "@\n"
	}
	return text
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOutputIsTheGoldenOne(t *testing.T) {
	files := emitted(t)
	if *update {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join("testdata/golden", name+".golden"), text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden, err := filepath.Glob("testdata/golden/*.golden")
	if err != nil || len(golden) != len(files) {
		t.Fatalf("%d golden files for %d outputs (%v)", len(golden), len(files), err)
	}
	for name, text := range files {
		if diff := cmp.Diff(read(t, filepath.Join("testdata/golden", name+".golden")), string(text)); diff != "" {
			t.Errorf("%s (-golden +generated):\n%s", name, diff)
		}
	}
}

// TestCommittedFilesAreCurrent regenerates everything in memory.
func TestCommittedFilesAreCurrent(t *testing.T) {
	outputs, diags, err := generate(project)
	if err != nil || len(diags) > 0 {
		t.Fatal(err, diags)
	}
	if len(outputs) != 8 {
		t.Errorf("%d files generated, want 8", len(outputs))
	}
	for _, o := range outputs {
		if read(t, filepath.Join(project, o.path)) != string(o.text) {
			t.Errorf("%s differs from what %s says: run go generate ./...", o.path, specFile)
		}
	}
}

// TestCheckNamesWhatDiffers drives the command as a developer and CI do.
func TestCheckNamesWhatDiffers(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		if err := write(filepath.Join(root, path), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(checkOnly bool, status int, lines ...string) {
		t.Helper()
		var log strings.Builder
		if got := run(root, checkOnly, &log); got != status {
			t.Errorf("status %d, want %d", got, status)
		}
		got := strings.Split(strings.TrimSpace(log.String()), "\n")
		if diff := cmp.Diff(append([]string{}, lines...), got); diff != "" && (len(lines) > 0 || log.Len() > 0) {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	}
	for _, path := range []string{specFile, "gen/alcove_static.erl.in", "gen/alcove_proto.erl.in", "gen/calls.md.in"} {
		put(path, read(t, filepath.Join(project, path)))
	}
	expect(false, 0)
	expect(true, 0)

	put("calls/zstubs.go", "package calls\n")
	put("docs/calls.md", "")
	expect(true, 1,
		"gencalls: calls/zstubs.go differs from what gen/calls.spec says",
		"gencalls: docs/calls.md differs from what gen/calls.spec says")
	expect(false, 0)
	expect(true, 0)

	put("gen/calls.md.in", "@index@\n@index@\n@nonsense@\n")
	expect(false, 1,
		"gen/calls.md.in:2: marker @index@ repeated",
		"gen/calls.md.in:3: unknown marker @nonsense@",
		"gen/calls.md.in:4: no marker @calls@",
		"gen/calls.md.in:4: no marker @forms@",
		"gen/calls.md.in:4: no marker @symbols@",
		"gen/calls.md.in:4: no marker @types@")

	put(specFile, "nonsense\n")
	expect(false, 1,
		"gen/calls.spec:1: neither a declaration nor a call: NAME(ARGUMENTS) -> RESULT ; AVAILABILITY ; MANUAL ; DOC",
		"gen/calls.spec:1: no frozen declaration",
		"gen/calls.spec:1: no target")
}
