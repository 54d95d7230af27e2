package replay_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	quiet = slog.New(slog.DiscardHandler)
	epoch = time.Unix(0, 0).UTC()
	made  = time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC) // creation time of h264-aac.mp4
)

const twoCues = "WEBVTT\n\nhi\n00:00.300 --> 00:00.600\nHi <00:00.500>there.\n\nbye\n00:01.000 --> 00:01.200\nBye.\n"

// media is a file of 1.2 s, of those that the codec's tests have.
func media(name string) string { return filepath.Join("..", "codec", "testdata", name) }

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// call collects what a Source delivers.
type call struct {
	lines []string // one for each Sample, in the order of delivery
	times []time.Time
	count map[string]int // Samples by track and kind
	ended map[string]ingest.Reason
	after func(int) error // asked after each Sample, if set
}

func (c *call) Handle(_ context.Context, s ingest.Sample) error {
	track := s.Track.Participant.ID() + " " + s.Track.Modality.String()
	kind, detail := "", ""
	switch p := s.Payload.(type) {
	case ingest.PCM:
		kind, detail = "sound", fmt.Sprint([]float32(p))
	case *ingest.Picture:
		kind, detail = "picture", fmt.Sprint(p.Width, p.Height, checksum(p))
		p.Release()
	case ingest.Segment:
		kind, detail = "segment", fmt.Sprint(p)
	case ingest.Gap:
		kind, detail = "gap", fmt.Sprint(p)
	case ingest.Progress:
		kind = "progress"
	case ingest.End:
		kind = "end"
		if c.ended == nil {
			c.ended = map[string]ingest.Reason{}
		}
		c.ended[track] = p.Reason
	}
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[track+" "+kind]++
	c.times = append(c.times, s.Time)
	c.lines = append(c.lines, fmt.Sprintln(s.Time.Format(time.RFC3339Nano), track, kind, detail, s.Clock))
	if c.after != nil {
		return c.after(len(c.lines))
	}
	return nil
}

// checksum is of the pixels, not of what lies between the rows.
func checksum(p *ingest.Picture) uint32 {
	sum := uint32(0)
	for y := range p.Height {
		sum = crc32.Update(sum, crc32.IEEETable, p.Y[y*p.YStride:][:p.Width])
	}
	for y := range (p.Height + 1) / 2 {
		sum = crc32.Update(sum, crc32.IEEETable, p.Cb[y*p.CStride:][:(p.Width+1)/2])
		sum = crc32.Update(sum, crc32.IEEETable, p.Cr[y*p.CStride:][:(p.Width+1)/2])
	}
	return sum
}

func run(t *testing.T, cfg replay.Config, c *call) error {
	t.Helper()
	cfg.Session = "s"
	source, err := replay.Open(t.Context(), cfg, quiet)
	require.NoError(t, err)
	return source.Run(t.Context(), c)
}

func two(t *testing.T) []replay.Input {
	t.Helper()
	return []replay.Input{
		{Participant: "alice", Media: media("vp8-opus.webm"), Transcript: write(t, "a.vtt", twoCues)},
		{Participant: "bob", Media: media("h264-aac.mp4")},
	}
}

type handlerFunc func(ingest.Sample) error

func (f handlerFunc) Handle(_ context.Context, s ingest.Sample) error {
	if p, ok := s.Payload.(*ingest.Picture); ok {
		p.Release()
	}
	return f(s)
}
