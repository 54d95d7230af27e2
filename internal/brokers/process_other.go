//go:build !linux

package brokers

import "syscall"

func endsWithUs() *syscall.SysProcAttr { return nil }
