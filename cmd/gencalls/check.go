package main

import (
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// reserved are the variables that every generated Erlang function has.
var reserved = []string{"Drv", "Pids", "Timeout", "Reply", "Reason"}

type checker struct {
	spec *Spec
	bad  *Diags
}

// check adds every mistake to bad that can be seen only in the whole spec. The
// emitters may rely on what it has found right.
func check(s *Spec, bad *Diags) {
	c := &checker{s, bad}
	c.targets()
	c.types()
	c.forms()
	c.tables()
	c.order()
	methods := map[string]*Call{}
	for _, call := range s.Calls {
		c.call(call, methods)
	}
}

func (c *checker) errorf(line int, format string, args ...any) {
	c.bad.add(c.spec.File, line, format, args...)
}

func (c *checker) targets() {
	s := c.spec
	if len(s.Targets) == 0 {
		c.errorf(1, "no target")
	}
	for _, t := range s.Targets {
		if t.OS != s.os() {
			c.errorf(t.Line, "target %s/%s: only one OS is possible, %s came first", t.OS, t.Arch, s.os())
		}
	}
	seen := map[string]bool{}
	for _, p := range s.Platforms {
		if seen[p.Name] {
			c.errorf(p.Line, "platform %s declared twice", p.Name)
		}
		seen[p.Name] = true
	}
}

// target reports whether name is an OS or architecture of a target.
func (c *checker) target(name string) bool {
	return slices.ContainsFunc(c.spec.Targets, func(t Target) bool { return t.OS == name || t.Arch == name })
}

func (c *checker) types() {
	seen := map[string]int{}
	for _, b := range c.spec.Builtins {
		seen[b.Text] = b.Line
	}
	for _, t := range c.spec.Types {
		if first, dup := seen[t.Name]; dup {
			c.errorf(t.Line, "type %s() declared twice, first in line %d", t.Name, first)
		} else {
			seen[t.Name] = t.Line
		}
		c.erlang(t.Line, t.Def)
		c.doc(t.Line, t.Doc)
	}
}

// erlang checks that an Erlang type is balanced and uses only declared types; a
// missing one was reported by the parser.
func (c *checker) erlang(line int, typ string) {
	if typ == "" {
		return
	}
	used, err := typeNames(typ)
	if err != nil {
		c.errorf(line, "Erlang type %s: %v", typ, err)
		return
	}
	for _, name := range used {
		builtin := slices.ContainsFunc(c.spec.Builtins, func(n Name) bool { return n.Text == name })
		if !builtin && c.spec.typ(name) == nil {
			c.errorf(line, "unknown type %s()", name)
		}
	}
}

// doc wants a sentence; a missing one was reported by the parser.
func (c *checker) doc(line int, s string) {
	if s != "" && !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		c.errorf(line, "documentation is not a sentence: %q", s)
	}
}

func (c *checker) forms() {
	seen := map[string]int{}
	for _, f := range c.spec.Forms {
		if first, dup := seen[f.Name]; dup {
			c.errorf(f.Line, "form %s declared twice, first in line %d", f.Name, first)
		} else {
			seen[f.Name] = f.Line
		}
		if !isGoName(f.Method) {
			c.errorf(f.Line, "%s cannot be the name of a method", f.Method)
		}
		if f.Lookup && f.Param != tableParam {
			c.errorf(f.Line, "form %s: lookup needs a table", f.Name)
		}
		c.erlang(f.Line, f.Type)
		c.doc(f.Line, f.Doc)
	}
}

func (c *checker) tables() {
	seen := map[string]int{}
	for _, t := range c.spec.Tables {
		if first, dup := seen[t.Name]; dup {
			c.errorf(t.Line, "table %s declared twice, first in line %d", t.Name, first)
		} else {
			seen[t.Name] = t.Line
		}
		c.available(t.Line, t.Avail)
		c.doc(t.Line, t.Doc)
		if len(t.Symbols) == 0 {
			c.errorf(t.Line, "table %s is empty", t.Name)
		}
		c.symbols(t)
	}
}

func (c *checker) symbols(t *Table) {
	seen := map[string][]*Symbol{}
	looked := c.spec.lookup(t) != nil
	for _, y := range t.Symbols {
		if !isCName(y.CName) {
			c.errorf(y.Line, "%s is not a C name", y.CName)
		}
		for _, w := range y.Where {
			if !c.target(w) && !c.platform(w) {
				c.errorf(y.Line, "unknown platform @%s", w)
			}
		}
		if y.Value != "" && !isCName(y.Value) && !isNumber(y.Value) {
			c.errorf(y.Line, "value %s is neither a number nor a C name", y.Value)
		}
		if y.Number != "" && !isNumber(y.Number) {
			c.errorf(y.Line, "%s is not a number", y.Number)
		}
		switch {
		case !c.spec.onTarget(y) || !t.Avail.Has(c.spec.os()):
		case looked && y.Number != "":
			c.errorf(y.Line, "%s has a number, but %s answers it", y.CName, c.spec.lookup(t).Name)
		case !looked && y.Number == "":
			c.errorf(y.Line, "%s needs a number, no call answers it", y.CName)
		}
		for _, other := range seen[y.Atom()] {
			if c.overlap(y, other) {
				c.errorf(y.Line, "symbol %s repeats line %d", y.Atom(), other.Line)
			}
		}
		seen[y.Atom()] = append(seen[y.Atom()], y)
	}
}

// overlap reports whether two symbols can exist in one build.
func (c *checker) overlap(a, b *Symbol) bool {
	return slices.ContainsFunc(c.where(a), func(x string) bool { return contains(c.where(b), x) })
}

// where is the list of places that have the symbol.
func (c *checker) where(y *Symbol) []string {
	if len(y.Where) > 0 {
		return y.Where
	}
	var archs []string
	for _, t := range c.spec.Targets {
		archs = append(archs, t.Arch)
	}
	return archs
}

func (c *checker) platform(name string) bool {
	return slices.ContainsFunc(c.spec.Platforms, func(p Platform) bool { return p.Name == name })
}

func (c *checker) available(line int, a Availability) {
	for _, w := range append(slices.Clone(a.On), a.Except...) {
		if !c.target(w) && !c.platform(w) {
			c.errorf(line, "unknown platform %s", w)
		}
	}
	if a.All && len(a.On) > 0 {
		c.errorf(line, "availability is either all or a list of platforms")
	}
	if !a.All && len(a.Except) > 0 {
		c.errorf(line, "-%s only goes with all", a.Except[0])
	}
}

// order holds the calls to their numbers.
func (c *checker) order() {
	s := c.spec
	if s.Frozen.Line == 0 {
		c.errorf(1, "no frozen declaration")
		return
	}
	seen := map[string]int{}
	for i, call := range s.Calls {
		if first, dup := seen[call.Name]; dup {
			c.errorf(call.Line, "call %s declared twice, first in line %d", call.Name, first)
		} else {
			seen[call.Name] = call.Line
		}
		if i > 0 && i < s.Frozen.Count && call.Name < s.Calls[i-1].Name {
			c.errorf(call.Line, "call %s comes after %s: not sorted", call.Name, s.Calls[i-1].Name)
		}
		if i == s.Frozen.Count-1 && call.Name != s.Frozen.Last {
			c.errorf(call.Line, "call number %d is %s, not %s", i, s.Frozen.Last, call.Name)
		}
	}
	if len(s.Calls) < s.Frozen.Count {
		c.errorf(s.Frozen.Line, "%d calls declared, not %d", len(s.Calls), s.Frozen.Count)
	}
	if len(s.Calls) > s.Frozen.Max {
		c.errorf(s.Calls[s.Frozen.Max].Line, "more than %d calls", s.Frozen.Max)
	}
}

func (c *checker) call(call *Call, methods map[string]*Call) {
	c.available(call.Line, call.Avail)
	c.erlang(call.Line, call.Result)
	c.doc(call.Line, call.Doc)
	if call.Page != "" && !isPage(call.Page) {
		c.errorf(call.Line, "%s is not a manual page such as open(2)", call.Page)
	}
	c.arguments(call)
	lookup := c.spec.lookupForm(call) != nil
	method := goMethod(call)
	if !isGoName(method) {
		c.errorf(call.Line, "%s cannot be the name of a method: give another with go=", method)
	}
	if other := methods[method]; other != nil && !(lookup && c.spec.lookupForm(other) != nil) {
		c.errorf(call.Line, "method %s belongs to call %s", method, other.Name)
	}
	methods[method] = call
	c.guard(call)
	c.manual(call)
}

func (c *checker) guard(call *Call) {
	g := call.Guard
	if g.Method == "" {
		return
	}
	if !isGoName(g.Method) {
		c.errorf(call.Line, "guard: %s cannot be the name of a method", g.Method)
	}
	if !contains(c.errnos(), lower(g.Errno)) {
		c.errorf(call.Line, "guard: %s is not in type posix()", lower(g.Errno))
	}
}

// errnos are the members of type posix().
func (c *checker) errnos() []string {
	if t := c.spec.typ("posix"); t != nil {
		return splitUnion(t.Def)
	}
	return nil
}

func (c *checker) arguments(call *Call) {
	seen := map[string]bool{}
	for _, a := range call.Args {
		switch {
		case !isErlangVariable(a.Name):
			c.errorf(call.Line, "argument %s is not an Erlang variable", a.Name)
		case contains(reserved, a.Name):
			c.errorf(call.Line, "argument %s: the name is reserved", a.Name)
		case contains([]string{"p", "a"}, goVariable(a.Name)):
			c.errorf(call.Line, "argument %s: %s is taken in the Go stub", a.Name, goVariable(a.Name))
		case seen[goVariable(a.Name)]:
			c.errorf(call.Line, "argument %s given twice", a.Name)
		}
		seen[goVariable(a.Name)] = true
		f := c.spec.form(a.Form)
		if f == nil {
			c.errorf(call.Line, "argument %s: unknown form %s", a.Name, a.Form)
			continue
		}
		c.parameter(call, a, f)
		if f.Lookup && len(call.Args) != 1 {
			c.errorf(call.Line, "argument %s: form %s must be the only argument", a.Name, f.Name)
		}
	}
}

func (c *checker) parameter(call *Call, a *Arg, f *Form) {
	switch f.Param {
	case noParam:
		if a.Param != "" {
			c.errorf(call.Line, "argument %s: form %s takes no parameter", a.Name, f.Name)
		}
	case sizeParam:
		if n, err := strconv.Atoi(a.Param); err != nil || n <= 0 {
			c.errorf(call.Line, "argument %s: form %s takes a size", a.Name, f.Name)
		}
	case tableParam:
		t := c.spec.table(a.Param)
		switch {
		case a.Param == "":
			c.errorf(call.Line, "argument %s: form %s takes a table", a.Name, f.Name)
		case t == nil:
			c.errorf(call.Line, "argument %s: unknown table %s", a.Name, a.Param)
		case f.Lookup && c.spec.lookup(t) != call && len(call.Args) == 1:
			c.errorf(call.Line, "table %s is looked up by %s already", t.Name, c.spec.lookup(t).Name)
		}
	}
}

func (c *checker) manual(call *Call) {
	for _, n := range call.Manual.Args {
		if !slices.ContainsFunc(call.Args, func(a *Arg) bool { return a.Name == n.Key }) {
			c.errorf(n.Line, "call %s has no argument %s", call.Name, n.Key)
		}
	}
	for _, n := range call.Manual.Errors {
		if !contains(c.errnos(), n.Key) {
			c.errorf(n.Line, "%s is not in type posix()", n.Key)
		}
	}
	for _, n := range call.Manual.See {
		if c.spec.call(n.Text) == nil {
			c.errorf(n.Line, "see also: no call %s", n.Text)
		}
	}
}

func isGoName(s string) bool { return token.IsIdentifier(s) && !token.IsExported(s) }
