package video_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/ingest"
)

func TestAFollowedFaceIsLookedAtOnceASecond(t *testing.T) {
	tr := newTrack(t)
	for i := range 50 {
		tr.show(i*200, person(120+float64(i), 120, 40))
	}
	assert.Equal(t, 50, tr.encoder.calls)
	assert.Equal(t, 2+9, tr.detector.looks, "two to acquire it, one for each further second")
}

func TestFollowingKeepsTheFaceInPlace(t *testing.T) {
	still, moving := newTrack(t), newTrack(t)
	still.show(0, person(160, 120, 40))
	for i := range 5 {
		moving.show(i*200, person(160+float64(i)*8, 120-float64(i)*4, 40))
		assert.Greater(t, correlation(still.encoder.crop, moving.encoder.crop), .8, "picture %d", i)
	}
	assert.Equal(t, 2, moving.detector.looks)
}

func TestAJumpIsLookedAtAtOnce(t *testing.T) {
	tr := newTrack(t)
	tr.show(0, person(80, 120, 30))
	looks := tr.detector.looks
	assert.Equal(t, []string{"200ms face"}, said(tr.show(200, person(250, 90, 30))))
	assert.Greater(t, tr.detector.looks, looks)
}

func TestNothingIsSearchedEverySecondPicture(t *testing.T) {
	tr := newTrack(t)
	for i := range 20 {
		tr.show(i*200, wall())
	}
	assert.Equal(t, 10, tr.detector.looks)
	assert.Zero(t, tr.encoder.calls)
}

// TestScoresOfAFace plays scripts: the score that the detector gives at each
// second, and whether a face is said.
func TestAFaceIsTakenFromAcquireOnAndKeptDownToKeep(t *testing.T) {
	for name, script := range map[string][]struct {
		score float64
		face  bool
	}{
		"too uncertain to begin with": {{.74, false}, {.74, false}, {.76, true}},
		"kept while it is likely":     {{.9, true}, {.51, true}, {.6, true}},
		"lost, and not taken back":    {{.9, true}, {.49, false}, {.74, false}, {.9, true}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrack(t)
			for i, step := range script {
				tr.detector.score = step.score
				units := tr.show(1000*i, person(160, 120, 40))
				got := said(units)[len(units)-1]
				assert.Equal(t, step.face, got[len(got)-5:] == " face", "second %d: %s", i, got)
			}
		})
	}
}

func TestAFaceThatGoesIsLostWithinAPicture(t *testing.T) {
	tr := newTrack(t)
	tr.show(0, person(160, 120, 40))
	assert.Equal(t, []string{"200ms no_face"}, said(tr.show(200, wall())))
	assert.Equal(t, 1, tr.encoder.calls)
}

func TestASmallFaceInTheMiddleIsFoundByTheSecondSearch(t *testing.T) {
	small := func() *ingest.Picture { return person(160, 120, 12) }
	tr := newTrack(t)
	tr.detector.least = 6 // the whole picture shows the eyes 4.8 pixels apart
	assert.Equal(t, []string{"0s no_face"}, said(tr.show(0, small())))
	assert.Equal(t, []string{"200ms no_face"}, said(tr.show(200, small())))
	assert.Equal(t, []string{"400ms face"}, said(tr.show(400, small())))
}
