package worker

import (
	"context"
	"time"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/features/unitpb"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/wire"
)

// content is what a record holds. The set is closed.
type content interface {
	// apply does what it says in a call; ended reports that the call is over.
	apply(ctx context.Context, s *session, participant string) (ended bool, err error)
}

// parse reads a record by its topic.
func parse(topic string, r wire.Record) (content, error) {
	switch topicKind(topic, r) {
	case wire.Media:
		m, err := wire.DecodeMedia(r)
		return mediaRecord{m}, err
	case wire.Transcript:
		text, err := wire.DecodeTranscript(r)
		if err != nil {
			return nil, err
		}
		list, err := transcript.ParseLive("application/json", text)
		if err != nil {
			return nil, poison("%w", err)
		}
		return transcriptRecord{list}, nil
	case wire.Control:
		m, err := wire.DecodeControl(r)
		return controlRecord{m}, err
	case wire.Features:
		m, err := wire.DecodeFeatures(r)
		return featuresRecord{m}, err
	case wire.State, wire.Event:
		fallthrough
	default:
		return nil, poison("the topic %q holds nothing that a worker reads; name it after what it holds, or send the header ce_type", topic)
	}
}

// topicKind is what a topic holds: by what the record says, else by the name of
// the topic.
func topicKind(topic string, r wire.Record) wire.Kind {
	if stated, ok := r.Header("ce_type"); ok {
		for _, k := range wire.Kinds() {
			if stated == k.Type() {
				return k
			}
		}
	}
	switch topic {
	case wire.TopicMedia:
		return wire.Media
	case wire.TopicTranscripts:
		return wire.Transcript
	case wire.TopicControl:
		return wire.Control
	case wire.TopicFeatures:
		return wire.Features
	default:
		return ""
	}
}

type mediaRecord struct{ *valencev1.Media }

func (r mediaRecord) apply(ctx context.Context, s *session, participant string) (bool, error) {
	p, err := s.person(participant)
	if err != nil {
		return false, err
	}
	s.media = true
	if audio := r.GetAudio(); audio != nil {
		return false, s.hear(ctx, p, audio)
	}
	return false, s.see(ctx, p, r.GetVideo())
}

// hear takes a chunk of sound. What the person did not agree to is not decoded.
func (s *session) hear(ctx context.Context, p *person, chunk *valencev1.AudioChunk) error {
	p.began(chunk.GetTime().AsTime())
	if why := p.id.Refusal(ingest.Audio); why != "" {
		return s.refuse(ctx, p, ingest.Audio, chunk.GetTime().AsTime(), why)
	}
	if p.sound == nil {
		p.sound = &sound{}
	}
	pcm, at, err := p.sound.decode(chunk)
	if err != nil || p.muted[ingest.Audio] {
		return err
	}
	return s.handle(ctx, p.sample(ingest.Audio, at, pcm))
}

// see takes a frame.
func (s *session) see(ctx context.Context, p *person, frame *valencev1.VideoFrame) error {
	p.began(frame.GetTime().AsTime())
	if why := p.id.Refusal(ingest.Video); why != "" {
		return s.refuse(ctx, p, ingest.Video, frame.GetTime().AsTime(), why)
	}
	if p.view == nil {
		p.view = &view{}
	}
	picture, at, err := p.view.decode(frame, s.lane.worker.set.Logger)
	switch {
	case err != nil:
		return err
	case picture == nil:
		return s.advance(at) //nolint:contextcheck // a call lives as long as its lane
	case p.muted[ingest.Video]:
		picture.Release()
		return s.advance(at) //nolint:contextcheck // a call lives as long as its lane
	default:
		return s.handle(ctx, p.sample(ingest.Video, at, picture))
	}
}

// refuse counts what may not be analysed and says so in the call.
func (s *session) refuse(ctx context.Context, p *person, m ingest.Modality, at time.Time, why ingest.Reason) error {
	s.lane.worker.count.dropped(ctx, m, string(why))
	return s.handle(ctx, p.sample(m, at, ingest.Gap{End: at, Reason: why}))
}

// began notes when the first media of a person was captured.
func (p *person) began(at time.Time) {
	if p.zero.IsZero() {
		p.zero = at
	}
}

type transcriptRecord struct{ list []transcript.Segment }

func (r transcriptRecord) apply(ctx context.Context, s *session, participant string) (bool, error) {
	p, err := s.person(participant)
	if err != nil {
		return false, err
	}
	for _, one := range r.list {
		segment, err := one.At(p.zero)
		if err != nil {
			return false, poison("%w", err)
		}
		if why := p.id.Refusal(ingest.Text); why != "" {
			s.lane.worker.count.dropped(ctx, ingest.Text, string(why))
			continue
		}
		if err := s.handle(ctx, p.sample(ingest.Text, segment.Start, segment)); err != nil {
			return false, err
		}
	}
	return false, nil
}

type featuresRecord struct{ *valencev1.Features }

func (r featuresRecord) apply(ctx context.Context, s *session, participant string) (bool, error) {
	if contract := s.lane.worker.contract(); r.GetContract() != contract {
		return false, poison("the features follow the contract %s, the model was trained on %s: let gateways and workers use the same model", r.GetContract(), contract)
	}
	p, err := s.person(participant)
	if err != nil {
		return false, err
	}
	if r.GetOrigin() == p.origin && r.GetSequence() <= p.sequence {
		s.lane.worker.count.repeated(ctx)
		return false, nil
	}
	p.origin, p.sequence = r.GetOrigin(), r.GetSequence()
	p.agree(true, true, true) // the gateway has asked, and says when it is taken back
	for _, step := range r.GetSteps() {
		ended, err := s.step(ctx, p, step)
		if ended || err != nil {
			return ended, err
		}
	}
	return false, nil
}

// step does what a gateway says.
func (s *session) step(ctx context.Context, p *person, step *valencev1.Step) (ended bool, err error) {
	switch kind := step.GetKind().(type) {
	case *valencev1.Step_Advance:
		at, err := unitpb.ToAdvance(kind.Advance)
		if err != nil {
			return false, poison("%w", err)
		}
		return false, s.advance(at) //nolint:contextcheck // a call lives as long as its lane
	case *valencev1.Step_Withdraw:
		m, _, err := unitpb.ToWithdrawal(kind.Withdraw)
		if err != nil {
			return false, poison("%w", err)
		}
		p.id.Revoke(m)
		err = s.withdraw(p)
		p.id.Grant(m) // what comes from now on was agreed to again
		return false, err
	case *valencev1.Step_Control:
		return controlRecord{kind.Control}.apply(ctx, s, p.id.ID())
	default:
		u, err := unitpb.ToUnit(step)
		if err != nil {
			return false, poison("%w", err)
		}
		at := timeOf(u)
		if err := s.begin(at); err != nil { //nolint:contextcheck // a call lives as long as its lane
			return false, err
		}
		if at.After(p.last) {
			p.last = at
		}
		return false, s.call.Push(ctx, p.id, u)
	}
}

type controlRecord struct{ *valencev1.Control }

func (r controlRecord) apply(ctx context.Context, s *session, participant string) (bool, error) {
	at := r.GetTime().AsTime()
	switch kind := r.GetKind().(type) {
	case *valencev1.Control_SessionStart:
		return false, s.narrow(ingest.Purpose(kind.SessionStart.GetPurpose()))
	case *valencev1.Control_SessionEnd:
		return true, nil
	case *valencev1.Control_Heartbeat:
		return false, s.beat(ctx, at, participant)
	case *valencev1.Control_Erase:
		if participant == "" {
			return false, poison("the header participant is missing: it says who is to be erased")
		}
		return false, s.erase(ctx, participant)
	case *valencev1.Control_Leave:
		p, err := s.person(participant)
		if err != nil {
			return false, err
		}
		return false, s.leave(ctx, p, at)
	case *valencev1.Control_Mute:
		p, err := s.person(participant)
		if err != nil {
			return false, err
		}
		return false, s.mute(ctx, p, at, kind.Mute)
	case *valencev1.Control_Consent:
		if err := s.narrow(ingest.Purpose(kind.Consent.GetPurpose())); err != nil {
			return false, err
		}
		p, err := s.person(participant)
		if err != nil {
			return false, err
		}
		p.agree(kind.Consent.GetText(), kind.Consent.GetAudio(), kind.Consent.GetVideo())
		return false, s.withdraw(p)
	default:
		return false, nil // of a later version
	}
}
