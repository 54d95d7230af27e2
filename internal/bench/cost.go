package bench

import (
	"runtime"
	"syscall"
	"time"
)

// cost is what the process has used so far.
type cost struct {
	cpu         time.Duration
	allocations uint64
	bytes       uint64
}

func spent() cost {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for an unknown argument alone
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return cost{
		cpu:         time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		allocations: memory.Mallocs,
		bytes:       memory.TotalAlloc,
	}
}

// stage measures f, as the cost of one second of a call of this length.
func stage(name string, length time.Duration, f func() error) (Stage, error) {
	runtime.GC() // what earlier stages left behind is not this one's cost
	from := spent()
	err := f()
	to := spent()
	seconds := length.Seconds()
	return Stage{
		Name:        name,
		CPU:         float64(to.cpu-from.cpu) / float64(time.Millisecond) / seconds,
		Allocations: float64(to.allocations-from.allocations) / seconds,
		Bytes:       float64(to.bytes-from.bytes) / seconds,
	}, err
}

// peakMemory is the largest resident size of the process so far, in bytes.
func peakMemory() int64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	if runtime.GOOS == "darwin" {
		return usage.Maxrss // bytes there, kilobytes elsewhere
	}
	return usage.Maxrss * 1024
}
