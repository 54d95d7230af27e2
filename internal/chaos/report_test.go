//go:build servers

package chaos_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
)

// report prints what became of a round, and keeps it.
func (a *arena) report(v verdict) {
	a.verdicts = append(a.verdicts, v)
	line, err := json.Marshal(v)
	require.NoError(a.t, err)
	a.t.Logf("%s", line)
	folder := filepath.Join("..", "..", "out", "chaos")
	require.NoError(a.t, os.MkdirAll(folder, 0o755))
	f, err := os.OpenFile(filepath.Join(folder, "rounds.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(a.t, err)
	_, err = f.Write(append(line, '\n'))
	require.NoError(a.t, err)
	require.NoError(a.t, f.Close())
}

// time notes how late the final sliding windows came, and when the last one came that
// was late because of the trouble.
func (v *verdict) time(got []arrival, healed time.Time) {
	known := map[string]bool{}
	for _, a := range got {
		e := a.event
		if known[e.ID] || e.State != features.Final || e.Window.Kind != features.Sliding {
			continue
		}
		known[e.ID] = true
		late := a.at.Sub(e.Window.End)
		v.delays = append(v.delays, late)
		if since := a.at.Sub(healed); late > inTime && since > v.recovery {
			v.recovery = since
		}
	}
}

// inTime is how long after the end of its window a final score usually comes: the
// lateness of two seconds, a second until something closes it, and some room.
const inTime = 4 * time.Second

func (v *verdict) summarise() {
	slices.Sort(v.delays)
	if n := len(v.delays); n > 0 {
		v.Delay, v.SlowestDelay = v.delays[n/2].Seconds(), v.delays[n-1].Seconds()
	}
	v.Recovery = v.recovery.Seconds()
}

// table sums the rounds of each kind up, as docs/reliability.md has them.
func table(verdicts []verdict) string {
	var out strings.Builder
	out.WriteString("| trouble | rounds | final events | lost | contradicted | out of order | Redis behind | poison lost | repeats | recovery, median and most |\n|---|---|---|---|---|---|---|---|---|---|\n")
	var kinds []string
	of := map[string][]verdict{}
	for _, v := range verdicts {
		if of[v.Kind] == nil {
			kinds = append(kinds, v.Kind)
		}
		of[v.Kind] = append(of[v.Kind], v)
	}
	for _, kind := range kinds {
		var sum verdict
		var recovery []float64
		for _, v := range of[kind] {
			sum.Events += v.Events
			sum.Lost += v.Lost
			sum.Different += v.Different + v.Unexpected
			sum.Backwards += v.Backwards
			sum.Behind += v.Behind
			sum.LettersLost += v.LettersLost
			sum.DeadLetters += v.DeadLetters
			sum.Repeated += v.Repeated
			recovery = append(recovery, v.Recovery)
		}
		slices.Sort(recovery)
		fmt.Fprintf(&out, "| %s | %d | %d | %d | %d | %d | %d | %d of %d | %d | %.1f s, %.1f s |\n", kind, len(recovery), sum.Events, sum.Lost, sum.Different,
			sum.Backwards, sum.Behind, sum.LettersLost, sum.DeadLetters, sum.Repeated, recovery[len(recovery)/2], recovery[len(recovery)-1])
	}
	return out.String()
}
