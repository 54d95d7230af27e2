package brokers

import "syscall"

// endsWithUs has the kernel kill the server when this process dies, also of a
// panic or a time-out, when no cleanup runs.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
