package replay

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// clockError bounds the error of a file's times: containers and transcripts
// round to milliseconds.
const clockError = time.Millisecond

// stream is one track being read: its Samples in order of time.
type stream interface {
	// begin starts reading ahead.
	begin(ctx context.Context)
	// peek waits for the next Sample and returns its time; false at the end.
	peek() (time.Time, bool)
	// take returns the Sample that peek saw.
	take() ingest.Sample
	// failure names the file and says what was wrong with it, after its end.
	failure() (file string, err error)
	close() error
}

// ahead is how many Samples a decoder may be ahead of the call: 1.6 s of sound,
// 3.2 s of pictures.
const ahead = 16

// decoded reads a media file's sound or pictures on a goroutine of its own.
type decoded struct {
	name    string
	track   *ingest.Track
	decoder *codec.Decoder

	units  chan codec.Unit
	err    error // why units was closed; nil at a regular end
	head   codec.Unit
	full   bool
	cancel context.CancelFunc
	done   chan struct{}
}

func (d *decoded) begin(ctx context.Context) {
	ctx, d.cancel = context.WithCancel(ctx)
	d.units, d.done = make(chan codec.Unit, ahead), make(chan struct{})
	go func() {
		defer close(d.done)
		defer close(d.units)
		for {
			u, err := d.decoder.Next(ctx)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					d.err = err
				}
				return
			}
			select {
			case d.units <- u:
			case <-ctx.Done():
				d.err = ctx.Err()
				d.release(u)
				return
			}
		}
	}()
}

func (d *decoded) peek() (time.Time, bool) {
	if !d.full {
		d.head, d.full = <-d.units
	}
	return d.head.Time, d.full
}

func (d *decoded) take() ingest.Sample {
	d.full = false
	return sample(d.track, d.head.Time, d.head.Payload)
}

func (d *decoded) failure() (string, error) { return d.name, d.err }

func (d *decoded) release(u codec.Unit) { drop(ingest.Sample{Payload: u.Payload}) }

func (d *decoded) close() error {
	if d.cancel != nil {
		d.cancel()
		for u := range d.units {
			d.release(u)
		}
		<-d.done
	}
	return d.decoder.Close()
}

// listed is a track whose Samples are known from the beginning.
type listed struct{ samples []ingest.Sample }

func (l *listed) begin(context.Context) {}

func (l *listed) peek() (time.Time, bool) {
	if len(l.samples) == 0 {
		return time.Time{}, false
	}
	return l.samples[0].Time, true
}

func (l *listed) take() ingest.Sample {
	s := l.samples[0]
	l.samples = l.samples[1:]
	return s
}

func (l *listed) failure() (string, error) { return "", nil }

func (l *listed) close() error { return nil }

func sample(track *ingest.Track, at time.Time, p ingest.Payload) ingest.Sample {
	return ingest.Sample{
		Track: track, Time: at, Payload: p,
		Clock: ingest.Clock{Source: ingest.ClockContainer, ErrorBound: clockError},
	}
}
