// Command alcove is the port program of the Erlang library alcove: a control plane
// for system processes. It is started by Erlang, not by hand; see README.md.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
//go:debug decoratemappings=0
package main

import (
	"alcove/calls"
	"alcove/dispatch"
	"alcove/internal/boot"
	"alcove/internal/cmdline"
	"alcove/internal/fdnum"
	"alcove/internal/inherited"
	"alcove/internal/signal"
	"alcove/internal/sys"
	"alcove/internal/thread"
	"alcove/internal/title"

	"golang.org/x/sys/unix"
)

// Exit statuses of a program that cannot start.
const (
	notAlone   = 71 // EX_OSERR of sysexits.h
	noMemory   = int32(unix.ENOMEM)
	noFifo     = int32(unix.EINVAL)
	notReadied = int32(unix.EIO)
)

// loop is a variable of the package: nothing of it may move.
var loop dispatch.Loop

func main() {
	if !thread.Alone() {
		sys.Write(fdnum.Stderr, []byte("alcove: the Go runtime's threads do not end; cannot fork safely\n"))
		sys.Exit(notAlone)
	}
	files := inherited.OpenFiles()
	must(sys.Setrlimit(unix.RLIMIT_NOFILE, &files))
	p := &loop.Process
	p.Title = title.Find()
	if !p.Environ.Load(p.Title.Environ()) {
		p.Title.Freeze()
	}
	config, refusal := cmdline.Parse(p.Title.Args(), files.Cur, p.Environ.Has("POSIXLY_CORRECT"))
	if refusal != nil {
		sys.Write(fdnum.Stderr, []byte(refusal.Message))
		sys.Exit(refusal.Status)
	}
	p.Depth = config.Depth
	p.Options = calls.DefaultOptions()
	p.Options.OversizedBadarg = config.OversizedBadarg
	if p.Children.Resize(config.MaxChild) != 0 {
		sys.Exit(noMemory)
	}
	if config.Reexec {
		takeOver()
	} else {
		start(config)
	}
	sys.SetMask(inherited.Mask())
	loop.Start()
	if loop.Ready() != 0 {
		sys.Exit(notReadied)
	}
	loop.Run()
}

// takeOver continues as the control process that this program was executed in:
// descriptors and limits stay, only SIGCHLD is caught.
func takeOver() {
	signal.Restore(inherited.Ignored())
	must(signal.Set(int32(unix.SIGCHLD), signal.Info))
	loop.Process.HasControl = sys.IsSocket(fdnum.Control)
}

// start prepares the port process.
func start(config cmdline.Config) {
	must(boot.Stack())
	if !config.HasFifo {
		sys.Exit(noFifo)
	}
	must(boot.MakeRoom())
	must(boot.SignalPipe())
	signal.CatchAll(inherited.Ignored())
	must(boot.Fifo(config.Fifo))
}

// must ends a program that cannot start; the error number is its exit status.
func must(errno sys.Errno) {
	if errno != 0 {
		sys.Exit(int32(errno))
	}
}
