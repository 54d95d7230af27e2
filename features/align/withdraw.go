package align

import "github.com/valence-live/valence/ingest"

// Withdraw erases what is kept of one stream and gives its Receipts back. The
// windows that are still to be handed out, corrections included, have it absent
// for the reason given up to where it had come; what is pushed afterwards counts
// as ever. Windows that were handed out before are the caller's to discard.
func (a *Aligner) Withdraw(m ingest.Modality, why ingest.Reason) {
	if m >= ingest.NumModalities || a.closed {
		return
	}
	if m == ingest.Text {
		a.text.remove(func(*segment) bool { return true })
		a.done = nil // they remember tokens
	}
	steps := a.steps[m].all
	for i := range steps {
		steps[i].Receipt.Release()
		steps[i].Receipt = nil
		steps[i].Values, steps[i].Reason = nil, why
	}
	a.tracks[m].withdraw(why)
	a.scratch.vectors[m] = nil
	if m == ingest.Text {
		a.scratch.before = before{}
	}
}

// withdraw explains all that is known of the track by one reason.
func (t *track) withdraw(why ingest.Reason) {
	t.gaps = t.gaps[:0]
	t.explain(t.begin, t.reach(), why)
}
