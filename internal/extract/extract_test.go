package extract

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/audio"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
)

func TestSoundBecomesOneRowForEachStep(t *testing.T) {
	folder := t.TempDir()
	writeWAV(t, filepath.Join(folder, "a.wav"), 20000, 150)
	writeWAV(t, filepath.Join(folder, "b.wav"), 8000, 220)
	npz, s, err := run(t, ingest.Audio, 1, folder, []string{"path", "id", "note"}, []string{"a.wav", "a", "x"}, []string{filepath.Join(folder, "b.wav"), "b", ""})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, npz["id"].strings(t))
	assert.Equal(t, []string{"", ""}, npz["track"].strings(t))
	assert.Equal(t, []string{"", ""}, npz["error"].strings(t))
	assert.Equal(t, []float64{0, 13, 18}, npz["offset"].numbers(t), "1.25 s and 0.5 s: half a step counts")
	assert.Equal(t, []int{18, audio.Dim}, npz["values"].shape)
	assert.Equal(t, []int{}, append([]int{}, npz["rate"].shape...))
	assert.Equal(t, []float64{10}, npz["rate"].numbers(t))
	assert.InDeltaSlice(t, []float64{0, .1, .2, .3, .4}, npz["start"].numbers(t)[13:], 1e-9)
	assert.InDelta(t, 1.25, npz["end"].numbers(t)[12], 1e-9)
	assert.NotContains(t, npz, "word")
	usable := 0
	for _, m := range npz["mask"].numbers(t) {
		usable += int(m)
	}
	assert.Equal(t, Summary{Items: 2, Rows: 18, Usable: usable}, s)
	assert.Greater(t, usable, 5)
}

func TestValuesAreThoseOfACall(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.wav")
	writeWAV(t, path, 3*ingest.AudioRate, 150)
	npz, _, err := run(t, ingest.Audio, 1, folder, []string{"id", "path"}, []string{"a", "a.wav"})
	require.NoError(t, err)

	call, err := replay.Open(t.Context(), replay.Config{Session: "call", Inputs: []replay.Input{{Participant: "ann", Media: path}}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	x, err := newExtractors(t).New(ingest.Audio)
	require.NoError(t, err)
	var want []float64
	require.NoError(t, call.Run(t.Context(), handler(func(s ingest.Sample) error {
		if s.Track.Modality != ingest.Audio {
			return nil
		}
		return x.Extract(s, func(u features.Unit) {
			if v, ok := u.(features.Vector); ok {
				values := v.Values
				if values == nil {
					values = make([]float32, audio.Dim)
				}
				for _, f := range values {
					want = append(want, float64(f))
				}
			}
		})
	})))
	require.Len(t, want, 30*audio.Dim)
	assert.Equal(t, want, npz["values"].numbers(t))
}

// handler is a function as an ingest.Handler.
type handler func(ingest.Sample) error

func (h handler) Handle(_ context.Context, s ingest.Sample) error { return h(s) }

func TestTheResultNeverReplacesWhatItIsMadeFrom(t *testing.T) {
	folder := t.TempDir()
	sound := filepath.Join(folder, "a.wav")
	writeWAV(t, sound, 8000, 150)
	manifest := filepath.Join(folder, "items.csv")
	require.NoError(t, os.WriteFile(manifest, []byte("id,path\na,a.wav\n"), 0o600))
	for _, out := range []string{manifest, sound} {
		before, err := os.ReadFile(out)
		require.NoError(t, err)
		_, err = Run(t.Context(), Config{Modality: ingest.Audio, Manifest: manifest, Out: out, Jobs: 1}, newExtractors(t), slog.New(slog.DiscardHandler), nil)
		require.ErrorIs(t, err, ErrOut)
		after, err := os.ReadFile(out)
		require.NoError(t, err)
		assert.Equal(t, before, after)
	}
}

func TestTheFileDoesNotDependOnHowManyRunAtOnce(t *testing.T) {
	folder := t.TempDir()
	table := [][]string{{"id", "track", "path"}}
	for i := range 12 {
		name := fmt.Sprintf("%d.wav", i)
		writeWAV(t, filepath.Join(folder, name), 6000+1700*i, 100+20*float64(i))
		table = append(table, []string{name, strconv.Itoa(i % 5), name})
	}
	var files [2][]byte
	for i, jobs := range []int{1, 8} {
		_, _, err := run(t, ingest.Audio, jobs, folder, table...)
		require.NoError(t, err)
		files[i], err = os.ReadFile(filepath.Join(folder, "out.npz"))
		require.NoError(t, err)
	}
	assert.Equal(t, files[0], files[1])
}

func TestItemsOfATrackKnowWhatCameBefore(t *testing.T) {
	folder := t.TempDir()
	writeWAV(t, filepath.Join(folder, "a.wav"), 40000, 150)
	npz, _, err := run(t, ingest.Audio, 1, folder, []string{"id", "track", "path"},
		[]string{"1", "one", "a.wav"}, []string{"2", "one", "a.wav"}, []string{"3", "other", "a.wav"}, []string{"4", "", "a.wav"})
	require.NoError(t, err)
	values := npz["values"].numbers(t)
	quarter := len(values) / 4
	first, second, third, fourth := values[:quarter], values[quarter:2*quarter], values[2*quarter:3*quarter], values[3*quarter:]
	assert.NotEqual(t, first, second)
	assert.Equal(t, first, third)
	assert.Equal(t, first, fourth)
}

func TestBrokenItemsAreListedAndLeftWithoutRows(t *testing.T) {
	folder := t.TempDir()
	writeWAV(t, filepath.Join(folder, "a.wav"), 16000, 150)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "text.wav"), []byte("no sound"), 0o600))
	npz, s, err := run(t, ingest.Audio, 2, folder, []string{"id", "path"},
		[]string{"gone", "gone.wav"}, []string{"good", "a.wav"}, []string{"text", "text.wav"})
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 0, 10, 10}, npz["offset"].numbers(t))
	messages := npz["error"].strings(t)
	assert.Contains(t, messages[0], "no such file")
	assert.Empty(t, messages[1])
	assert.Contains(t, messages[2], "not a readable media file")
	require.Len(t, s.Broken, 2)
	assert.Equal(t, 2, s.Broken[0].Item.Line)
	assert.Equal(t, "text", s.Broken[1].Item.ID)

	_, _, err = run(t, ingest.Audio, 2, folder, []string{"id", "path"}, []string{"gone", "gone.wav"})
	require.ErrorIs(t, err, ErrNothing)
}

func TestWordsCarryTheirTimeAndTheirNumber(t *testing.T) {
	npz, _, err := run(t, ingest.Text, 1, t.TempDir(), []string{"id", "text", "start", "end"},
		[]string{"a", "so  unreal 'good", "10", "11.5"}, []string{"b", "good was so", "", ""}, []string{"c", " ", "", ""})
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 4, 7, 7}, npz["offset"].numbers(t))
	assert.Equal(t, []float64{0, 1, 1, 2, 0, 1, 2}, npz["word"].numbers(t))
	assert.Equal(t, []float64{1, 1, 1, 1, 1, 1, 1}, npz["mask"].numbers(t))
	start, end := npz["start"].numbers(t), npz["end"].numbers(t)
	assert.InDelta(t, 10, start[0], 1e-6)
	assert.InDelta(t, end[0], start[1], 1e-9)
	assert.InDelta(t, start[1], start[2], 1e-9)
	assert.InDelta(t, 11.5, end[3], 1e-6)
	assert.Equal(t, []float64{0, 0, 0}, end[4:])
	var ids []float64
	for i, v := range npz["values"].numbers(t) {
		if i%384 == 0 {
			ids = append(ids, v)
		}
	}
	assert.Equal(t, []float64{5, 8, 9, 6, 6, 7, 5}, ids)
	assert.Equal(t, []float64{0}, npz["rate"].numbers(t))
}

func TestFaceCropsBecomeOneRowEach(t *testing.T) {
	folder := t.TempDir()
	grey := image.NewGray(image.Rect(0, 0, 48, 48))
	for i := range grey.Pix {
		grey.Pix[i] = 60
	}
	writeImage(t, filepath.Join(folder, "a.png"), grey)
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	writeImage(t, filepath.Join(folder, "b.jpg"), grey)
	writeImage(t, filepath.Join(folder, "large.jpg"), image.NewRGBA(image.Rect(0, 0, 100, 50)))
	npz, s, err := run(t, ingest.Video, 2, folder, []string{"id", "track", "path", "crop"},
		[]string{"a", "", "a.png", "1"}, []string{"b", "", "b.jpg", "1"}, []string{"c", "", "large.jpg", "1"}, []string{"d", "", "large.jpg", "0"})
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 1, 2, 2, 3}, npz["offset"].numbers(t))
	assert.Equal(t, []float64{1, 1, 0}, npz["mask"].numbers(t))
	values := npz["values"].numbers(t)
	assert.InDelta(t, 60, values[0], 0.5)
	assert.InDelta(t, 200, values[64], 1)
	require.Len(t, s.Broken, 1)
	require.ErrorContains(t, s.Broken[0].Err, "100x50")
}

func writeImage(t *testing.T, path string, img image.Image) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	if filepath.Ext(path) == ".png" {
		err = png.Encode(f, img)
	} else {
		err = jpeg.Encode(f, img, &jpeg.Options{Quality: 95})
	}
	require.NoError(t, errors.Join(err, f.Close()))
}

func TestAHoleInAFileKeepsTheStepsInTheirPlace(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(7, 0).Add(time.Duration(ms) * time.Millisecond) }
	g := grid{start: at(0), step: audio.Step, dim: 1}
	for _, ms := range []int{0, 100, 430, 490, 500} {
		g.add(features.Vector{Start: at(ms), End: at(ms + 100), Values: []float32{float32(ms)}})
	}
	assert.Equal(t, []float32{0, 100, 0, 0, 430, 500}, g.rows.values)
	assert.Equal(t, []uint8{1, 1, 0, 0, 1, 1}, g.rows.mask)
	assert.InDelta(t, 0.2, g.rows.start[2], 1e-9)
}

func TestTheContractStandsInTheFile(t *testing.T) {
	npz, _, err := run(t, ingest.Text, 1, t.TempDir(), []string{"id", "text"}, []string{"ä€😀", "good"})
	require.NoError(t, err)
	contract := newExtractors(t).Contract()
	assert.Equal(t, []string{contract.Hash()}, npz["contract"].strings(t))
	assert.Equal(t, []string{contract.String()}, npz["contract_text"].strings(t))
	assert.Equal(t, []string{"valence-features/1"}, npz["format"].strings(t))
	assert.Equal(t, []string{"text"}, npz["modality"].strings(t))
	assert.Equal(t, []string{"ä€😀"}, npz["id"].strings(t))
}

func TestACancelledRunLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	writeWAV(t, filepath.Join(folder, "a.wav"), 16000, 150)
	manifest := filepath.Join(folder, "m.csv")
	require.NoError(t, os.WriteFile(manifest, []byte("id,path\n1,a.wav\n2,a.wav\n3,a.wav\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, Config{Modality: ingest.Audio, Manifest: manifest, Out: filepath.Join(folder, "out.npz"), Jobs: 1},
		newExtractors(t), slog.New(slog.DiscardHandler), func(int, int) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, left, 2, "the sound and the manifest")
}
