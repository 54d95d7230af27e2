package extract

import (
	"fmt"
	"io"
	"time"
)

// Progress writes how far an extraction is: on a terminal one line that changes,
// elsewhere a line now and then.
type Progress struct {
	w        io.Writer
	what     string
	terminal bool
	now      func() time.Time
	begun    time.Time
	shown    time.Time
}

// NewProgress starts the clock of a Progress; what names the work.
func NewProgress(w io.Writer, what string, terminal bool, now func() time.Time) *Progress {
	t := now()
	return &Progress{w: w, what: what, terminal: terminal, now: now, begun: t, shown: t}
}

// Show says that done of total items are done. It is called for every item and
// writes seldom.
func (p *Progress) Show(done, total int) {
	now := p.now()
	pause := 10 * time.Second
	if p.terminal {
		pause = 100 * time.Millisecond
	}
	if done < total && now.Sub(p.shown) < pause {
		return
	}
	p.shown = now
	spent := now.Sub(p.begun)
	left := "done"
	if done < total {
		left = "about " + (spent * time.Duration(total-done) / time.Duration(max(done, 1))).Round(time.Second).String() + " left"
	}
	begin, end := "", "\n"
	if p.terminal {
		begin = "\r\x1b[K"
		if done < total {
			end = ""
		}
	}
	rate := float64(done) / max(spent.Seconds(), 1e-3)
	_, _ = fmt.Fprintf(p.w, "%s%s  %d/%d  %d %%  %.0f/s  %s%s", begin, p.what, done, total, 100*done/max(total, 1), rate, left, end)
}
