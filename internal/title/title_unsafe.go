package title

import "unsafe"

// auxv is the auxiliary vector where the kernel put it: behind the environment
// pointers on the initial stack (execve(2), getauxval(3)). The runtime keeps this
// function for packages outside the standard library. os.Args would do for the
// arguments, but importing os raises RLIMIT_NOFILE, which children must not see.
//
//go:linkname auxv runtime.getAuxv
func auxv() []uintptr

// Find locates the area of this process.
func Find() Area {
	vector := auxv()
	if len(vector) == 0 {
		return Area{}
	}
	// Below the auxiliary vector: a null word, the environment pointers, a null
	// word, the argument pointers, the number of arguments.
	p := unsafe.Add(unsafe.Pointer(unsafe.SliceData(vector)), -wordSize)
	env := below(&p, func(_, word uintptr) bool { return word == 0 })
	args := below(&p, func(n uintptr, word uintptr) bool { return word == n })
	var a Area
	a.args, a.env = copies(args), copies(env)
	if len(args) == 0 {
		return a
	}
	a.name = []byte(a.args[0])
	// The region ends where the strings stop being back to back.
	end := args[0]
	for _, list := range [...][]*byte{args, env} {
		for _, s := range list {
			if s != end {
				break
			}
			end = (*byte)(unsafe.Add(unsafe.Pointer(s), length(s)+1))
		}
	}
	a.region = unsafe.Slice(args[0], uintptr(unsafe.Pointer(end))-uintptr(unsafe.Pointer(args[0])))
	return a
}

// below returns the words under the null word at *p, down to the one for which
// last holds, and moves *p to that one.
func below(p *unsafe.Pointer, last func(n, word uintptr) bool) []*byte {
	for n := uintptr(0); ; n++ {
		next := unsafe.Add(*p, -wordSize)
		if last(n, *(*uintptr)(next)) {
			words := unsafe.Slice((**byte)(*p), n)
			*p = next
			return words
		}
		*p = next
	}
}

const wordSize = int(unsafe.Sizeof(uintptr(0)))

func copies(list []*byte) []string {
	v := make([]string, len(list))
	for i, s := range list {
		v[i] = string(unsafe.Slice(s, length(s)))
	}
	return v
}

func length(s *byte) int {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(s), n)) != 0 {
		n++
	}
	return n
}
