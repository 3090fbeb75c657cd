package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Diag is a mistake in a file.
type Diag struct {
	File string
	Line int
	Msg  string
}

func (d Diag) String() string { return fmt.Sprintf("%s:%d: %s", d.File, d.Line, d.Msg) }

// Diags collects mistakes, so that all are reported and not only the first.
type Diags struct{ list []Diag }

func (d *Diags) add(file string, line int, format string, args ...any) {
	d.list = append(d.list, Diag{file, line, fmt.Sprintf(format, args...)})
}

// sorted returns the mistakes in order of lines, each once.
func (d *Diags) sorted() []Diag {
	slices.SortFunc(d.list, func(a, b Diag) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Msg, b.Msg))
	})
	return slices.Compact(d.list)
}

// line is a logical line: continued lines joined, under the number of the first.
type line struct {
	no   int
	text string
}

type parser struct {
	spec *Spec
	bad  *Diags
	// body takes the indented lines of the declaration being read.
	body func(line)
}

// parse reads a spec. It goes on after a mistake with the next declaration, so
// the Spec is usable for check even when something was added to bad.
func parse(file, text string, bad *Diags) *Spec {
	p := &parser{spec: &Spec{File: file}, bad: bad}
	p.body = p.stray
	for _, l := range logicalLines(text) {
		switch {
		case strings.HasPrefix(l.text, "#"):
		case l.text == "" || l.text[0] == '\t' || l.text[0] == ' ':
			p.body(line{l.no, strings.TrimPrefix(l.text, "\t")})
		default:
			p.body = p.stray
			p.declaration(l)
		}
	}
	return p.spec
}

func logicalLines(text string) []line {
	var out []line
	joined := ""
	start := 0
	for i, s := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if joined == "" {
			start = i + 1
		} else {
			s = strings.TrimLeft(s, " \t")
		}
		s = strings.TrimRight(s, " \t")
		if head, ok := strings.CutSuffix(s, "\\"); ok {
			joined += head
			continue
		}
		out = append(out, line{start, joined + s})
		joined = ""
	}
	if joined != "" {
		out = append(out, line{start, joined})
	}
	return out
}

func (p *parser) errorf(no int, format string, args ...any) {
	p.bad.add(p.spec.File, no, format, args...)
}

// stray is the body of declarations that have none.
func (p *parser) stray(l line) {
	if strings.TrimSpace(l.text) != "" {
		p.errorf(l.no, "indented line without a declaration that takes one")
	}
}

// declarations are the keywords; a line that starts with none declares a call.
var declarations = map[string]func(*parser, line, string){
	"target":   (*parser).target,
	"platform": (*parser).platform,
	"builtin":  func(p *parser, l line, s string) { p.spec.Builtins = append(p.spec.Builtins, names(l, s)...) },
	"frozen":   (*parser).frozen,
	"type":     (*parser).typ,
	"form":     (*parser).form,
	"table":    (*parser).table,
}

func (p *parser) declaration(l line) {
	word, rest, _ := strings.Cut(l.text, " ")
	if parse, ok := declarations[word]; ok {
		parse(p, l, strings.TrimSpace(rest))
		return
	}
	p.call(l)
}

func names(l line, s string) []Name {
	var out []Name
	for _, w := range strings.Fields(s) {
		out = append(out, Name{l.no, w})
	}
	return out
}

// fields splits at " ; "; a missing field is reported and left empty.
func (p *parser) fields(l line, s string, want ...string) []string {
	got := strings.SplitN(s, " ; ", len(want))
	for i := range got {
		got[i] = strings.TrimSpace(got[i])
	}
	for i, name := range want {
		if i >= len(got) {
			got = append(got, "")
		}
		if got[i] == "" {
			p.errorf(l.no, "missing %s", name)
		}
	}
	return got
}

func (p *parser) target(l line, s string) {
	for _, w := range strings.Fields(s) {
		os, arch, ok := strings.Cut(w, "/")
		if !ok {
			p.errorf(l.no, "target %s is not of the form OS/ARCH", w)
			continue
		}
		p.spec.Targets = append(p.spec.Targets, Target{l.no, os, arch})
	}
}

func (p *parser) platform(l line, s string) {
	for _, w := range strings.Fields(s) {
		name, title, _ := strings.Cut(w, "=")
		p.spec.Platforms = append(p.spec.Platforms, Platform{l.no, name, title})
	}
}

func (p *parser) frozen(l line, s string) {
	w := strings.Fields(s)
	if len(w) != 3 {
		p.errorf(l.no, "frozen takes COUNT LAST MAXIMUM")
		return
	}
	count, err1 := strconv.Atoi(w[0])
	max, err2 := strconv.Atoi(w[2])
	if err1 != nil || err2 != nil {
		p.errorf(l.no, "frozen takes COUNT LAST MAXIMUM")
		return
	}
	p.spec.Frozen = Frozen{l.no, count, w[1], max}
}

func (p *parser) typ(l line, s string) {
	f := p.fields(l, s, "definition", "documentation")
	name, def, ok := strings.Cut(f[0], "::")
	name = strings.TrimSpace(name)
	if !ok || !strings.HasSuffix(name, "()") {
		p.errorf(l.no, "a type is NAME() :: ERLANG-TYPE")
		return
	}
	p.spec.Types = append(p.spec.Types, &Type{l.no, strings.TrimSuffix(name, "()"), strings.TrimSpace(def), f[1]})
}

func (p *parser) form(l line, s string) {
	f := p.fields(l, s, "name and method", "Erlang type", "documentation")
	w := strings.Fields(f[0])
	lookup := len(w) == 3 && w[2] == "lookup"
	if len(w) != 2 && !lookup {
		p.errorf(l.no, "a form is KEYWORD[(T)|(N)] METHOD [lookup]")
		return
	}
	name, param, ok := parenthesis(w[0])
	if !ok || (param != noParam && param != tableParam && param != sizeParam) {
		p.errorf(l.no, "form %s: the parameter is (T) or (N)", w[0])
		return
	}
	p.spec.Forms = append(p.spec.Forms, &Form{l.no, name, param, w[1], lookup, f[1], f[2]})
}

// parenthesis splits "name(x)" and "name".
func parenthesis(s string) (name, inner string, ok bool) {
	name, rest, has := strings.Cut(s, "(")
	if !has {
		return name, "", name != ""
	}
	inner, ok = strings.CutSuffix(rest, ")")
	return name, inner, ok && name != "" && inner != "" && !strings.ContainsAny(inner, "()")
}

func (p *parser) table(l line, s string) {
	f := p.fields(l, s, "name", "availability", "documentation")
	t := &Table{Line: l.no, Name: f[0], Doc: f[2]}
	var rest []string
	t.Avail, rest = availability(f[1])
	for _, w := range rest {
		p.errorf(l.no, "unknown attribute %s", w)
	}
	p.spec.Tables = append(p.spec.Tables, t)
	p.body = func(l line) {
		if w := strings.Fields(l.text); len(w) > 0 {
			p.symbol(l, t, w)
		}
	}
}

func (p *parser) symbol(l line, t *Table, w []string) {
	y := &Symbol{Line: l.no, CName: w[0]}
	w = w[1:]
	for len(w) > 0 {
		switch {
		case len(w) > 1 && w[0] == "=" && y.Value == "":
			y.Value, w = w[1], w[2:]
		case len(w) > 1 && w[0] == ":" && y.Number == "":
			y.Number, w = w[1], w[2:]
		case len(w[0]) > 1 && w[0][0] == '@':
			y.Where, w = append(y.Where, w[0][1:]), w[1:]
		default:
			p.errorf(l.no, "a symbol is C_NAME [= VALUE] [: NUMBER] [@WHERE ...]")
			return
		}
	}
	t.Symbols = append(t.Symbols, y)
}

// availability reads "all -x" or "x y" and returns the words that are neither.
func availability(s string) (a Availability, rest []string) {
	for _, w := range strings.Fields(s) {
		switch {
		case w == "all":
			a.All = true
		case w[0] == '-':
			a.Except = append(a.Except, w[1:])
		case w == "noreturn" || strings.Contains(w, "="):
			rest = append(rest, w)
		default:
			a.On = append(a.On, w)
		}
	}
	return a, rest
}

func (p *parser) call(l line) {
	c := &Call{Line: l.no}
	p.body = p.manual(&c.Manual)
	head, tail, ok := strings.Cut(l.text, ") -> ")
	name, args, ok2 := strings.Cut(head, "(")
	if !ok || !ok2 || !isLowerName(name) {
		p.errorf(l.no, "neither a declaration nor a call: NAME(ARGUMENTS) -> RESULT ; AVAILABILITY ; MANUAL ; DOC")
		return
	}
	c.Name = name
	p.arguments(l, c, args)
	f := p.fields(l, tail, "result type", "availability", "manual page", "documentation")
	c.Result, c.Doc = f[0], f[3]
	if f[2] != "-" {
		c.Page = f[2]
	}
	var rest []string
	c.Avail, rest = availability(f[1])
	for _, w := range rest {
		p.attribute(l, c, w)
	}
	p.spec.Calls = append(p.spec.Calls, c)
}

func (p *parser) attribute(l line, c *Call, s string) {
	key, value, _ := strings.Cut(s, "=")
	switch {
	case s == "noreturn":
		c.NoReturn = true
	case key == "go" && value != "":
		c.Method = value
	case key == "guard" && strings.Contains(value, ":"):
		c.Guard.Method, c.Guard.Errno, _ = strings.Cut(value, ":")
	default:
		p.errorf(l.no, "unknown attribute %s", s)
	}
}

func (p *parser) arguments(l line, c *Call, s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	for _, part := range strings.Split(s, ",") {
		w := strings.Fields(part)
		if len(w) != 2 {
			p.errorf(l.no, "argument %q is not of the form \"Name form\"", strings.TrimSpace(part))
			continue
		}
		form, param, ok := parenthesis(w[1])
		if !ok {
			p.errorf(l.no, "argument %s: malformed %s", w[0], w[1])
			continue
		}
		c.Args = append(c.Args, &Arg{w[0], form, param})
	}
}

// manual returns the reader of manual text into m.
func (p *parser) manual(m *Manual) func(line) {
	paragraph := false // the item above is a paragraph that goes on
	var last *string   // text of the item above, for continuation
	return func(l line) {
		text := l.text
		switch {
		case strings.TrimSpace(text) == "":
			paragraph, last = false, nil
			return
		case strings.HasPrefix(text, "  "):
			if last == nil {
				p.errorf(l.no, "nothing above to continue")
				return
			}
			*last += " " + strings.TrimSpace(text)
			return
		}
		sigil, rest := text[0], strings.TrimSpace(text[1:])
		switch sigil {
		case '>':
			m.Examples = append(m.Examples, strings.TrimPrefix(text[1:], " "))
			paragraph, last = false, nil
		case '+':
			m.See = append(m.See, names(l, rest)...)
			paragraph, last = false, nil
		case '*':
			m.Blocks = append(m.Blocks, Block{true, rest})
			paragraph, last = false, &m.Blocks[len(m.Blocks)-1].Text
		case '@':
			paragraph, last = false, p.note(l, &m.Args, rest)
		case '!':
			paragraph, last = false, p.note(l, &m.Errors, rest)
		default:
			if paragraph {
				*last += " " + text
				return
			}
			m.Blocks = append(m.Blocks, Block{false, text})
			paragraph, last = true, &m.Blocks[len(m.Blocks)-1].Text
		}
	}
}

func (p *parser) note(l line, list *[]Note, s string) *string {
	key, text, _ := strings.Cut(s, " ")
	if strings.TrimSpace(text) == "" {
		p.errorf(l.no, "nothing said about %s", key)
	}
	*list = append(*list, Note{l.no, key, strings.TrimSpace(text)})
	return &(*list)[len(*list)-1].Text
}
