package golden

// mend is what this program does in a step in which the original shows a defect
// of wire.md §9. One of reply, observed and exit is set.
type mend struct {
	defect   string
	reply    string   // the first reply of the step instead, as text
	typ      string   // and its type, if that is another
	maybe    bool     // the recorded reply is right as well: it depends on who is faster
	observed []string // the view instead
	exit     string   // the exit instead
}

const (
	d3  = "D3: a survivor's output is not cut off, the child stays in the table until it ends"
	d9  = "D9: a failed clone leaves no descriptors behind"
	d11 = "D11: 3, 4 and 5 are close-on-exec whatever was open at the start, nothing surplus stays open"
	d16 = "D16: bytes in a flag list are unsigned and a zero ends nothing"
	d18 = "D18: shrinking the table keeps every child"
	d20 = "D20: the end of a structure's list is read with it"
	d21 = "D21: a term that lacks bytes is badarg"
	d22 = "D22: a broken frame ends the port with 0 whatever happened before"
	d32 = "D32: limits are compared as 64 bit numbers"
)

// mended are the steps in which a recorded defect is not repeated. All other
// steps of those scenarios are compared as recorded. Terms that end too early
// (D21) are recognised by their bytes; listed are only those sent as raw data.
var mended = map[stepName]mend{
	{"boot/open-3", 1}: {defect: d11, observed: []string{
		"0 pipe#1 00", "1 pipe#2 01", "2 pipe#3 01", "3 pipe#4 02004000", "4 pipe#4 02004001",
		"5 $BOX/ctl 02104002", "8 /dev/null 0100002",
	}},
	{"boot/open-3-4", 1}: {defect: d11, observed: []string{
		"0 pipe#1 00", "1 pipe#2 01", "2 pipe#3 01", "3 pipe#4 02004000", "4 pipe#4 02004001",
		"5 $BOX/ctl 02104002", "8 /dev/null 0100002", "9 /dev/null 0100002",
	}},
	{"boot/open-3-4", 4}: {defect: d11, observed: []string{
		"0 pipe#1 00", "1 pipe#2 01", "2 pipe#3 01", "3 pipe#4 04000", "4 pipe#4 04001",
		"5 socket#5 02000002", "8 /dev/null 0100002", "9 /dev/null 0100002",
	}},
	{"boot/open-3-8", 1}: {defect: d11, observed: []string{
		"0 pipe#1 00", "1 pipe#2 01", "2 pipe#3 01", "3 pipe#4 02004000", "4 pipe#4 02004001",
		"5 $BOX/ctl 02104002", "8 /dev/null 0100002", "9 /dev/null 0100002",
	}},
	{"const/flags-waitpid", 11}:       {defect: d16, reply: "{error,einval}"},
	{"const/flags-umount2", 12}:       {defect: d16, reply: "{error,einval}"},
	{"const/flags-umount2", 13}:       {defect: d16, reply: "{error,einval}"},
	{"const/flags-umount2", 14}:       {defect: d16, reply: "{error,einval}"},
	{"args/umount2-2", 41}:            {defect: d16, reply: "{error,einval}"},
	{"ns/mount-errors", 10}:           {defect: d16, reply: "ok"},
	{"ns/mount-errors", 16}:           {defect: d16, reply: "ok"}, // the mount of step 10 is there
	{"args/seccomp-3", 59}:            {defect: d20, reply: "badarg"},
	{"args/seccomp-3", 60}:            {defect: d20, reply: "badarg"},
	{"args/seccomp-3", 61}:            {defect: d20, reply: "badarg"},
	{"args/ptrace-3", 51}:             {defect: d20, reply: "{error,esrch}"},
	{"args/ptrace-3", 52}:             {defect: d20, reply: "{error,esrch}"},
	{"args/ptrace-3", 59}:             {defect: d20, reply: "badarg"},
	{"args/ptrace-3", 60}:             {defect: d20, reply: "badarg"},
	{"args/ptrace-3", 63}:             {defect: d20, reply: "{error,esrch}"},
	{"args/ptrace-3", 64}:             {defect: d20, reply: "{error,esrch}"},
	{"ptrace/errors", 7}:              {defect: d20, reply: "{error,esrch}"},
	{"args/prctl-2", 59}:              {defect: d20, reply: "badarg"},
	{"args/prctl-2", 60}:              {defect: d20, reply: "badarg"},
	{"args/prctl-3", 59}:              {defect: d20, reply: "badarg"},
	{"args/prctl-3", 60}:              {defect: d20, reply: "badarg"},
	{"args/prctl-4", 59}:              {defect: d20, reply: "badarg"},
	{"args/prctl-4", 60}:              {defect: d20, reply: "badarg"},
	{"args/prctl-5", 59}:              {defect: d20, reply: "badarg"},
	{"args/prctl-5", 60}:              {defect: d20, reply: "badarg"},
	{"args/prctl-5", 61}:              {defect: d20, reply: "badarg"},
	{"prctl/structure-shifts", 1}:     {defect: d20, reply: `{ok,1,[<<"a">>],1,2,3}`},
	{"prctl/structure-shifts", 2}:     {defect: d20, reply: `{ok,1,1,[<<"a">>,<<"b">>],2,3}`},
	{"prctl/structure-shifts", 3}:     {defect: d20, reply: `{ok,1,1,2,[<<"a">>],3}`},
	{"prctl/structure-shifts", 5}:     {defect: d20, reply: `{ok,1,[<<"a">>],[<<"b">>],1,2}`},
	{"prctl/structure-shifts", 6}:     {defect: d20, reply: `{ok,1,[<<"a">>],[<<"b">>],[<<"c">>],[<<"d">>]}`},
	{"prctl/structure-shifts", 10}:    {defect: d20, reply: "badarg"},
	{"opt/maxchild-hole", 6}:          {defect: d18, reply: "[{alcove_pid,<C>,-1,15,11,17,18,20},{alcove_pid,<B>,-1,15,8,13,14,16}]"},
	{"opt/maxchild-hole", 9}:          {defect: d18, typ: "call", reply: `<<"1.0.1">>`},
	{"id/rlimit-nofile-values", 176}:  {defect: d32, reply: "{error,eperm}"},
	{"id/rlimit-nofile-values", 186}:  {defect: d32, reply: "{error,eperm}"},
	{"id/rlimit-nofile-values", 196}:  {defect: d32, reply: "{error,eperm}"},
	{"id/rlimit-nofile-values", 216}:  {defect: d32, reply: "{error,eperm}"},
	{"frame/child-call-two-bytes", 4}: {defect: d21, reply: "badarg"},
	{"frame/call-two-bytes", 3}:       {defect: d21, reply: "badarg"},
	// The shell may be killed before it has started its sleep, the survivor.
	{"exec/leader-killed", 7}:  {defect: d3, maybe: true, reply: "[{alcove_pid,<C>,-1,15,-2,-1,10,12}]"},
	{"stdio/eof-bad-frame", 7}: {defect: d22, exit: "exit 0"},
	{"ns/clone-bad", 9}: {defect: d9, observed: []string{
		"0 pipe#1 00", "1 pipe#2 01", "2 pipe#3 01", "3 pipe#4 02004000", "4 pipe#4 02004001", "5 $BOX/ctl 02104002",
	}},
}
