package codec_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

func TestAKeyFrameIsKnownByItsFirstBits(t *testing.T) {
	for _, c := range []struct {
		what  string
		codec codec.VideoCodec
		unit  string
		key   bool
	}{
		{"key frame", codec.VP8, "\x10\x02\x00\x9d\x01\x2a\x40\x00\x30\x00", true},
		{"inter frame", codec.VP8, "\x11\x02\x00\x9d\x01\x2a\x40\x00\x30\x00", false},
		{"another start code", codec.VP8, "\x10\x02\x00\x9d\x01\x2b\x40\x00\x30\x00", false},
		{"cut off", codec.VP8, "\x10\x02\x00\x9d\x01\x2a\x40\x00\x30", false},
		{"key frame", codec.VP9, "\x82\x49\x83\x42\x00", true},
		{"inter frame", codec.VP9, "\x86\x49\x83\x42\x00", false},
		{"an existing one", codec.VP9, "\x8a\x49\x83\x42\x00", false},
		{"no frame marker", codec.VP9, "\x42\x49\x83\x42\x00", false},
		{"another sync code", codec.VP9, "\x82\x49\x83\x43\x00", false},
		{"profile 2", codec.VP9, "\x92\x49\x83\x42\x00", true},
		{"profile 3", codec.VP9, "\xb1\x24\xc1\xa1\x00", true},
		{"profile 3, inter frame", codec.VP9, "\xb3\x24\xc1\xa1\x00", false},
		{"profile 3, reserved bit", codec.VP9, "\xb9\x24\xc1\xa1\x00", false},
		{"cut off", codec.VP9, "\x82\x49\x83\x42", false},
		{"IDR", codec.H264, "\x00\x00\x00\x01\x65\x88", true},
		{"IDR after its sets, short codes", codec.H264, "\x00\x00\x01\x67\x42\x00\x00\x01\x68\xce\x00\x00\x01\x65", true},
		{"sets alone", codec.H264, "\x00\x00\x01\x67\x42\x00\x00\x01\x68\xce", false},
		{"slice", codec.H264, "\x00\x00\x00\x01\x41\x9a", false},
		{"a start code alone", codec.H264, "\x00\x00\x01", false},
		{"nothing", codec.VP8, "", false},
		{"nothing", codec.VP9, "", false},
		{"nothing", codec.H264, "", false},
		{"another codec", "AV1", "\x12\x00", false},
	} {
		assert.Equal(t, c.key, c.codec.KeyFrame([]byte(c.unit)), "%s: %s", c.codec, c.what)
	}
}

func TestAUnitIsDroppableIfItsSlicesAreNotReferredTo(t *testing.T) {
	for unit, want := range map[string]bool{
		"\x00\x00\x01\x01\x9a":                     true,
		"\x00\x00\x01\x09\x10\x00\x00\x01\x01\x9a": true,  // after a delimiter
		"\x00\x00\x01\x06\x01\x00\x00\x01\x01\x9a": true,  // after SEI
		"\x00\x00\x01\x68\xce\x00\x00\x01\x01\x9a": false, // others may need the parameter set
		"\x00\x00\x01\x21\x9a":                     false,
		"\x00\x00\x01\x01\x9a\x00\x00\x01\x21\x9a": false,
		"\x00\x00\x01\x05\x88":                     false, // not even where its nal_ref_idc, against the rules, is 0
		"\x00\x00\x01\x06\x01":                     false,
		"":                                         false,
	} {
		assert.Equal(t, want, codec.H264.Droppable([]byte(unit)), "%x", unit)
		assert.False(t, codec.VP8.Droppable([]byte(unit)))
		assert.False(t, codec.VP9.Droppable([]byte(unit)))
	}
	n := 0
	for _, u := range packets(t, "testdata/layers.mkv", ingest.Video) {
		if codec.H264.Droppable(u.data) {
			n++
		}
	}
	assert.Equal(t, 15, n, "every second")
}
