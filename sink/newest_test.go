package sink_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/sink"
)

func TestAReaderKeepsTheHighestRevisionAtItsFirstPlace(t *testing.T) {
	a0, b, a2, a1 := &sink.Event{ID: "a"}, &sink.Event{ID: "b"}, &sink.Event{ID: "a", Revision: 2}, &sink.Event{ID: "a", Revision: 1}
	assert.Equal(t, []*sink.Event{a2, b}, sink.Newest([]*sink.Event{a0, b, a2, a1}))
	assert.Empty(t, sink.Newest(nil))
}
