package dispatch

import (
	"alcove/etf"
	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/sys"
)

// write writes the whole of b to standard output.
func (l *Loop) write(b []byte) sys.Errno {
	sys.SetIovec(&l.part[0], b)
	return l.writev(l.part[:])
}

// writev writes all parts to standard output, as a rule in one system call. A
// signal that interrupts it is reported later.
func (l *Loop) writev(parts []sys.Iovec) sys.Errno {
	for len(parts) > 0 {
		n, errno := sys.Writev(fdnum.Stdout, parts)
		if errno == sys.EINTR {
			continue
		}
		if errno != 0 {
			return errno
		}
		l.Process.Output += uint64(n)
		for len(parts) > 0 && n >= int(parts[0].Len) {
			n -= int(parts[0].Len)
			parts = parts[1:]
		}
		if len(parts) > 0 {
			sys.Advance(&parts[0], n)
		}
	}
	return 0
}

// sendReply sends the reply of a call. A process that cannot answer ends.
func (l *Loop) sendReply() {
	n := l.Process.Reply.Len()
	putHeader(reply[:], typeCall, n)
	if errno := l.write(reply[:headerSize+n]); errno != 0 {
		l.shutdown(errno)
	}
}

// notice begins the term of a frame that this process makes up.
func (l *Loop) notice() *etf.Encoder {
	e := &l.notices
	e.Reset(noticeSize)
	e.Version()
	return e
}

// sendNotice sends the notice as a frame of this process.
func (l *Loop) sendNotice(kind int) sys.Errno {
	n := l.notices.Len()
	frame := notice[proxySize : proxySize+headerSize+n]
	putHeader(frame, kind, n)
	return l.write(frame)
}

// sendNoticeOf sends the notice in the name of a child.
func (l *Loop) sendNoticeOf(pid uint32, kind int) {
	n := headerSize + l.notices.Len()
	frame := notice[:proxySize+n]
	putProxy(frame, typeProxy, pid, n)
	putHeader(frame[proxySize:], kind, l.notices.Len())
	if errno := l.write(frame); errno != 0 {
		l.shutdown(errno)
	}
}

// sendCtl tells about the descriptors of a child.
func (l *Loop) sendCtl(s *child.Slot, atom string) {
	l.notice().Atom(atom)
	l.sendNoticeOf(uint32(s.Pid), typeCtl)
}

// batchSize is how many frames of a child are relayed in one write at the most.
const batchSize = 32

// batch is frames of a child, each with the header that puts it into a frame of
// this process.
type batch struct {
	headers [batchSize][proxySize]byte
	parts   [2 * batchSize]sys.Iovec
	n       int
}

// add appends a frame with its length field.
func (b *batch) add(pid uint32, frame []byte) {
	header := b.headers[b.n][:]
	putProxy(header, typeProxy, pid, len(frame))
	sys.SetIovec(&b.parts[2*b.n], header)
	sys.SetIovec(&b.parts[2*b.n+1], frame)
	b.n++
}

func (b *batch) full() bool { return b.n == batchSize }

// flush sends the batch.
func (l *Loop) flush() sys.Errno {
	parts := l.batch.parts[:2*l.batch.n]
	l.batch.n = 0
	return l.writev(parts)
}
