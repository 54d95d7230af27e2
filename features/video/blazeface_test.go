package video

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rawDetections are boxes and logits of a net that sees something everywhere.
func rawDetections(rng *rand.Rand) (boxes, logits []float32) {
	boxes, logits = make([]float32, anchorCount*anchorValues), make([]float32, anchorCount)
	for i := range boxes {
		boxes[i] = float32(rng.NormFloat64() * 20)
	}
	for i := range logits {
		boxes[i*anchorValues+2] = 5 + 60*rng.Float32()
		boxes[i*anchorValues+3] = 5 + 60*rng.Float32()
		logits[i] = float32(rng.NormFloat64() * 4)
	}
	return boxes, logits
}

func TestDecodeAgreesWithTheFormulaForEveryAnchor(t *testing.T) {
	boxes, logits := rawDetections(rand.New(rand.NewPCG(1, 1)))
	const least = 1e-9
	faces := decode(nil, anchors(), boxes, logits, least)
	require.Len(t, faces, 896)

	want := map[float64]face{}
	for i, logit := range logits {
		cells, cell := 16, i/2
		if i >= 512 {
			cells, cell = 8, (i-512)/6
		}
		ax := (float64(cell%cells) + .5) * 128 / float64(cells)
		ay := (float64(cell/cells) + .5) * 128 / float64(cells)
		raw := boxes[i*16 : (i+1)*16]
		f := face{score: 1 / (1 + math.Exp(-float64(logit)))}
		f.centre = point{(ax + float64(raw[0])) / 128, (ay + float64(raw[1])) / 128}
		f.width, f.height = float64(raw[2])/128, float64(raw[3])/128
		for k := range f.points {
			f.points[k] = point{(ax + float64(raw[4+2*k])) / 128, (ay + float64(raw[5+2*k])) / 128}
		}
		want[f.score] = f
	}
	for i, got := range faces {
		w, ok := want[got.score]
		require.True(t, ok)
		assert.InDelta(t, w.centre.x, got.centre.x, 1e-9)
		assert.InDelta(t, w.centre.y, got.centre.y, 1e-9)
		assert.InDelta(t, w.width, got.width, 1e-12)
		assert.InDelta(t, w.height, got.height, 1e-12)
		for k := range w.points {
			assert.InDelta(t, w.points[k].x, got.points[k].x, 1e-9)
			assert.InDelta(t, w.points[k].y, got.points[k].y, 1e-9)
		}
		if i > 0 {
			assert.LessOrEqual(t, got.score, faces[i-1].score, "order of falling score")
		}
	}
}

func TestDecodeKeepsOnlyScoresFromTheThresholdOn(t *testing.T) {
	boxes, logits := rawDetections(rand.New(rand.NewPCG(2, 2)))
	n := 0
	for _, l := range logits {
		if 1/(1+math.Exp(-float64(l))) >= .75 {
			n++
		}
	}
	assert.Len(t, decode(nil, anchors(), boxes, logits, .75), n)
}

func TestDecodeSeesNoFaceInBrokenNumbers(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, breakIt := range map[string]func(boxes, logits []float32){
		"logit not a number": func(_, logits []float32) { logits[7] = nan },
		"place not a number": func(boxes, _ []float32) { boxes[7*16] = nan },
		"endless width":      func(boxes, _ []float32) { boxes[7*16+2] = inf },
		"point far away":     func(boxes, _ []float32) { boxes[7*16+15] = -1e9 },
		"negative height":    func(boxes, _ []float32) { boxes[7*16+3] = -20 },
		"no width":           func(boxes, _ []float32) { boxes[7*16+2] = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			boxes, logits := make([]float32, anchorCount*anchorValues), make([]float32, anchorCount)
			for i := range logits {
				logits[i] = -50
			}
			boxes[7*16+2], boxes[7*16+3], logits[7] = 20, 20, 5
			require.Len(t, decode(nil, anchors(), boxes, logits, .5), 1)
			breakIt(boxes, logits)
			assert.Empty(t, decode(nil, anchors(), boxes, logits, .5))
		})
	}
}

func boxAt(x, y, side, score float64) face {
	f := face{score: score, centre: point{x, y}, width: side, height: side}
	for k := range f.points {
		f.points[k] = point{x + float64(k), y - float64(k)}
	}
	return f
}

func TestSuppressBlendsTheBoxesOfOneFaceByScore(t *testing.T) {
	merged := suppress([]face{boxAt(10, 10, 8, .9), boxAt(40, 10, 8, .8), boxAt(11, 10, 10, .6)})
	require.Len(t, merged, 2)
	assert.InDelta(t, .9, merged[0].score, 1e-12)
	assert.InDelta(t, (10*.9+11*.6)/1.5, merged[0].centre.x, 1e-12)
	assert.InDelta(t, (8*.9+10*.6)/1.5, merged[0].width, 1e-12)
	assert.InDelta(t, (10*.9+11*.6)/1.5+3, merged[0].points[3].x, 1e-12)
	assert.InDelta(t, 40, merged[1].centre.x, 1e-12)
}

func TestSuppressAgreesWithAPlainReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		var faces []face
		for i := range rng.IntN(40) {
			faces = append(faces, boxAt(rng.Float64()*40, rng.Float64()*40, 3+rng.Float64()*15, 1-float64(i)*.01))
		}
		want := plainSuppress(append([]face(nil), faces...))
		got := suppress(faces)
		require.Len(t, got, len(want))
		for i := range got {
			assert.InDelta(t, want[i].score, got[i].score, 1e-12)
			assert.InDelta(t, want[i].centre.x, got[i].centre.x, 1e-9)
			assert.InDelta(t, want[i].height, got[i].height, 1e-9)
		}
	}
}

func plainSuppress(faces []face) (merged []face) {
	for len(faces) > 0 {
		var same, rest []face
		for _, f := range faces {
			if faces[0].overlap(&f) > .3 {
				same = append(same, f)
			} else {
				rest = append(rest, f)
			}
		}
		mean, weight := face{score: same[0].score}, 0.0
		for _, f := range same {
			mean.centre.x += f.centre.x * f.score
			mean.height += f.height * f.score
			weight += f.score
		}
		mean.centre.x /= weight
		mean.height /= weight
		merged, faces = append(merged, mean), rest
	}
	return merged
}

func TestOverlapIsSymmetricAndOneForTheSameBox(t *testing.T) {
	a, b := boxAt(10, 10, 8, 1), boxAt(14, 10, 8, 1)
	assert.InDelta(t, 1, a.overlap(&a), 1e-12)
	assert.InDelta(t, 1.0/3, a.overlap(&b), 1e-12)
	assert.InDelta(t, a.overlap(&b), b.overlap(&a), 1e-12)
	far := boxAt(100, 10, 8, 1)
	assert.Zero(t, a.overlap(&far))
}

func FuzzDetectionsNeverCrash(f *testing.F) {
	f.Add(uint64(1), float32(1), float32(0))
	f.Add(uint64(2), float32(1e30), float32(3))
	f.Add(uint64(3), float32(math.Inf(1)), float32(math.NaN()))
	f.Fuzz(func(t *testing.T, seed uint64, scale, shift float32) {
		boxes, logits := rawDetections(rand.New(rand.NewPCG(seed, 0)))
		for i := range boxes {
			boxes[i] *= scale
		}
		for i := range logits {
			logits[i] += shift
		}
		faces := decode(nil, anchors(), boxes, logits, .5)
		merged := suppress(faces)
		assert.LessOrEqual(t, len(merged), len(faces))
		for _, face := range merged {
			assert.False(t, math.IsNaN(face.centre.x+face.width+face.score))
		}
	})
}
