package wire

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
)

func invalid(format string, args ...any) error {
	return poison(ReasonInvalid, fmt.Errorf(format, args...))
}

// unknown is a choice of which no kind is set that this version knows.
func unknown(kinds string) error {
	return poison(ReasonKind, fmt.Errorf("the record has none of %s, or what it has is of a later version", kinds))
}

func checkTime(what string, t *timestamppb.Timestamp) error {
	if t == nil {
		return invalid("the %s has no time", what)
	}
	if err := t.CheckValid(); err != nil {
		return invalid("the time of the %s: %w", what, err)
	}
	return nil
}

func checkMedia(m *valencev1.Media) error {
	switch kind := m.GetKind().(type) {
	case *valencev1.Media_Audio:
		a := kind.Audio
		if ms := a.GetDurationMs(); math.IsNaN(ms) || ms < 0 || ms > longestMs {
			return invalid("the audio lasts %v ms: a chunk lasts 0 to %d ms", ms, longestMs)
		}
		if a.GetRate() < 0 || a.GetChannels() < 0 {
			return invalid("the audio has %d channels at %d Hz", a.GetChannels(), a.GetRate())
		}
		return checkUnit("audio", a.GetCodec(), a.GetData(), a.GetTime())
	case *valencev1.Media_Video:
		v := kind.Video
		if !slices.Contains([]int32{0, 90, 180, 270}, v.GetRotation()) {
			return invalid("the picture is rotated by %d degrees: send 0, 90, 180 or 270", v.GetRotation())
		}
		return checkUnit("video", v.GetCodec(), v.GetData(), v.GetTime())
	default:
		return unknown("audio, video")
	}
}

// longestMs is the longest chunk of audio: a minute.
const longestMs = 60_000

func checkUnit(what, codec string, data []byte, t *timestamppb.Timestamp) error {
	switch {
	case codec == "":
		return invalid("the %s has no codec", what)
	case len(data) == 0:
		return invalid("the %s has no data", what)
	default:
		return checkTime(what, t)
	}
}

func checkControl(m *valencev1.Control) error {
	if err := checkTime("control", m.GetTime()); err != nil {
		return err
	}
	switch kind := m.GetKind().(type) {
	case *valencev1.Control_SessionStart:
		return checkPurpose(kind.SessionStart.GetPurpose())
	case *valencev1.Control_Consent:
		return checkPurpose(kind.Consent.GetPurpose())
	case *valencev1.Control_Mute:
		if len(kind.Mute.GetModalities()) == 0 {
			return invalid("mute names no modality: list text, audio or video")
		}
		for _, name := range kind.Mute.GetModalities() {
			if _, err := ingest.ParseModality(name); err != nil {
				return invalid("mute: %w", err)
			}
		}
		return nil
	case nil:
		return unknown("session_start, session_end, leave, mute, consent, erase, heartbeat")
	default:
		return nil
	}
}

func checkPurpose(name string) error {
	if name == "" {
		return nil
	}
	if _, err := ingest.ParsePurpose(name); err != nil {
		return poison(ReasonInvalid, err)
	}
	return nil
}

func checkFeatures(m *valencev1.Features) error {
	if m.GetContract() == "" {
		return invalid("the features name no contract: nobody can say whether a model was trained on such")
	}
	m.Steps = slices.DeleteFunc(m.Steps, func(s *valencev1.Step) bool { return s.GetKind() == nil })
	return nil
}

func checkState(m *valencev1.State) error {
	if m.GetSession() == "" || m.GetParticipant() == "" {
		return invalid("the state names no session or no participant")
	}
	return nil
}

func checkEvent(m *valencev1.Event) error {
	if m.GetId() == "" || m.GetSession() == "" || m.GetParticipant() == "" {
		return invalid("the event has no id, session or participant")
	}
	if err := checkTime("window's start", m.GetWindow().GetStart()); err != nil {
		return err
	}
	return checkTime("window's end", m.GetWindow().GetEnd())
}
