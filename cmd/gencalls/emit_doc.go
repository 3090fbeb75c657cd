package main

import (
	"bytes"
	"fmt"
	"strings"
)

// callDoc is the EDoc text of a call.
func callDoc(s *Spec, c *Call) string {
	var b strings.Builder
	b.WriteString(edocText(c.Doc))
	if len(c.Manual.Blocks) > 0 {
		b.WriteString("\n\n" + edocBlocks(c.Manual.Blocks))
	}
	if len(c.Args) > 0 {
		b.WriteString("\n\nArguments:\n<ul>")
		for _, a := range c.Args {
			fmt.Fprintf(&b, "\n<li>%s: %s</li>", edocText("`"+a.Name+"`"), edocText(argText(s, c, a)))
		}
		b.WriteString("\n</ul>")
	}
	if len(c.Manual.Errors) > 0 {
		b.WriteString("\n\nErrors:\n<ul>")
		for _, e := range c.Manual.Errors {
			fmt.Fprintf(&b, "\n<li>%s: %s</li>", edocText("`"+e.Key+"`"), edocText(e.Text))
		}
		b.WriteString("\n</ul>")
	}
	if len(c.Manual.Examples) > 0 {
		b.WriteString("\n\nExample:\n```\n" + strings.Join(c.Manual.Examples, "\n") + "'''")
	}
	b.WriteString("\n\n" + edocText(availableText(s, c)))
	if c.Page != "" {
		fmt.Fprintf(&b, " Manual page: %s.", edocText(c.Page))
	}
	return b.String()
}

func edocBlocks(blocks []Block) string {
	var b strings.Builder
	for i, x := range blocks {
		starts := x.Item && (i == 0 || !blocks[i-1].Item)
		ends := x.Item && (i == len(blocks)-1 || !blocks[i+1].Item)
		switch {
		case starts && i > 0:
			b.WriteString("\n<ul>\n")
		case starts:
			b.WriteString("<ul>\n")
		case x.Item:
			b.WriteString("\n")
		case i > 0:
			b.WriteString("\n\n")
		}
		if x.Item {
			fmt.Fprintf(&b, "<li>%s</li>", edocText(x.Text))
		} else {
			b.WriteString(edocText(x.Text))
		}
		if ends {
			b.WriteString("\n</ul>")
		}
	}
	return b.String()
}

// xhtml escapes what EDoc takes for markup.
var xhtml = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "[", "&#91;", "]", "&#93;", "'", "&apos;", "`", "&#96;", "{@", "&#123;@")

// edocText escapes text and makes `code` of it, lines wrapped.
func edocText(s string) string {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		switch {
		case i%2 == 1:
			b.WriteString("<code>" + xhtml.Replace(part) + "</code>")
		default:
			b.WriteString(xhtml.Replace(part))
		}
	}
	return wrap(b.String())
}

// wrap breaks text between words at the width of a comment.
func wrap(s string) string {
	var b strings.Builder
	col := 0
	for i, w := range strings.Fields(s) {
		if i > 0 {
			if col+1+len(w) > width-3 {
				b.WriteByte('\n')
				col = 0
			} else {
				b.WriteByte(' ')
				col++
			}
		}
		b.WriteString(w)
		col += len(w)
	}
	return b.String()
}

// argText says what an argument may be: the note of the call, then its form.
func argText(s *Spec, c *Call, a *Arg) string {
	f := s.form(a.Form)
	text := f.Doc
	if a.Param != "" {
		switch f.Param {
		case tableParam:
			text = fmt.Sprintf("%s Symbols: table `%s`.", text, a.Param)
		case sizeParam:
			text = strings.ReplaceAll(strings.ReplaceAll(text, " N bytes", " "+a.Param+" bytes"), "to N ", "to "+a.Param+" ")
		}
	}
	if note := argNote(c, a); note != "" {
		return note + " " + text
	}
	return text
}

// argNote is what the manual of the call says about an argument.
func argNote(c *Call, a *Arg) string {
	for _, n := range c.Manual.Args {
		if n.Key == a.Name {
			return n.Text
		}
	}
	return ""
}

// availableText says where the call exists.
func availableText(s *Spec, c *Call) string {
	where := where(s, c.Avail)
	if c.Avail.Has(s.os()) {
		return "Available on " + where + "."
	}
	return fmt.Sprintf("Available on %s only: raises `undef` on %s.", where, s.title(s.os()))
}

func where(s *Spec, a Availability) string {
	switch {
	case a.All && len(a.Except) == 0:
		return "all systems"
	case a.All:
		return "all systems but " + titles(s, a.Except)
	}
	return titles(s, a.On)
}

// titles is "A, B and C".
func titles(s *Spec, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = s.title(n)
	}
	last := len(out) - 1
	if last == 0 {
		return out[0]
	}
	return strings.Join(out[:last], ", ") + " and " + out[last]
}

// manualBlocks are the parts of docs/calls.md that come from the spec.
var manualBlocks = map[string]block{
	"index":   mdIndex,
	"forms":   mdForms,
	"types":   mdTypes,
	"symbols": mdSymbols,
	"calls":   mdCalls,
}

func mdIndex(s *Spec, b *bytes.Buffer) {
	b.WriteString("| no. | call | does | available |\n|---|---|---|---|\n")
	for i, c := range s.Calls {
		fmt.Fprintf(b, "| %d | [%s](#%s) | %s | %s |\n", i, signature(c, ""), anchor(c), c.Doc, where(s, c.Avail))
	}
}

// heading and anchor: the anchor is what Markdown makes of the heading.
func heading(c *Call) string { return fmt.Sprintf("%s/%d", c.Name, len(c.Args)) }
func anchor(c *Call) string  { return fmt.Sprintf("%s%d", c.Name, len(c.Args)) }

// signature is "name(A, B)" behind a prefix for arguments that all calls have.
func signature(c *Call, prefix string) string {
	var args []string
	if prefix != "" {
		args = append(args, prefix)
	}
	for _, a := range c.Args {
		args = append(args, a.Name)
	}
	return c.Name + "(" + strings.Join(args, ", ") + ")"
}

// cell escapes what would end a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func mdForms(s *Spec, b *bytes.Buffer) {
	b.WriteString("| form | Erlang type | accepts |\n|---|---|---|\n")
	for _, f := range s.Forms {
		name := f.Name
		if f.Param != noParam {
			name += "(" + f.Param + ")"
		}
		fmt.Fprintf(b, "| %s | `%s` | %s |\n", name, cell(f.Type), cell(f.Doc))
	}
}

func mdTypes(s *Spec, b *bytes.Buffer) {
	b.WriteString("| type | definition | meaning |\n|---|---|---|\n")
	for _, t := range s.Types {
		fmt.Fprintf(b, "| `%s()` | `%s` | %s |\n", t.Name, cell(t.Def), cell(t.Doc))
	}
}

func mdSymbols(s *Spec, b *bytes.Buffer) {
	for _, t := range s.Tables {
		if !t.Avail.Has(s.os()) {
			continue
		}
		fmt.Fprintf(b, "### Table %s\n\n%s ", t.Name, t.Doc)
		if c := s.lookup(t); c != nil {
			fmt.Fprintf(b, "Numbers: [%s](#%s).\n\n", signature(c, ""), anchor(c))
		} else {
			b.WriteString("Numbers: `alcove:define/3`.\n\n")
		}
		var common, rare []string
		for _, y := range t.Symbols {
			switch {
			case !s.onTarget(y):
			case len(y.Where) == 0:
				common = append(common, "`"+y.Atom()+"`")
			default:
				rare = append(rare, fmt.Sprintf("`%s` (%s)", y.Atom(), strings.Join(y.Where, ", ")))
			}
		}
		b.WriteString(wrap(strings.Join(common, ", ")) + "\n\n")
		if len(rare) > 0 {
			b.WriteString("On some architectures only: " + wrap(strings.Join(rare, ", ")) + "\n\n")
		}
	}
}

func mdCalls(s *Spec, b *bytes.Buffer) {
	for i, c := range s.Calls {
		fmt.Fprintf(b, "### %s\n\n%s\n\n", heading(c), c.Doc)
		mdSynopsis(s, b, c)
		mdBlocks(b, c.Manual.Blocks)
		mdArguments(s, b, c)
		mdErrors(b, c)
		if len(c.Manual.Examples) > 0 {
			fmt.Fprintf(b, "Example:\n\n```erlang\n%s\n```\n\n", strings.Join(c.Manual.Examples, "\n"))
		}
		fmt.Fprintf(b, "Number on the wire: %d. %s", i, availableText(s, c))
		if c.NoReturn {
			b.WriteString(" Success ends the control process: there is no reply, the closing of its control descriptor answers `ok`.")
		}
		b.WriteString(mdPage(s, c))
		b.WriteString("\n\n")
		if len(c.Manual.See) > 0 {
			b.WriteString("See also:")
			for k, n := range c.Manual.See {
				sep := ","
				if k == len(c.Manual.See)-1 {
					sep = "."
				}
				other := s.call(n.Text)
				fmt.Fprintf(b, " [%s](#%s)%s", heading(other), anchor(other), sep)
			}
			b.WriteString("\n\n")
		}
	}
}

// mdPage names the manual page, with a link if it is about a call of the target.
func mdPage(s *Spec, c *Call) string {
	switch {
	case c.Page == "":
		return ""
	case !c.Avail.Has(s.os()):
		return fmt.Sprintf(" Manual page: %s.", c.Page)
	}
	name, section, _ := parenthesis(c.Page)
	return fmt.Sprintf(" Manual page: [%s](https://man7.org/linux/man-pages/man%s/%s.%s.html).", c.Page, section, name, section)
}

func mdSynopsis(s *Spec, b *bytes.Buffer, c *Call) {
	fmt.Fprintf(b, "```erlang\nalcove:%s ->\n", signature(c, "Drv, Pids"))
	fmt.Fprintf(b, "    %s\n", strings.Join(splitUnion(c.Result), " |\n    "))
	if len(c.Args) > 0 {
		b.WriteString("\n")
	}
	for _, a := range c.Args {
		fmt.Fprintf(b, "%s :: %s\n", a.Name, s.form(a.Form).Type)
	}
	b.WriteString("```\n\n")
}

func mdBlocks(b *bytes.Buffer, blocks []Block) {
	for i, x := range blocks {
		if x.Item {
			b.WriteString("* " + x.Text + "\n")
			if i == len(blocks)-1 || !blocks[i+1].Item {
				b.WriteString("\n")
			}
			continue
		}
		b.WriteString(wrap(x.Text) + "\n\n")
	}
}

func mdArguments(s *Spec, b *bytes.Buffer, c *Call) {
	if len(c.Args) == 0 {
		return
	}
	b.WriteString("| argument | form | meaning |\n|---|---|---|\n")
	for _, a := range c.Args {
		form := a.Form
		if a.Param != "" {
			form += "(" + a.Param + ")"
		}
		text := argNote(c, a)
		if text == "" {
			text = argText(s, c, a)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", a.Name, form, cell(text))
	}
	b.WriteString("\n")
}

func mdErrors(b *bytes.Buffer, c *Call) {
	if len(c.Manual.Errors) == 0 {
		return
	}
	b.WriteString("| error | when |\n|---|---|\n")
	for _, e := range c.Manual.Errors {
		fmt.Fprintf(b, "| `%s` | %s |\n", e.Key, cell(e.Text))
	}
	b.WriteString("\n")
}
