package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMistakesAreReported checks the messages for each part of errors.txt against
// those written beside the mistakes: all of them, in order of lines, no others.
func TestMistakesAreReported(t *testing.T) {
	prelude := read(t, "testdata/prelude.spec")
	parts := strings.Split(read(t, "testdata/errors.txt"), "\n-- ")[1:]
	for _, part := range parts {
		name, text, _ := strings.Cut(part, "\n")
		t.Run(name, func(t *testing.T) {
			var spec strings.Builder
			var want []string
			for i, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
				f := strings.Split(l, " ### ")
				spec.WriteString(strings.TrimRight(f[0], " ") + "\n")
				for _, msg := range f[1:] {
					want = append(want, fmt.Sprintf("%s.spec:%d: %s", name, i+1, msg))
				}
			}
			end := prelude
			if strings.HasPrefix(spec.String(), "frozen ") {
				end = strings.Replace(end, "frozen 0 none 128\n", "", 1)
			}
			var bad Diags
			check(parse(name+".spec", spec.String()+end, &bad), &bad)
			var got []string
			for _, d := range bad.sorted() {
				got = append(got, d.String())
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}
