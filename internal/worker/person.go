package worker

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// person is one participant of a session.
type person struct {
	id     *ingest.Participant
	tracks [ingest.NumModalities]*ingest.Track
	last   time.Time // the newest time of a record of theirs
	zero   time.Time // when their first media was captured
	sound  *sound    // decodes; nil before the first chunk
	view   *view
	muted  [ingest.NumModalities]bool

	origin   string // of the gateway that sends their features
	sequence uint64 // of its newest record
}

func newPerson(id *ingest.Participant) *person {
	p := &person{id: id}
	for _, m := range ingest.Modalities() {
		p.tracks[m] = &ingest.Track{Participant: id, Modality: m}
	}
	return p
}

// agree sets what the person agrees to, in tensor order.
func (p *person) agree(text, audio, video bool) {
	for m, agreed := range [ingest.NumModalities]bool{text, audio, video} {
		if agreed {
			p.id.Grant(ingest.Modality(m))
		} else {
			p.id.Revoke(ingest.Modality(m))
		}
	}
}

// rights are what the person agreed to, in tensor order.
func (p *person) rights() (rights [ingest.NumModalities]bool) {
	for m := range rights {
		rights[m] = p.id.Agreed(ingest.Modality(m))
	}
	return rights
}

// close frees the decoders.
func (p *person) close() {
	if p.sound != nil {
		p.sound.close()
	}
	if p.view != nil {
		p.view.close()
	}
	p.sound, p.view = nil, nil
}

// sample is what a record brings of a track.
func (p *person) sample(m ingest.Modality, at time.Time, payload ingest.Payload) ingest.Sample {
	return ingest.Sample{
		Track: p.tracks[m], Time: at, Payload: payload,
		Clock: ingest.Clock{Source: ingest.ClockRecord, ErrorBound: recordError},
	}
}

// recordError bounds the error of the times in records against each other: they
// are given in milliseconds or better, by whoever wrote them.
const recordError = time.Millisecond
