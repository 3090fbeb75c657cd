package main

import (
	"go/ast"
	"go/build"
	"go/importer"
	goparser "go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

// TestConstantsOfEveryTarget type-checks the generated tables as each target's
// compiler does and compares names, order and values with the recorded ones: the
// test in package calls sees the architecture it runs on only.
func TestConstantsOfEveryTarget(t *testing.T) {
	spec := parseProject(t)
	text, err := os.ReadFile("../../calls/testdata/constants.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	head := strings.Split(lines[0], "\t")
	for i := range spec.Targets {
		target := &spec.Targets[i]
		t.Run(target.Arch, func(t *testing.T) {
			want := map[string][]string{}
			for _, l := range lines[1:] {
				f := strings.Split(l, "\t")
				for k, name := range head {
					if name == target.Arch && f[k] != "-" {
						v := goTable(f[0])
						want[v] = append(want[v], f[1]+" "+f[k])
					}
				}
			}
			got := evaluate(t, spec, target)
			if len(got) != len(want) {
				t.Errorf("%d tables, want %d", len(got), len(want))
			}
			for name := range want {
				if g, w := strings.Join(got[name], "\n"), strings.Join(want[name], "\n"); g != w {
					t.Errorf("%s:\n got %s\nwant %s", name, g, w)
				}
			}
		})
	}
}

// evaluate returns "name value" for each entry of each generated table.
func evaluate(t *testing.T, s *Spec, target *Target) map[string][]string {
	t.Helper()
	saved := build.Default
	t.Cleanup(func() { build.Default = saved })
	build.Default.GOOS, build.Default.GOARCH, build.Default.CgoEnabled = target.OS, target.Arch, false

	fset := token.NewFileSet()
	var files []*ast.File
	for _, part := range []*Target{nil, target} {
		text, err := goConstants(s, part)
		if err != nil {
			t.Fatal(err)
		}
		f, err := goparser.ParseFile(fset, "", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	declared, err := goparser.ParseFile(fset, "", "package calls\ntype constant struct { name string; value int64 }", 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil), Sizes: types.SizesFor("gc", target.Arch)}
	if _, err := conf.Check("calls", fset, append(files, declared), info); err != nil {
		t.Fatal(err)
	}
	tables := map[string][]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			table, ok := v.Values[0].(*ast.CompositeLit)
			if !ok {
				return false
			}
			for _, e := range table.Elts {
				entry := e.(*ast.CompositeLit).Elts
				name := info.Types[entry[0]].Value.ExactString()
				value := info.Types[entry[1]].Value.ExactString()
				tables[v.Names[0].Name] = append(tables[v.Names[0].Name], strings.Trim(name, `"`)+" "+value)
			}
			return false
		})
	}
	return tables
}
