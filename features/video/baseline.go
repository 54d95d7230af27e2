package video

import "time"

const (
	// memory is how far back the baseline reaches.
	memory = 30 * time.Second
	// priorWeight is how many vectors of zeros the baseline starts from: as many
	// as it remembers, so that it never takes away more than half of what the
	// face shows all the time.
	priorWeight = 150

	memorySteps = int64(memory / Step)
)

// baseline is the running mean of a track's embeddings over the last 30 s,
// shrunk to zero as long as little was seen. Faces at rest differ far more
// between people than one face between moods.
type baseline struct {
	steps [memorySteps]int64
	seen  [memorySteps][Dim]float32
	first int // index of the oldest
	count int
}

// subtract writes embedding less the mean of the embeddings of the 30 s before
// step into values, then remembers embedding. Steps must increase.
func (b *baseline) subtract(values []float32, embedding *[Dim]float32, step int64) {
	for b.count > 0 && b.steps[b.first] < step-memorySteps {
		b.first = (b.first + 1) % len(b.seen)
		b.count--
	}
	// Summed anew each time: a sum that is carried along would depend on what
	// was forgotten long ago.
	var sum [Dim]float64
	for i := range b.count {
		for k, v := range &b.seen[(b.first+i)%len(b.seen)] {
			sum[k] += float64(v)
		}
	}
	for k := range values {
		values[k] = float32(float64(embedding[k]) - sum[k]/float64(priorWeight+b.count))
	}
	if b.count == len(b.seen) {
		b.first = (b.first + 1) % len(b.seen)
		b.count--
	}
	last := (b.first + b.count) % len(b.seen)
	b.steps[last], b.seen[last] = step, *embedding
	b.count++
}
