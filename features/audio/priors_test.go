package audio

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

var update = flag.Bool("update", false, "write the golden files and, where the corpora are, priors.go anew")

// moments are sums over the speech steps of one speaker.
type moments struct{ n, sum, squares [Dim]float64 }

func (m *moments) add(raw *measures) {
	n := Dim
	if !raw.pitched {
		n = logPitch
	}
	for i, v := range raw.values[:n] {
		m.n[i]++
		m.sum[i] += v
		m.squares[i] += v * v
	}
}

// TestPriorsAreWhatTheCorporaGive is how priors.go is made:
//
//	go test ./features/audio -run Priors -update
//
// The prior mean of a number is the mean of the speakers' means over RAVDESS and
// EMO-DB, its deviation that within a speaker, each speaker counting the same.
func TestPriorsAreWhatTheCorporaGive(t *testing.T) {
	data := os.Getenv("VALENCE_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	speakers := map[string][]string{}
	for corpus, digits := range map[string][2]int{"ravdess": {18, 20}, "emodb": {0, 2}} {
		files, err := filepath.Glob(filepath.Join(data, corpus, "*.flac"))
		require.NoError(t, err)
		for _, f := range files {
			speaker := corpus + filepath.Base(f)[digits[0]:digits[1]]
			speakers[speaker] = append(speakers[speaker], f)
		}
	}
	if !*update || len(speakers) == 0 {
		t.Skip("measured only with -update, and where the corpora are: it reads 100 minutes of sound")
	}
	var mean, variance [Dim]float64
	for _, clips := range speakers {
		m := measureSpeaker(t, clips)
		for i := range Dim {
			mu := m.sum[i] / m.n[i]
			mean[i] += mu / float64(len(speakers))
			variance[i] += (m.squares[i]/m.n[i] - mu*mu) / float64(len(speakers))
		}
	}
	writePriors(t, &mean, &variance)
}

// measureSpeaker runs a speaker's clips, shuffled since the corpora sort them by
// emotion, as one track.
func measureSpeaker(t *testing.T, clips []string) *moments {
	t.Helper()
	slices.Sort(clips)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(clips), func(i, j int) { clips[i], clips[j] = clips[j], clips[i] })
	var m moments
	x := New()
	at := epoch
	for _, clip := range clips {
		pcm := decode(t, clip)
		emit := func(u features.Unit) {
			if v, ok := u.(features.Vector); ok && v.Values != nil {
				m.add(&x.analysis.raw)
			}
		}
		for i := 0; i < len(pcm); i += stepSamples {
			p := pcm[i:min(i+stepSamples, len(pcm))]
			require.NoError(t, x.Extract(ingest.Sample{Time: at.Add(pcm[:i].Duration()), Payload: p}, emit))
		}
		at = at.Add(pcm.Duration().Round(Step) + time.Second)
		require.NoError(t, x.Extract(ingest.Sample{Time: at, Payload: ingest.Gap{End: at}}, emit))
	}
	return &m
}

func decode(t *testing.T, path string) ingest.PCM {
	t.Helper()
	d, err := codec.Open(t.Context(), path, ingest.Audio, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	var pcm ingest.PCM
	for {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return pcm
		}
		require.NoError(t, err)
		if p, ok := u.Payload.(ingest.PCM); ok {
			pcm = append(pcm, p...)
		}
	}
}

func writePriors(t *testing.T, mean, variance *[Dim]float64) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`package audio

// prior is what is typical of a number before anything is known of a track.
type prior struct{ mean, sd float64 }

// priors are the mean of the speakers' means and the deviation within a speaker
// over the speech of RAVDESS and EMO-DB (34 speakers), as
//
//	go test ./features/audio -run Priors -update
//
// measured them. They are part of the feature contract: a change needs a new
// version in Spec and a new training.
var priors = [Dim]prior{
`)
	for i := range Dim {
		fmt.Fprintf(&b, "%d: {%.4g, %.4g},\n", i, mean[i], math.Sqrt(variance[i]))
	}
	b.WriteString("}\n")
	source, err := format.Source(b.Bytes())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("priors.go", source, 0o600))
}
