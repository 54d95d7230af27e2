package video_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/video"
	"github.com/valence-live/valence/ingest"
)

var epoch = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// track feeds an Extractor and remembers what came out.
type track struct {
	t         *testing.T
	detector  *seeingEyes
	encoder   *meanOfRows
	extractor *video.Extractor
	units     []features.Unit
	open      int // pictures not released
}

func newTrack(t *testing.T) *track {
	t.Helper()
	d, e := newSeeingEyes(), &meanOfRows{}
	return &track{t: t, detector: d, encoder: e, extractor: video.New(d, e)}
}

// show sends p at so many milliseconds and returns what came out.
func (tr *track) show(ms int, p *ingest.Picture) []features.Unit {
	tr.t.Helper()
	shown := *p
	tr.open++
	shown.Free = func(*ingest.Picture) { tr.open-- }
	return tr.send(ms, &shown)
}

func (tr *track) send(ms int, p ingest.Payload) []features.Unit {
	tr.t.Helper()
	n := len(tr.units)
	require.NoError(tr.t, tr.try(ms, p, nil))
	require.Zero(tr.t, tr.open, "every picture is released")
	return tr.units[n:]
}

func (tr *track) try(ms int, p ingest.Payload, r *ingest.Receipt) error {
	s := ingest.Sample{Time: at(ms), Clock: ingest.Clock{Source: ingest.ClockContainer}, Payload: p, Receipt: r}
	return tr.extractor.Extract(s, func(u features.Unit) { tr.units = append(tr.units, u) })
}

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

// said lists the units in short: "200 face", "400 no_face", "mark 600 lost".
func said(units []features.Unit) []string {
	var out []string
	for _, u := range units {
		switch u := u.(type) {
		case features.Vector:
			what := "face"
			if u.Values == nil {
				what = string(u.Reason)
			}
			out = append(out, millis(u.Start)+" "+what)
		case features.Mark:
			what := "mark " + millis(u.Time)
			if u.Reason != "" {
				what += " " + string(u.Reason)
			}
			if u.End {
				what += " end"
			}
			out = append(out, what)
		}
	}
	return out
}

func millis(t time.Time) string { return t.Sub(epoch).Truncate(time.Millisecond).String() }

func person(x, y, eyes float64) *ingest.Picture {
	return scene{width: 320, height: 240, heads: []head{{x: x, y: y, eyes: eyes}}}.draw()
}

func wall() *ingest.Picture { return scene{width: 320, height: 240}.draw() }

func TestEveryStepGetsTheFirstPictureInIt(t *testing.T) {
	tr := newTrack(t)
	p := person(160, 120, 40)
	for ms := 110; ms < 1000; ms += 33 {
		tr.show(ms, p)
	}
	assert.Equal(t, []string{"0s face", "200ms face", "400ms face", "600ms face", "800ms face"}, said(tr.units))
	assert.Equal(t, 5, tr.encoder.calls)
	v, ok := tr.units[1].(features.Vector)
	require.True(t, ok)
	assert.Equal(t, at(200), v.Start)
	assert.Equal(t, at(400), v.End)
	assert.Equal(t, ingest.Video, v.Modality)
	assert.Equal(t, ingest.ClockContainer, v.Clock.Source)
	assert.Len(t, v.Values, video.Dim)
}

func TestStepsDoNotDependOnWhereTheTrackBegins(t *testing.T) {
	for _, ms := range []int{0, 1, 199} {
		assert.Equal(t, []string{"0s no_face"}, said(newTrack(t).show(ms, wall())))
	}
	early := newTrack(t)
	early.show(-1-int(epoch.UnixMilli()), wall())
	v, ok := early.units[0].(features.Vector)
	require.True(t, ok)
	assert.Equal(t, int64(-200), v.Start.UnixMilli(), "before 1970 as well")
}

func TestAPictureStandsForASecondAndIsLostAfterThat(t *testing.T) {
	tr := newTrack(t)
	tr.show(0, person(160, 120, 40))
	assert.Equal(t, []string{"200ms face", "400ms face", "600ms no_face"}, said(tr.show(700, wall())))
	assert.Equal(t, []string{
		"800ms no_face", "1s no_face", "1.2s no_face", "1.4s no_face", "mark 1h0m0s lost", "1h0m0s face",
	}, said(tr.show(3600_000, person(160, 120, 40))))
}

func TestNoFaceAndMutedAreSaidNotGuessed(t *testing.T) {
	tr := newTrack(t)
	assert.Equal(t, []string{"0s no_face"}, said(tr.show(0, wall())))
	assert.Equal(t, []string{"200ms muted"}, said(tr.show(200, blackPicture(320, 240))))
	assert.Equal(t, []string{"400ms face"}, said(tr.show(400, person(160, 120, 40))), "unmuted: searched at once")
	assert.Equal(t, []string{"600ms muted"}, said(tr.show(600, blackPicture(320, 240))))
	assert.Equal(t, 1, tr.encoder.calls)
}

func TestGapProgressAndEndBecomeMarks(t *testing.T) {
	tr := newTrack(t)
	assert.Equal(t, []string{"mark 0s"}, said(tr.send(0, ingest.Progress{})))
	tr.show(50, person(160, 120, 40))
	assert.Equal(t, []string{"mark 150ms"}, said(tr.send(150, ingest.Progress{})))
	assert.Equal(t, []string{"200ms face", "400ms face", "mark 600ms"}, said(tr.send(650, ingest.Progress{})),
		"the step of 600 ms may still get its picture")
	assert.Equal(t, []string{"600ms face"}, said(tr.show(660, person(160, 120, 40))))
	assert.Equal(t, []string{"800ms face", "mark 2s lost"},
		said(tr.send(1000, ingest.Gap{End: at(2000), Reason: ingest.ReasonLost})))
	assert.Equal(t, []string{"2s face"}, said(tr.show(2000, person(160, 120, 40))))
	assert.Equal(t, []string{"2.2s face", "mark 2.5s end"}, said(tr.send(2500, ingest.End{})))
}

func TestLatePicturesAreReleasedAndLeftOut(t *testing.T) {
	tr := newTrack(t)
	tr.show(1000, person(160, 120, 40))
	assert.Empty(t, tr.show(500, person(160, 120, 40)))
	assert.Empty(t, tr.show(1100, person(160, 120, 40)))
	assert.Equal(t, 1, tr.encoder.calls)
}

func TestReceiptsAreHeldByVectorsAndByTheHeldPicture(t *testing.T) {
	tr := newTrack(t)
	released := 0
	for ms := 0; ms < 600; ms += 100 {
		r := ingest.NewReceipt(func() { released++ })
		require.NoError(t, tr.try(ms, person(160, 120, 40), r))
		r.Release()
	}
	assert.Equal(t, 3, released, "of the pictures that were not used")
	require.NoError(t, tr.try(900, ingest.End{}, nil))
	assert.Equal(t, 3, released)
	for _, u := range tr.units {
		if v, ok := u.(features.Vector); ok {
			v.Receipt.Release()
		}
	}
	assert.Equal(t, 6, released)
}

func TestTheFirstVectorIsTheEmbeddingAndLaterOnesLoseTheBaseline(t *testing.T) {
	tr := newTrack(t)
	p := person(160, 120, 40)
	for i := range 300 {
		tr.show(200*i, p)
	}
	first, last := values(t, tr.units[0]), values(t, tr.units[299])
	var embedding [video.Dim]float32
	require.NoError(t, (&meanOfRows{}).EncodeFace(tr.encoder.crop, embedding[:]))
	for k := range first {
		assert.InDelta(t, embedding[k], first[k], .05)
		assert.InDelta(t, embedding[k]/2, last[k], .05, "150 vectors against a prior of 150 zeros")
	}
}

func values(t *testing.T, u features.Unit) []float32 {
	t.Helper()
	v, ok := u.(features.Vector)
	require.True(t, ok)
	return v.Values
}

func TestAPictureOfTheSizeOfACropIsTheCrop(t *testing.T) {
	tr := newTrack(t)
	p := scene{width: 48, height: 48, grey: true}.draw()
	assert.Equal(t, []string{"0s face"}, said(tr.show(0, p)))
	assert.Zero(t, tr.detector.looks)
	for i, v := range tr.encoder.crop {
		require.InDelta(t, float32(p.Y[i]), v, 0)
	}
}

func TestATurnedFaceGivesTheCropOfAnUprightOne(t *testing.T) {
	crop := func(angle, eyes float64) []float32 {
		tr := newTrack(t)
		s := scene{width: 320, height: 240, heads: []head{{x: 150, y: 110, eyes: eyes, angle: angle}}}
		require.Equal(t, []string{"0s face"}, said(tr.show(0, s.draw())))
		return append([]float32(nil), tr.encoder.crop...)
	}
	upright := crop(0, 50)
	for _, other := range [][]float32{crop(.4, 50), crop(-.6, 50), crop(0, 25), crop(.3, 70)} {
		assert.Greater(t, correlation(upright, other), .93)
	}
}

func correlation(a, b []float32) float64 {
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		sa, sb, saa, sbb, sab = sa+x, sb+y, saa+x*x, sbb+y*y, sab+x*y
	}
	n := float64(len(a))
	return (sab - sa*sb/n) / math.Sqrt((saa-sa*sa/n)*(sbb-sb*sb/n))
}

func TestTheTrackIsToldHowWideTheFaceIs(t *testing.T) {
	tr := newTrack(t)
	id := &ingest.Track{Modality: ingest.Video}
	for i, eyes := range []float64{40, 20, 0} {
		p := wall()
		if eyes > 0 {
			p = person(160, 120, eyes)
		}
		s := ingest.Sample{Track: id, Time: at(3000 * i), Payload: p}
		require.NoError(t, tr.extractor.Extract(s, func(features.Unit) {}))
		share, known := id.Face()
		require.True(t, known)
		assert.InDelta(t, eyes/.41/320, share, .02, "eyes %v pixels apart are .41 of a face", eyes)
	}
}

func TestTheEyesLieWhereFER2013HasThem(t *testing.T) {
	tr := newTrack(t)
	tr.show(0, scene{width: 320, height: 240, grey: false, heads: []head{{x: 160, y: 120, eyes: 50}}}.draw())
	// The drawn eyes are dark (60) on a head of about 150.
	for _, x := range []int{16, 31} {
		assert.Less(t, tr.encoder.crop[19*48+x], float32(90), "eye at column %d of row 19", x)
	}
	assert.Greater(t, tr.encoder.crop[19*48+24], float32(110), "between the eyes")
}

func TestErrorsNameTheSampleAndLeaveTheTrackUsable(t *testing.T) {
	tr := newTrack(t)
	require.ErrorIs(t, tr.try(0, ingest.PCM{1}, nil), video.ErrPayload)
	broken := person(160, 120, 40)
	broken.Y = broken.Y[:100]
	require.ErrorIs(t, tr.try(0, broken, nil), video.ErrPicture)
	require.ErrorIs(t, tr.try(0, &ingest.Picture{}, nil), video.ErrPicture)
	noChroma := person(160, 120, 40)
	noChroma.Cr = nil
	require.ErrorIs(t, tr.try(0, noChroma, nil), video.ErrPicture)

	failed := errors.New("net failed")
	tr.detector.fails = failed
	require.ErrorIs(t, tr.try(0, person(160, 120, 40), nil), failed)
	tr.detector.fails, tr.encoder.fails = nil, failed
	require.ErrorIs(t, tr.try(200, person(160, 120, 40), nil), failed)
	tr.encoder.fails = nil
	assert.Equal(t, []string{"400ms face"}, said(tr.show(400, person(160, 120, 40))))
}

func TestTwoRunsGiveTheSameNumbers(t *testing.T) {
	run := func() []features.Unit {
		tr := newTrack(t)
		for i := range 40 {
			tr.show(i*90, person(100+2*float64(i), 120, 35+float64(i%7)))
		}
		return tr.units
	}
	first, second := run(), run()
	assert.Equal(t, first, second)
}
