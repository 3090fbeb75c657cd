package main

// Spec is gen/calls.spec as parsed: declarations in file order, names not yet
// resolved. The grammar stands at the top of that file.
type Spec struct {
	File      string
	Targets   []Target
	Platforms []Platform
	Builtins  []Name
	Frozen    Frozen
	Types     []*Type
	Forms     []*Form
	Tables    []*Table
	Calls     []*Call
}

// Name is a bare name and the line it stands on.
type Name struct {
	Line int
	Text string
}

// Platform is a system or ABI that availabilities and marks may name.
type Platform struct {
	Line        int
	Name, Title string
}

// Target is one build of the port program.
type Target struct {
	Line     int
	OS, Arch string
}

// Frozen says which calls have their numbers for ever: the first Count, of which
// the last is called Last. At most Max calls fit the protocol.
type Frozen struct {
	Line  int
	Count int
	Last  string
	Max   int
}

// Type is a type of module alcove.
type Type struct {
	Line int
	Name string
	Def  string // Erlang
	Doc  string
}

// Parameter kinds of a form.
const (
	noParam    = ""
	tableParam = "T"
	sizeParam  = "N"
)

// Form is a form of argument.
type Form struct {
	Line   int
	Name   string
	Param  string // noParam, tableParam or sizeParam
	Method string // of the Go type args
	Lookup bool
	Type   string // Erlang
	Doc    string
}

// Table is a list of symbols in order of look-up.
type Table struct {
	Line    int
	Name    string
	Avail   Availability
	Doc     string
	Symbols []*Symbol
}

// Symbol is one entry of a Table.
type Symbol struct {
	Line   int
	CName  string
	Value  string // number or C name; empty: CName
	Number string // what alcove_proto answers; empty: a call answers
	Where  []string
}

// Atom is the name on the wire.
func (s *Symbol) Atom() string { return lower(s.CName) }

// Availability tells which systems have a call or a table.
type Availability struct {
	All    bool
	On     []string
	Except []string
}

// Has reports whether the system os has it.
func (a Availability) Has(os string) bool {
	if a.All {
		return !contains(a.Except, os)
	}
	return contains(a.On, os)
}

// Call is one call; its index in Spec.Calls is its number on the wire.
type Call struct {
	Line     int
	Name     string
	Args     []*Arg
	Result   string // Erlang type
	Avail    Availability
	NoReturn bool
	Method   string // of Process; empty: the name in camel case
	Guard    Guard
	Page     string // manual page; empty: none
	Doc      string
	Manual   Manual
}

// Guard is a predicate of Process that must hold before arguments are decoded;
// else the call fails with Errno. Without a Method there is none.
type Guard struct{ Method, Errno string }

// Arg is one argument of a Call.
type Arg struct {
	Name  string
	Form  string
	Param string // as written; empty: none
}

// Manual is the text below a call.
type Manual struct {
	Blocks   []Block
	Args     []Note // Key: name of the argument
	Errors   []Note // Key: errno
	Examples []string
	See      []Name
}

// Block is a paragraph or, with Item set, an item of a list.
type Block struct {
	Item bool
	Text string
}

// Note is a text about something.
type Note struct {
	Line      int
	Key, Text string
}

// call, form, table and typ find a declaration by name; nil when there is none.
func (s *Spec) call(name string) *Call {
	return find(s.Calls, name, func(c *Call) string { return c.Name })
}
func (s *Spec) form(name string) *Form {
	return find(s.Forms, name, func(f *Form) string { return f.Name })
}
func (s *Spec) table(name string) *Table {
	return find(s.Tables, name, func(t *Table) string { return t.Name })
}
func (s *Spec) typ(name string) *Type {
	return find(s.Types, name, func(t *Type) string { return t.Name })
}

// title is what the manual calls a system.
func (s *Spec) title(name string) string {
	for _, p := range s.Platforms {
		if p.Name == name && p.Title != "" {
			return p.Title
		}
	}
	return name
}

// os is the system that the port program is built for.
func (s *Spec) os() string {
	if len(s.Targets) == 0 {
		return "" // a mistake that check reports
	}
	return s.Targets[0].OS
}

// lookup is the call that turns symbols of table t into numbers; nil: none does.
func (s *Spec) lookup(t *Table) *Call {
	for _, c := range s.Calls {
		if f := s.lookupForm(c); f != nil && c.Args[0].Param == t.Name {
			return c
		}
	}
	return nil
}

// lookupForm is the form of the argument of a look-up call, nil for other calls.
func (s *Spec) lookupForm(c *Call) *Form {
	if len(c.Args) != 1 {
		return nil
	}
	if f := s.form(c.Args[0].Form); f != nil && f.Lookup {
		return f
	}
	return nil
}

// used reports whether an argument of a call that the port program has is looked
// up in t.
func (s *Spec) used(t *Table) bool {
	for _, c := range s.Calls {
		if !c.Avail.Has(s.os()) {
			continue
		}
		for _, a := range c.Args {
			if f := s.form(a.Form); f != nil && f.Param == tableParam && a.Param == t.Name {
				return true
			}
		}
	}
	return false
}

// onTarget reports whether any build of the port program has the symbol.
func (s *Spec) onTarget(y *Symbol) bool {
	for _, t := range s.Targets {
		if y.on(t.Arch) {
			return true
		}
	}
	return false
}

// on reports whether the symbol exists on arch.
func (y *Symbol) on(arch string) bool { return len(y.Where) == 0 || contains(y.Where, arch) }

func find[T any](list []*T, name string, key func(*T) string) *T {
	for _, x := range list {
		if key(x) == name {
			return x
		}
	}
	return nil
}
