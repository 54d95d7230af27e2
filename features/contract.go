package features

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
)

// Spec is what a model must know of one modality's vectors in order to have
// been trained on the same ones.
type Spec struct {
	// Extractor names the algorithm and its version: it changes whenever the
	// numbers change.
	Extractor string
	Dim       int
	// Step is the time between two vectors; 0 for tokens.
	Step time.Duration
	// MaxLen is how many vectors a window may hold.
	MaxLen int
	// Nets are the SHA-256 of the network and vocabulary files that take part.
	Nets []string
}

// Contract is the Specs of the three modalities, indexed by ingest.Modality.
type Contract [ingest.NumModalities]Spec

// String spells the contract out, one line a modality, in a form that is the
// same everywhere.
func (c Contract) String() string {
	var b strings.Builder
	for _, m := range ingest.Modalities() {
		s := c[m]
		fmt.Fprintf(&b, "%s %s dim=%d step=%s max=%d nets=%s\n", m, s.Extractor, s.Dim, s.Step, s.MaxLen, strings.Join(s.Nets, ","))
	}
	return b.String()
}

// Hash identifies the contract: "sha256:" and the hexadecimal digest of String.
func (c Contract) Hash() string {
	sum := sha256.Sum256([]byte(c.String()))
	return "sha256:" + hex.EncodeToString(sum[:])
}
