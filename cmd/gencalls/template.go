package main

import (
	"bytes"
	"strings"
)

// A block is generated text that stands for a line "@name@" of a template.
type block func(*Spec, *bytes.Buffer)

// expand copies a template and puts each block in the place of its marker line.
// Nothing else of the template is looked at. Unknown, repeated and missing
// markers are mistakes of the template.
func expand(file, template string, blocks map[string]block, s *Spec, bad *Diags) []byte {
	var out bytes.Buffer
	seen := map[string]bool{}
	lines := strings.SplitAfter(template, "\n")
	for i, l := range lines {
		name, ok := marker(l)
		if !ok {
			out.WriteString(l)
			continue
		}
		write := blocks[name]
		switch {
		case write == nil:
			bad.add(file, i+1, "unknown marker @%s@", name)
		case seen[name]:
			bad.add(file, i+1, "marker @%s@ repeated", name)
		default:
			write(s, &out)
		}
		seen[name] = true
	}
	for _, name := range sortedKeys(blocks) {
		if !seen[name] {
			bad.add(file, len(lines), "no marker @%s@", name)
		}
	}
	return out.Bytes()
}

// marker returns the name in a line that is nothing but "@name@".
func marker(l string) (string, bool) {
	l = strings.TrimRight(l, "\n")
	if len(l) < 3 || l[0] != '@' || l[len(l)-1] != '@' {
		return "", false
	}
	name := l[1 : len(l)-1]
	return name, isLowerName(name)
}
