package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/transcript"
)

// file is one participant's input, opened.
type file struct {
	participant *ingest.Participant
	created     time.Time
	length      time.Duration
	decoders    []*decoded
	transcript  string // the name of the transcript; empty for none
}

// open opens what one participant brings.
func (s *Source) open(ctx context.Context, in Input, logger *slog.Logger) (*file, error) {
	p, err := ingest.NewParticipant(s.cfg.Session, in.Participant)
	if err != nil {
		return nil, err
	}
	for _, m := range ingest.Modalities() {
		p.Grant(m)
	}
	f := &file{participant: p, transcript: in.Transcript}
	switch {
	case in.Media != "" && isTranscript(in.Media):
		if in.Transcript != "" {
			return nil, fmt.Errorf("%w: %s and %s are both transcripts of %s; give one", ErrInput, in.Media, in.Transcript, in.Participant)
		}
		f.transcript = in.Media
	case in.Media != "":
		if err := s.openMedia(ctx, f, in.Media, logger); err != nil {
			return nil, err
		}
	case in.Transcript == "":
		return nil, fmt.Errorf("%w: the participant %s has neither a media file nor a transcript", ErrInput, in.Participant)
	}
	return f, nil
}

// isTranscript goes by the extension, as a person does.
func isTranscript(name string) bool {
	return slices.Contains([]string{".vtt", ".srt", ".json"}, strings.ToLower(filepath.Ext(name)))
}

// openMedia opens the sound and the pictures of a file; one of them may be
// missing.
func (s *Source) openMedia(ctx context.Context, f *file, name string, logger *slog.Logger) error {
	var missing []error
	for _, m := range []ingest.Modality{ingest.Audio, ingest.Video} {
		d, err := codec.Open(ctx, name, m, logger)
		if errors.Is(err, codec.ErrNoStream) {
			missing = append(missing, err)
			continue
		}
		if err != nil {
			return err
		}
		info := d.Info()
		f.created, f.length = info.Created, max(f.length, info.Duration)
		if slices.Contains(s.cfg.Drop, m) {
			if err := d.Close(); err != nil {
				return err
			}
			continue
		}
		st := &decoded{name: name, track: &ingest.Track{Participant: f.participant, Modality: m}, decoder: d}
		f.decoders = append(f.decoders, st)
		s.streams = append(s.streams, st) // at once, so that Close finds it
	}
	if len(missing) == 2 { //nolint:mnd // sound and pictures
		return errors.Join(missing...)
	}
	return nil
}

// arrange places a participant's tracks in time, now that the zero is known.
func (s *Source) arrange(f *file) error {
	for _, d := range f.decoders {
		d.decoder.StartAt(s.start)
	}
	var cues []ingest.Segment
	if f.transcript != "" && !slices.Contains(s.cfg.Drop, ingest.Text) {
		var err error
		if cues, err = openTranscript(f.transcript, s.start); err != nil {
			return err
		}
		for _, c := range cues {
			f.length = max(f.length, c.End.Sub(s.start))
		}
		s.spoken = append(s.spoken, Transcript{Participant: f.participant.ID(), Segments: cues})
		s.streams = append(s.streams, &listed{textSamples(&ingest.Track{Participant: f.participant, Modality: ingest.Text}, cues, s.start, f.length)})
	}
	for _, m := range s.cfg.Drop {
		end := sample(&ingest.Track{Participant: f.participant, Modality: m}, s.start, ingest.End{Reason: ingest.ReasonPolicy})
		s.streams = append(s.streams, &listed{[]ingest.Sample{end}})
	}
	s.length = max(s.length, f.length)
	return nil
}

func openTranscript(name string, zero time.Time) ([]ingest.Segment, error) {
	f, err := os.Open(name) //nolint:gosec // G304: naming the file is the caller's purpose
	if err != nil {
		return nil, err
	}
	cues, err := transcript.Read(name, f, zero)
	return cues, errors.Join(err, f.Close())
}

// progressStep is how often a transcript says how far it has come: half of the
// shortest hop that is usual.
const progressStep = 500 * time.Millisecond

// textSamples are the cues, each at its start, and between them word that there
// is none, so that no window waits for one.
func textSamples(track *ingest.Track, cues []ingest.Segment, start time.Time, length time.Duration) []ingest.Sample {
	var out []ingest.Sample
	for at := time.Duration(0); at < length; at += progressStep {
		t := start.Add(at)
		for len(cues) > 0 && cues[0].Start.Before(t) {
			out = append(out, sample(track, cues[0].Start, cues[0]))
			cues = cues[1:]
		}
		out = append(out, sample(track, t, ingest.Progress{}))
	}
	for _, c := range cues {
		out = append(out, sample(track, c.Start, c))
	}
	return append(out, sample(track, start.Add(length), ingest.End{}))
}
