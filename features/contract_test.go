package features_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

func contract() features.Contract {
	return features.Contract{
		ingest.Text:  {Extractor: "wordpiece/1", Dim: 384, MaxLen: 64, Nets: []string{"aa", "bb"}},
		ingest.Audio: {Extractor: "melprosody/1", Dim: 136, Step: 100 * time.Millisecond, MaxLen: 128},
		ingest.Video: {Extractor: "face/1", Dim: 64, Step: 200 * time.Millisecond, MaxLen: 64, Nets: []string{"cc"}},
	}
}

// The hash stands in bundles that were trained: a change of how it is made
// would turn all of them away.
func TestAContractIsSpelledTheSameEverywhere(t *testing.T) {
	c := contract()
	assert.Equal(t, ""+
		"text wordpiece/1 dim=384 step=0s max=64 nets=aa,bb\n"+
		"audio melprosody/1 dim=136 step=100ms max=128 nets=\n"+
		"video face/1 dim=64 step=200ms max=64 nets=cc\n", c.String())
	assert.Equal(t, "sha256:c1289709e491c3708393db0f069db1261e1b25d0a8bedcc2e1861ff2ee3a2303", c.Hash())
}

func TestWhateverAModelMustKnowChangesTheHash(t *testing.T) {
	for what, change := range map[string]func(*features.Spec){
		"the extractor": func(s *features.Spec) { s.Extractor = "wordpiece/2" },
		"the dimension": func(s *features.Spec) { s.Dim++ },
		"the step":      func(s *features.Spec) { s.Step = time.Second },
		"the length":    func(s *features.Spec) { s.MaxLen++ },
		"a network":     func(s *features.Spec) { s.Nets = []string{"aa", "bc"} },
	} {
		t.Run(what, func(t *testing.T) {
			for _, m := range ingest.Modalities() {
				c := contract()
				change(&c[m])
				assert.NotEqual(t, contract().Hash(), c.Hash(), "%s", m)
			}
		})
	}
}
