// Package replay is a Source over recorded media: files and transcripts become
// the tracks of one call, and their Samples come in one order of capture time,
// at full speed or as fast as they were spoken.
//
// Replaying a file is taken as the consent of the people in it.
package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/valence-live/valence/ingest"
)

// ErrInput says that an input cannot be replayed as it was asked for.
var ErrInput = errors.New("unusable replay input")

// Config says what is replayed.
type Config struct {
	// Session is the id of the call.
	Session string
	// Inputs are the participants.
	Inputs []Input
	// Start is the capture time of the zero of every file; the zero Time takes
	// the first creation time that a container states, else the Unix epoch.
	Start time.Time
	// RealTime delivers a Sample no sooner than it was captured, counted from
	// the first; otherwise Samples come as fast as they are taken.
	RealTime bool
	// Drop leaves modalities out of every participant: their tracks end before
	// they begin, with the reason policy.
	Drop []ingest.Modality
}

// Input is one participant: a media file, a transcript, or both.
type Input struct {
	Participant string
	// Media is a media file or, by its extension, a transcript.
	Media string
	// Transcript is a .vtt, .srt or .json file; empty for none.
	Transcript string
}

// Source delivers the Samples of its files. It implements ingest.Source; Run is
// called once.
type Source struct {
	cfg     Config
	start   time.Time
	length  time.Duration
	streams []stream
	spoken  []Transcript
}

// Transcript is what one participant said, in order of time.
type Transcript struct {
	Participant string
	Segments    []ingest.Segment
}

// Open opens every file, so that what cannot be replayed is known before
// anything is. ctx bounds the life of the Source. Run closes it, or Close, if
// Run is never called.
func Open(ctx context.Context, cfg Config, logger *slog.Logger) (_ *Source, err error) {
	s := &Source{cfg: cfg, start: cfg.Start}
	if len(cfg.Inputs) == 0 {
		return nil, fmt.Errorf("%w: nothing to replay; name a media file or a transcript", ErrInput)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	files := make([]*file, len(cfg.Inputs))
	for i, in := range cfg.Inputs {
		if slices.ContainsFunc(cfg.Inputs[:i], func(o Input) bool { return o.Participant == in.Participant }) {
			return nil, fmt.Errorf("%w: two inputs for the participant %s; give each a name of their own", ErrInput, in.Participant)
		}
		if files[i], err = s.open(ctx, in, logger); err != nil {
			return nil, err
		}
	}
	if s.start.IsZero() {
		s.start = time.Unix(0, 0)
		for _, f := range files {
			if !f.created.IsZero() {
				s.start = f.created
				break
			}
		}
	}
	s.start = s.start.UTC()
	for _, f := range files {
		if err := s.arrange(f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Start returns the capture time of the files' zero.
func (s *Source) Start() time.Time { return s.start }

// Duration returns how long the call lasts as far as the files announce it; 0
// if none does.
func (s *Source) Duration() time.Duration { return s.length }

// TranscriptsAlone reports whether no participant brings sound or pictures: then
// each cue is an utterance, and utterances are what a rolling score counts.
func (s *Source) TranscriptsAlone() bool {
	return !slices.ContainsFunc(s.cfg.Inputs, func(in Input) bool { return in.Media != "" && !isTranscript(in.Media) })
}

// Transcripts returns what was said, for those participants who have a
// transcript that is not dropped.
func (s *Source) Transcripts() []Transcript { return s.spoken }

// Run implements ingest.Source. A file that is cut off or damaged is delivered
// as far as it goes, the others to their end; then its error is returned, one
// for each file.
func (s *Source) Run(ctx context.Context, h ingest.Handler) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		err = errors.Join(err, s.Close())
	}()
	for _, st := range s.streams {
		st.begin(ctx)
	}
	clock := newPace(s.cfg.RealTime)
	for {
		next := s.earliest()
		if next == nil {
			return s.failure()
		}
		sample := next.take()
		if err := clock.wait(ctx, sample.Time); err != nil {
			drop(sample)
			return err
		}
		if err := h.Handle(ctx, sample); err != nil {
			return err
		}
	}
}

// earliest returns the stream whose next Sample is captured first; of several,
// the one that was opened first. nil if all have ended.
func (s *Source) earliest() stream {
	var best stream
	var at time.Time
	for _, st := range s.streams {
		t, ok := st.peek()
		if ok && (best == nil || t.Before(at)) {
			best, at = st, t
		}
	}
	return best
}

// failure joins what was wrong with the files, once for each: both streams of a
// file that is cut off say so.
func (s *Source) failure() error {
	var errs []error
	seen := map[string]bool{}
	for _, st := range s.streams {
		if name, err := st.failure(); err != nil && !seen[name] {
			seen[name] = true
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Close frees the files. It may be called again.
func (s *Source) Close() error {
	var errs []error
	for _, st := range s.streams {
		errs = append(errs, st.close())
	}
	return errors.Join(errs...)
}

// drop gives back what nobody will take.
func drop(s ingest.Sample) {
	if p, ok := s.Payload.(*ingest.Picture); ok {
		p.Release()
	}
}
