// Package cmdline reads the command line of the port program the way the C
// library's getopt(3) does (wire.md §1).
package cmdline

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/version"
)

// Exit statuses.
const (
	usageStatus = 95
	limitStatus = int32(unix.EAGAIN)
)

// Config is what the command line asks for.
type Config struct {
	// Fifo is the path of the control fifo; HasFifo tells whether it was given.
	Fifo    string
	HasFifo bool
	// Depth is the depth of the process. Reexec is set when it was given: the
	// process replaces a control process and finds its descriptors ready.
	Depth  int
	Reexec bool
	// MaxChild is the size of the child table.
	MaxChild int
	// OversizedBadarg is the option of that name. The original
	// takes any operand and ignores it; this one is known here, so that the driver
	// may give it to either program.
	OversizedBadarg bool
}

// oversizedBadarg is the one operand with a meaning.
const oversizedBadarg = "oversized_badarg"

// Refusal tells why the program cannot start: its exit status and what to say on
// standard error.
type Refusal struct {
	Status  int32
	Message string
}

// maxDepth is the greatest depth of a process.
const maxDepth = 255

// options are the letters of the options; true for those with an argument.
var options = map[byte]bool{'c': true, 'd': true, 'm': true, 'h': false}

// Parse reads args, the program's name first. Every option is checked when it is
// met, so the first mistake decides. nofile is the soft limit of open files;
// posix makes the first operand end the options (POSIXLY_CORRECT in getopt(3)).
func Parse(args []string, nofile uint64, posix bool) (Config, *Refusal) {
	p := parser{nofile: nofile, config: Config{MaxChild: child.DefaultMax(nofile)}}
	if len(args) > 0 {
		p.program = args[0]
		args = args[1:]
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			p.operands(args)
			return p.config, nil
		case len(arg) < 2 || arg[0] != '-':
			p.operand(arg)
			if posix {
				p.operands(args)
				return p.config, nil
			}
		default:
			var refusal *Refusal
			if args, refusal = p.cluster(arg[1:], args); refusal != nil {
				return p.config, refusal
			}
		}
	}
	return p.config, nil
}

type parser struct {
	program string
	nofile  uint64
	config  Config
}

func (p *parser) operands(args []string) {
	for _, arg := range args {
		p.operand(arg)
	}
}

func (p *parser) operand(arg string) {
	p.config.OversizedBadarg = p.config.OversizedBadarg || arg == oversizedBadarg
}

// cluster reads the letters behind a dash; an argument is the rest of the word
// or the next one. It returns the words that are left.
func (p *parser) cluster(letters string, rest []string) ([]string, *Refusal) {
	for i := range len(letters) {
		c := letters[i]
		takes, known := options[c]
		switch {
		case !known:
			return rest, p.usage(": invalid option -- '" + letters[i:i+1] + "'\n")
		case !takes:
			return rest, p.usage("")
		case i+1 < len(letters):
			return rest, p.set(c, letters[i+1:])
		case len(rest) == 0:
			return rest, p.usage(": option requires an argument -- '" + letters[i:i+1] + "'\n")
		default:
			return rest[1:], p.set(c, rest[0])
		}
	}
	return rest, nil
}

func (p *parser) set(option byte, value string) *Refusal {
	switch option {
	case 'c':
		p.config.Fifo, p.config.HasFifo = value, true
	case 'd':
		p.config.Depth, p.config.Reexec = number(value), true
		if p.config.Depth > maxDepth {
			return &Refusal{Status: limitStatus}
		}
	case 'm':
		p.config.MaxChild = number(value)
		if !child.Fits(p.config.MaxChild, p.nofile) {
			return &Refusal{Status: limitStatus}
		}
	}
	return nil
}

// usage is a refusal with the usage text, behind a complaint that begins with the
// full name of the program.
func (p *parser) usage(complaint string) *Refusal {
	name := p.program
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			name = name[i+1:]
			break
		}
	}
	if complaint != "" {
		complaint = p.program + complaint
	}
	return &Refusal{
		Status:  usageStatus,
		Message: complaint + name + " " + version.Number + "\nusage: " + name + " -c <path> [<options>]\n",
	}
}

// number is atoi(3) cut to 16 bits without sign.
func number(s string) int {
	i := 0
	for i < len(s) && (s[i] == ' ' || '\t' <= s[i] && s[i] <= '\r') {
		i++
	}
	negative := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	// atoi goes through a 64-bit integer that stops at its bounds.
	const limit = uint64(1) << 63
	var v uint64
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		digit := uint64(s[i] - '0')
		if v > (limit-digit)/10 {
			v = limit
			break
		}
		v = v*10 + digit
	}
	if negative {
		return int(uint16(-v))
	}
	return int(uint16(min(v, limit-1)))
}
