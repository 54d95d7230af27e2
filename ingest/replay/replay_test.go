package replay_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/ingest/transcript"
)

func TestAllTracksComeInOneOrderOfTimeAndEnd(t *testing.T) {
	var c call
	require.NoError(t, run(t, replay.Config{Inputs: two(t)}, &c))
	for i := 1; i < len(c.times); i++ {
		require.False(t, c.times[i].Before(c.times[i-1]), "%s%s", c.lines[i-1], c.lines[i])
	}
	assert.Equal(t, made, c.times[0].Truncate(time.Second))
	assert.Equal(t, map[string]ingest.Reason{"alice text": "", "alice audio": "", "alice video": "", "bob audio": "", "bob video": ""}, c.ended)
	assert.Equal(t, 2, c.count["alice text segment"])
	assert.GreaterOrEqual(t, c.count["alice text progress"], 2)
	assert.Equal(t, 7, c.count["alice video picture"])
	assert.Equal(t, 12, c.count["alice audio sound"])
}

func TestAReplayCanBeRepeated(t *testing.T) {
	var first call
	require.NoError(t, run(t, replay.Config{Inputs: two(t)}, &first))
	for _, procs := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(procs)
		var again call
		err := run(t, replay.Config{Inputs: two(t)}, &again)
		runtime.GOMAXPROCS(before)
		require.NoError(t, err)
		require.Equal(t, first.lines, again.lines)
	}
}

func TestParticipantsHaveConsented(t *testing.T) {
	source, err := replay.Open(t.Context(), replay.Config{Session: "s", Inputs: two(t)}, quiet)
	require.NoError(t, err)
	require.NoError(t, source.Run(t.Context(), handlerFunc(func(s ingest.Sample) error {
		assert.True(t, s.Track.Participant.Consents(s.Track.Modality))
		assert.Equal(t, "s", s.Track.Participant.Session())
		return nil
	})))
}

func TestTheZeroOfAllFilesIsGivenOrCreatedOrTheEpoch(t *testing.T) {
	given := time.Date(2020, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		start  time.Time
		inputs []replay.Input
		want   time.Time
	}{
		"given":   {given, two(t), given.UTC()},
		"created": {time.Time{}, two(t), made}, // the second file says
		"epoch":   {time.Time{}, two(t)[:1], epoch},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := replay.Open(t.Context(), replay.Config{Session: "s", Inputs: c.inputs, Start: c.start}, quiet)
			require.NoError(t, err)
			defer func() { require.NoError(t, source.Close()) }()
			assert.Equal(t, c.want, source.Start())
			assert.InDelta(t, 1.24, source.Duration().Seconds(), .05)
		})
	}
}

func TestATranscriptAloneIsACall(t *testing.T) {
	source, err := replay.Open(t.Context(), replay.Config{Session: "s", Inputs: []replay.Input{{Participant: "ann", Media: write(t, "notes.vtt", twoCues)}}}, quiet)
	require.NoError(t, err)
	assert.True(t, source.TranscriptsAlone())
	assert.Equal(t, 1200*time.Millisecond, source.Duration())
	require.Len(t, source.Transcripts(), 1)
	assert.Equal(t, "hi", source.Transcripts()[0].Segments[0].ID)
	var c call
	require.NoError(t, source.Run(t.Context(), &c))
	assert.Equal(t, 2, c.count["ann text segment"])
	assert.Equal(t, map[string]ingest.Reason{"ann text": ""}, c.ended)
	assert.Equal(t, epoch.Add(1200*time.Millisecond), c.times[len(c.times)-1])
}

func TestWhatAFileLacksIsNotMentioned(t *testing.T) {
	for name, want := range map[string]map[string]ingest.Reason{
		"tone.flac": {"ann audio": ""},
		"grey.mkv":  {"ann video": ""},
		"cover.mp3": {"ann audio": ""},
	} {
		var c call
		require.NoError(t, run(t, replay.Config{Inputs: []replay.Input{{Participant: "ann", Media: media(name)}}}, &c))
		assert.Equal(t, want, c.ended)
	}
}

func TestWhatIsDroppedEndsAtOnceByPolicy(t *testing.T) {
	for _, m := range ingest.Modalities() {
		var c call
		require.NoError(t, run(t, replay.Config{Inputs: two(t), Drop: []ingest.Modality{m}}, &c))
		for _, who := range []string{"alice ", "bob "} {
			assert.Equal(t, ingest.ReasonPolicy, c.ended[who+m.String()])
			for _, kind := range []string{" sound", " picture", " segment", " progress", " gap"} {
				assert.Zero(t, c.count[who+m.String()+kind])
			}
		}
		assert.Equal(t, made, c.times[0], "said before anything else")
	}
}

func TestACutFileIsDeliveredAsFarAsItGoes(t *testing.T) {
	data, err := os.ReadFile(media("h264-aac.mov"))
	require.NoError(t, err)
	inputs := two(t)
	inputs[1].Media = write(t, "cut.mov", string(data[:len(data)*8/10]))
	var c call
	err = run(t, replay.Config{Inputs: inputs}, &c)
	require.ErrorIs(t, err, codec.ErrTruncated)
	assert.Contains(t, err.Error(), "cut.mov")
	joined, many := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	assert.True(t, !many || len(joined.Unwrap()) == 1, "once for a file: %v", err)
	assert.Equal(t, 12, c.count["alice audio sound"], "the other goes on to its end")
	assert.Positive(t, c.count["bob audio sound"])
	assert.Less(t, c.count["bob audio sound"], 12)
	assert.Contains(t, c.ended, "bob audio")
}

func TestCancellingAndFailingLeaveNothingBehind(t *testing.T) {
	broken := errors.New("the stage behind is broken")
	for _, n := range []int{1, 5, 20} {
		err := run(t, replay.Config{Inputs: two(t)}, &call{after: func(i int) error {
			if i == n {
				return broken
			}
			return nil
		}})
		require.ErrorIs(t, err, broken)

		ctx, cancel := context.WithCancel(t.Context())
		source, err := replay.Open(ctx, replay.Config{Session: "s", Inputs: two(t)}, quiet)
		require.NoError(t, err)
		err = source.Run(ctx, &call{after: func(i int) error {
			if i == n {
				cancel()
			}
			return nil
		}})
		require.ErrorIs(t, err, context.Canceled)
		cancel()
		require.NoError(t, source.Close(), "again")
	}
	source, err := replay.Open(t.Context(), replay.Config{Session: "s", Inputs: two(t)}, quiet)
	require.NoError(t, err)
	require.NoError(t, source.Close(), "without Run")
}

func TestAtRealTimeNothingComesBeforeItWasCaptured(t *testing.T) {
	inputs := two(t)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var c call
		c.after = func(i int) error {
			assert.Equal(t, c.times[i-1].Sub(c.times[0]), time.Since(begin))
			return nil
		}
		require.NoError(t, run(t, replay.Config{Inputs: inputs, RealTime: true}, &c))
		assert.Greater(t, time.Since(begin), 1100*time.Millisecond)
	})
}

func TestInputsThatCannotBeReplayedAreRefusedBeforeAnythingIs(t *testing.T) {
	vtt := write(t, "a.vtt", twoCues)
	for name, c := range map[string]struct {
		inputs []replay.Input
		want   error
	}{
		"none":              {nil, replay.ErrInput},
		"nothing of it":     {[]replay.Input{{Participant: "a"}}, replay.ErrInput},
		"two transcripts":   {[]replay.Input{{Participant: "a", Media: vtt, Transcript: vtt}}, replay.ErrInput},
		"one name twice":    {[]replay.Input{{Participant: "a", Media: vtt}, {Participant: "a", Media: vtt}}, replay.ErrInput},
		"a bad name":        {[]replay.Input{{Participant: "a/b", Media: vtt}}, ingest.ErrID},
		"no file":           {[]replay.Input{{Participant: "a", Media: "missing.mp4"}}, os.ErrNotExist},
		"no transcript":     {[]replay.Input{{Participant: "a", Media: media("tone.flac"), Transcript: "missing.vtt"}}, os.ErrNotExist},
		"a folder":          {[]replay.Input{{Participant: "a", Media: "testdata"}}, nil},
		"no media":          {[]replay.Input{{Participant: "a", Media: media("make.sh")}}, codec.ErrFormat},
		"a bad transcript":  {[]replay.Input{{Participant: "a", Media: media("tone.flac"), Transcript: media("make.sh")}}, ingest.ErrTranscript},
		"too wide pictures": {[]replay.Input{{Participant: "a", Media: media("too-wide.mkv")}}, codec.ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay.Open(t.Context(), replay.Config{Session: "s", Inputs: c.inputs}, quiet)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

func TestTheDemoCallReplays(t *testing.T) {
	demo := func(name string) string { return filepath.Join("..", "..", "demo", name) }
	var c call
	require.NoError(t, run(t, replay.Config{Inputs: []replay.Input{
		{Participant: "alice", Media: demo("call.webm"), Transcript: demo("call.vtt")},
		{Participant: "bob", Media: demo("guest.webm"), Transcript: demo("guest.vtt")},
	}}, &c))
	assert.Len(t, c.ended, 6)
	assert.Equal(t, 16, c.count["alice text segment"])
	assert.Equal(t, 4, c.count["bob text segment"])
	assert.Equal(t, 287, c.count["alice video picture"], "five a second for 57.4 s")
	assert.Equal(t, 574, c.count["bob audio sound"])
	assert.Zero(t, c.count["alice audio gap"]+c.count["alice video gap"]+c.count["bob audio gap"]+c.count["bob video gap"])
}

func TestTheSharedRecordingsReplay(t *testing.T) {
	data := os.Getenv("VALENCE_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(data, "media", "*"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("the recordings of the data sets (../shared/data/media) are not here")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			var c call
			require.NoError(t, run(t, replay.Config{Inputs: []replay.Input{{Participant: "ann", Media: f}}}, &c))
			assert.Contains(t, c.ended, "ann audio")
			if filepath.Ext(f) != ".wav" {
				length := c.times[len(c.times)-1].Sub(c.times[0]).Seconds()
				assert.InDelta(t, 5*length, c.count["ann video picture"], 2)
			}
			assert.Zero(t, c.count["ann audio gap"]+c.count["ann video gap"])
		})
	}
}

func TestATranscriptMayLastAsLongAsMedia(t *testing.T) {
	assert.Equal(t, codec.MaxDuration, transcript.MaxDuration)
}
