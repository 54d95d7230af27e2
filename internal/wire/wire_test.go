package wire_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/wire"
)

func at() *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 3, 2, 9, 30, 0, 5e8, time.UTC))
}

func control(change func(c *valencev1.Control)) *valencev1.Control {
	c := &valencev1.Control{Time: at()}
	change(c)
	return c
}

// messages is one of everything that a record may hold.
func messages() map[string]proto.Message {
	return map[string]proto.Message{
		"audio": &valencev1.Media{Kind: &valencev1.Media_Audio{Audio: &valencev1.AudioChunk{
			Codec: "opus", Rate: 48000, Time: at(), DurationMs: 20, Data: []byte{0, 1, 2},
		}}},
		"video": &valencev1.Media{Kind: &valencev1.Media_Video{Video: &valencev1.VideoFrame{
			Codec: "h264", Key: true, Time: at(), Rotation: 90, Data: []byte{9},
		}}},
		"session start": control(func(c *valencev1.Control) {
			c.Kind = &valencev1.Control_SessionStart{SessionStart: &valencev1.SessionStart{Purpose: "workplace"}}
		}),
		"consent": control(func(c *valencev1.Control) {
			c.Kind = &valencev1.Control_Consent{Consent: &valencev1.Consent{Text: true, Video: true}}
		}),
		"mute": control(func(c *valencev1.Control) {
			c.Kind = &valencev1.Control_Mute{Mute: &valencev1.Mute{Modalities: []string{"audio", "video"}, Muted: true}}
		}),
		"heartbeat": control(func(c *valencev1.Control) { c.Kind = &valencev1.Control_Heartbeat{Heartbeat: &valencev1.Heartbeat{}} }),
		"features": &valencev1.Features{Contract: "sha256:00", Origin: "a", Sequence: 1 << 60, Steps: []*valencev1.Step{
			{Kind: &valencev1.Step_Vector{Vector: &valencev1.Vector{Modality: "audio", Start: at(), Values: []float32{0.1}}}},
		}},
		"state": &valencev1.State{Session: "call", Participant: "alice", WindowEnd: at()},
	}
}

// read decodes a record of the kind that m is.
func read(r wire.Record, m proto.Message) (proto.Message, error) {
	switch m.(type) {
	case *valencev1.Media:
		return wire.DecodeMedia(r)
	case *valencev1.Control:
		return wire.DecodeControl(r)
	case *valencev1.Features:
		return wire.DecodeFeatures(r)
	case *valencev1.State:
		return wire.DecodeState(r)
	default:
		return wire.DecodeEvent(r)
	}
}

func TestEveryRecordReadsBackTheSameInEitherForm(t *testing.T) {
	for what, m := range messages() {
		for _, form := range []wire.Form{wire.Protobuf, wire.JSON} {
			r, err := wire.Encode("call", m, form, wire.Meta{ID: "1", Source: "/test", Participant: "alice"})
			require.NoError(t, err)
			back, err := read(r, m)
			require.NoError(t, err, "%s in %s", what, form)
			assert.True(t, proto.Equal(m, back), "%s in %s: %v", what, form, back)
			session, participant, err := r.Who()
			require.NoError(t, err)
			assert.Equal(t, []string{"call", "alice"}, []string{session, participant})
		}
	}
}

func TestARecordWithoutHeadersIsJSON(t *testing.T) {
	m, err := wire.DecodeMedia(wire.Record{Value: []byte(
		`{"audio":{"codec":"pcm_s16le","rate":16000,"time":"2026-03-02T09:30:00.5Z","data":"AAEC"},"later":true}`)})
	require.NoError(t, err)
	assert.Equal(t, "pcm_s16le", m.GetAudio().GetCodec())
	c, err := wire.DecodeControl(wire.Record{Value: []byte(
		`{"time":"2026-03-02T09:30:00Z","consent":{"text":true,"audio":true,"video":true}}`)})
	require.NoError(t, err)
	assert.True(t, c.GetConsent().GetVideo())
}

func TestATranscriptIsReadByTheParserOfTheHTTPInterface(t *testing.T) {
	message := &valencev1.Transcript{Segments: []*valencev1.TranscriptSegment{
		{Id: "s1", Start: at(), End: at(), Text: "hello", Final: new(true), Words: []*valencev1.TranscriptWord{{Text: "hello", Start: at(), End: at()}}},
		{Id: "s2", StartMs: new(100.5), EndMs: new(200.0), Text: "well", Final: new(false)},
		{Id: "s3", StartMs: new(0.0), EndMs: new(200.0), Text: "final where nothing is said"},
	}}
	var seen [][]transcript.Segment
	for _, form := range []wire.Form{wire.Protobuf, wire.JSON} {
		r, err := wire.Encode("call", message, form, wire.Meta{})
		require.NoError(t, err)
		list, err := wire.DecodeTranscript(r)
		require.NoError(t, err)
		segments, err := transcript.ParseLive("application/json", list)
		require.NoError(t, err)
		require.Len(t, segments, 3)
		assert.Equal(t, []bool{true, false, true}, []bool{segments[0].Final, segments[1].Final, segments[2].Final})
		seen = append(seen, segments)
	}
	assert.Equal(t, seen[0], seen[1])
	bare, err := wire.DecodeTranscript(wire.Record{Value: []byte(`{"id":"s1"}`)})
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"s1"}`, string(bare), "JSON is handed on as it is")
}

func header(pairs ...string) (headers []wire.Header) {
	for i := 0; i < len(pairs); i += 2 {
		headers = append(headers, wire.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return headers
}

func TestPoisonSaysWhatIsWrongWithIt(t *testing.T) {
	media := func(r wire.Record) error { _, err := wire.DecodeMedia(r); return err }
	controls := func(r wire.Record) error { _, err := wire.DecodeControl(r); return err }
	words := func(r wire.Record) error { _, err := wire.DecodeTranscript(r); return err }
	features := func(r wire.Record) error { _, err := wire.DecodeFeatures(r); return err }
	state := func(r wire.Record) error { _, err := wire.DecodeState(r); return err }
	who := func(r wire.Record) error { _, _, err := r.Who(); return err }
	for _, c := range []struct {
		read    func(wire.Record) error
		value   string
		headers []wire.Header
		want    wire.Reason
	}{
		{media, `{}`, header("content-type", "text/vtt"), wire.ReasonContentType},
		{media, `{}`, header("Content-Type", "application/x-java; ="), wire.ReasonContentType},
		{media, "\xff\xff", header("content-type", "application/protobuf; charset=x"), wire.ReasonMalformed},
		{media, `{"audio":`, nil, wire.ReasonMalformed},
		{media, `[]`, nil, wire.ReasonMalformed},
		{media, ``, nil, wire.ReasonMalformed},
		{media, `{"smell":{}}`, nil, wire.ReasonKind},
		{media, ``, header("content-type", "application/x-protobuf"), wire.ReasonKind},
		{media, `{}`, header("ce_specversion", "0.3"), wire.ReasonVersion},
		{media, `{}`, header("ce_type", "live.valence.control.v1"), wire.ReasonKind},
		{media, `{"audio":{}}`, nil, wire.ReasonInvalid},
		{media, `{"audio":{"codec":"opus","data":"AA=="}}`, nil, wire.ReasonInvalid},
		{media, `{"audio":{"codec":"opus","data":"AA==","time":"2026-03-02T09:30:00Z","duration_ms":"NaN"}}`, nil, wire.ReasonInvalid},
		{media, `{"audio":{"codec":"opus","data":"AA==","time":"2026-03-02T09:30:00Z","rate":-1}}`, nil, wire.ReasonInvalid},
		{media, `{"video":{"codec":"jpeg","data":"","time":"2026-03-02T09:30:00Z"}}`, nil, wire.ReasonInvalid},
		{media, `{"video":{"codec":"jpeg","data":"AA==","time":"2026-03-02T09:30:00Z","rotation":45}}`, nil, wire.ReasonInvalid},
		{media, "\x0a\x0a\x22\x02\x10\xff\x0a\x01a\x32\x01a", header("content-type", "application/protobuf"), wire.ReasonMalformed},
		{controls, `{"leave":{}}`, nil, wire.ReasonInvalid},
		{controls, `{"time":"2026-03-02T09:30:00Z"}`, nil, wire.ReasonKind},
		{controls, `{"time":"2026-03-02T09:30:00Z","mute":{}}`, nil, wire.ReasonInvalid},
		{controls, `{"time":"2026-03-02T09:30:00Z","mute":{"modalities":["smell"]}}`, nil, wire.ReasonInvalid},
		{controls, `{"time":"2026-03-02T09:30:00Z","session_start":{"purpose":"fun"}}`, nil, wire.ReasonInvalid},
		{controls, `{"time":"2026-03-02T09:30:00Z","consent":{"purpose":"fun"}}`, nil, wire.ReasonInvalid},
		{features, `{}`, nil, wire.ReasonInvalid},
		{state, `{}`, nil, wire.ReasonInvalid},
		{words, `x`, header("content-type", "application/avro"), wire.ReasonContentType},
		{words, `x`, header("content-type", "application/protobuf"), wire.ReasonMalformed},
		{words, `x`, header("ce_type", "live.valence.event.v1"), wire.ReasonKind},
		{who, ``, nil, wire.ReasonID},
	} {
		err := c.read(wire.Record{Value: []byte(c.value), Headers: c.headers})
		poison, ok := errors.AsType[*wire.PoisonError](err)
		require.True(t, ok, "%s %v: %v", c.value, c.headers, err)
		assert.Equal(t, c.want, poison.Reason, "%s: %v", c.value, err)
		require.ErrorIs(t, err, wire.ErrPoison)
	}
}

func TestForeignCloudEventsArePassed(t *testing.T) {
	_, err := wire.DecodeControl(wire.Record{
		Value:   []byte(`{"time":"2026-03-02T09:30:00Z","leave":{}}`),
		Headers: header("ce_type", "com.example.left", "ce_specversion", "1.0", "content-type", "application/json; charset=utf-8"),
	})
	require.NoError(t, err)
}

func TestIDsThatMakeNoKeyAreRefused(t *testing.T) {
	for _, c := range []struct{ key, participant string }{
		{"", "alice"}, {"a/b", "alice"}, {"call", ""}, {"call", "a/b"}, {"call", "\xff"}, {strings.Repeat("x", 129), "alice"},
	} {
		_, _, err := wire.Record{Key: []byte(c.key), Headers: header("participant", c.participant)}.Who()
		require.ErrorIs(t, err, wire.ErrPoison, "%q %q", c.key, c.participant)
	}
	session, participant, err := wire.Record{Key: []byte("call")}.Who()
	require.NoError(t, err, "a control may concern the whole call")
	assert.Equal(t, "call", session)
	assert.Empty(t, participant)
}

func TestTheLastHeaderOfANameCounts(t *testing.T) {
	r := wire.Record{Headers: header("traceparent", "00-a", "Traceparent", "00-b")}
	assert.Equal(t, "00-b", r.Traceparent())
}

func TestADeadLetterKeepsTheRecordAndSaysWhereItWas(t *testing.T) {
	r := wire.Record{Key: []byte("call"), Value: []byte("\xff"), Headers: header("content-type", "application/avro", "participant", "alice")}
	_, err := wire.DecodeMedia(r)
	dead := wire.DeadLetter(r, "valence.media", 3, 1<<40, err)
	assert.Equal(t, r.Key, dead.Key)
	assert.Equal(t, r.Value, dead.Value)
	assert.Len(t, r.Headers, 2, "the record is untouched")
	for name, want := range map[string]string{
		"content-type": "application/avro", "participant": "alice", "dead_letter_reason": "content_type",
		"dead_letter_topic": "valence.media", "dead_letter_partition": "3", "dead_letter_offset": "1099511627776",
	} {
		got, _ := dead.Header(name)
		assert.Equal(t, want, got, name)
	}
	other, _ := wire.DeadLetter(r, "t", 0, 0, errors.New("no decoder")).Header("dead_letter_detail")
	assert.Equal(t, "no decoder", other)
}

func TestStepsOfALaterVersionAreLeftOut(t *testing.T) {
	m, err := wire.DecodeFeatures(wire.Record{Value: []byte(
		`{"contract":"c","steps":[{"later":{}},{"advance":{"time":"2026-03-02T09:30:00Z"}}]}`)})
	require.NoError(t, err)
	require.Len(t, m.GetSteps(), 1)
	assert.NotNil(t, m.GetSteps()[0].GetAdvance())
}

func TestOnlyMessagesWithATopicBecomeRecords(t *testing.T) {
	_, err := wire.Encode("call", at(), wire.JSON, wire.Meta{})
	require.Error(t, err)
	_, err = wire.Encode("call", &valencev1.State{Session: "\xff"}, wire.Protobuf, wire.Meta{})
	require.Error(t, err)
	_, err = wire.Encode("call", &valencev1.Transcript{Segments: []*valencev1.TranscriptSegment{{Id: "\xff"}}}, wire.JSON, wire.Meta{})
	require.Error(t, err)
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages() {
		for _, form := range []wire.Form{wire.Protobuf, wire.JSON} {
			r, err := wire.Encode("call", m, form, wire.Meta{})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(form), "call", "alice", r.Value)
		}
	}
	f.Fuzz(func(t *testing.T, form, key, participant string, value []byte) {
		r := wire.Record{Key: []byte(key), Value: value, Headers: header("content-type", form, "participant", participant)}
		if _, _, err := r.Who(); err != nil {
			require.ErrorIs(t, err, wire.ErrPoison)
		}
		if list, err := wire.DecodeTranscript(r); err == nil {
			_, _ = transcript.ParseLive("", list)
		}
		for _, m := range []proto.Message{&valencev1.Media{}, &valencev1.Control{}, &valencev1.Features{}, &valencev1.State{}, &valencev1.Event{}} {
			got, err := read(r, m)
			if err != nil {
				require.ErrorIs(t, err, wire.ErrPoison)
				continue
			}
			again, err := wire.Encode(key, got, wire.Protobuf, wire.Meta{})
			require.NoError(t, err)
			back, err := read(again, m)
			require.NoError(t, err)
			assert.True(t, proto.Equal(got, back))
		}
	})
}
