package model

import (
	"fmt"
	"strings"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// Implements says whether a program whose extractors have the contract c may
// use the model: only if the model was trained on the same features. The error
// wraps ErrContract and shows the first modality that differs.
func (b *Bundle) Implements(c features.Contract) error {
	m := b.Manifest
	if hash := c.Hash(); hash != m.Contract.Hash {
		ours, theirs := firstDifference(c.String(), m.Contract.Text)
		return fmt.Errorf("%w: the model %s %s was trained on %q, this program extracts %q; use the model of this release, or extract and train again",
			ErrContract, m.Name, m.Version, theirs, ours)
	}
	for _, modality := range ingest.Modalities() {
		spec, stream := c[modality], m.Streams.Of(modality)
		if spec.Dim != stream.Width || spec.MaxLen != stream.MaxSteps || spec.Step != stream.Step() {
			return fmt.Errorf("%w: streams.%s of the model %s %s has width %d, max_steps %d and a step of %s, its own contract has %d, %d and %s; export it again",
				ErrContract, modality, m.Name, m.Version, stream.Width, stream.MaxSteps, stream.Step(), spec.Dim, spec.MaxLen, spec.Step)
		}
	}
	return nil
}

// firstDifference returns the first line in which two texts differ, of each.
func firstDifference(a, b string) (lineA, lineB string) {
	linesA, linesB := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(linesA), len(linesB)) {
		lineA, lineB = "", ""
		if i < len(linesA) {
			lineA = linesA[i]
		}
		if i < len(linesB) {
			lineB = linesB[i]
		}
		if lineA != lineB {
			break
		}
	}
	return lineA, lineB
}
