package main

import (
	"fmt"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

func lower(s string) string                 { return strings.ToLower(s) }
func contains(list []string, s string) bool { return slices.Contains(list, s) }

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// isWord reports whether s is made of letters, digits and underscores only.
func isWord(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isLowerName(s string) bool      { return isWord(s) && s[0] >= 'a' && s[0] <= 'z' }
func isErlangVariable(s string) bool { return isWord(s) && s[0] >= 'A' && s[0] <= 'Z' }
func isCName(s string) bool          { return isWord(s) && !isDigit(s[0]) }

// isNumber reports whether s is an integer as Go writes it.
func isNumber(s string) bool {
	_, err := strconv.ParseInt(s, 0, 64)
	return err == nil
}

// isPage reports whether s is a manual page such as open(2).
func isPage(s string) bool {
	name, section, ok := parenthesis(s)
	return ok && isWord(name) && len(section) == 1 && isDigit(section[0])
}

// camel turns iolist_to_bin into iolistToBin; the empty word behind a final
// underscore leaves it in place.
func camel(s string) string {
	words := strings.Split(s, "_")
	for i, w := range words {
		if i > 0 && w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// goMethod is the method of Process that makes the call.
func goMethod(c *Call) string {
	if c.Method != "" {
		return c.Method
	}
	return camel(c.Name)
}

// goStub is the function that decodes the arguments of the call.
func goStub(c *Call) string { return "stub" + strings.ToUpper(c.Name[:1]) + camel(c.Name)[1:] }

// goVariable is the Go variable for an argument: OSPid becomes osPid, and a word
// that Go keeps to itself gets an underscore.
func goVariable(arg string) string {
	n := 0
	for n < len(arg) && arg[n] >= 'A' && arg[n] <= 'Z' {
		n++
	}
	if n > 1 && n < len(arg) {
		n-- // the last capital starts the next word
	}
	v := lower(arg[:n]) + arg[n:]
	if token.IsKeyword(v) {
		return v + "_"
	}
	return v
}

// goTable is the variable that holds the constants of a table.
func goTable(name string) string { return camel(name) + "Constants" }

var closing = map[byte]byte{'(': ')', '[': ']', '{': '}'}

// typeNames returns the local types that an Erlang type uses, remote ones
// (mod:name()) left out, or what is wrong with its brackets.
func typeNames(s string) ([]string, error) {
	var used []string
	var open []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case closing[c] != 0:
			open = append(open, closing[c])
		case strings.IndexByte(")]}", c) >= 0:
			if len(open) == 0 || open[len(open)-1] != c {
				return nil, fmt.Errorf("unexpected %c", c)
			}
			open = open[:len(open)-1]
		case isLetter(c) && (i == 0 || s[i-1] != '#'):
			word := wordAt(s, i)
			end := i + len(word)
			remote := i > 0 && s[i-1] == ':' && (i < 2 || s[i-2] != ':')
			if end < len(s) && s[end] == '(' && !remote {
				used = append(used, word)
			}
			i = end - 1
		case isDigit(c):
			i += len(numberAt(s, i)) - 1
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("missing %c", open[len(open)-1])
	}
	return used, nil
}

func wordAt(s string, i int) string {
	end := i
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end])) {
		end++
	}
	return s[i:end]
}

// numberAt is an Erlang integer such as 16#7f.
func numberAt(s string, i int) string {
	end := i
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end]) || s[end] == '#') {
		end++
	}
	return s[i:end]
}
