package main

import (
	"os"
	"path/filepath"
	"testing"
)

const project = "../.."

// parseProject returns the project's spec, which must be without mistakes.
func parseProject(t *testing.T) *Spec {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(project, specFile))
	if err != nil {
		t.Fatal(err)
	}
	var bad Diags
	s := parse(specFile, string(text), &bad)
	check(s, &bad)
	for _, d := range bad.sorted() {
		t.Error(d)
	}
	if t.Failed() {
		t.FailNow()
	}
	return s
}
