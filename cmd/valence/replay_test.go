package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
)

func parse(t *testing.T, args ...string) (replay.Config, error) {
	t.Helper()
	var c cli
	parser, err := kong.New(&c)
	require.NoError(t, err)
	_, err = parser.Parse(append([]string{"replay"}, args...))
	require.NoError(t, err)
	return c.Replay.source()
}

func TestTheCommandLineSaysWhoSpeaksInWhichFile(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want []replay.Input
	}{
		"a file alone is its own participant": {
			[]string{"calls/talk.mp4"},
			[]replay.Input{{Participant: "talk", Media: "calls/talk.mp4"}},
		},
		"a file with a name and a transcript": {
			[]string{"talk.mp4", "--participant", "ann", "--transcript", "talk.vtt"},
			[]replay.Input{{Participant: "ann", Media: "talk.mp4", Transcript: "talk.vtt"}},
		},
		"several participants": {
			[]string{"--participant", "alice=a.webm", "--participant", "bob=b.mp4", "--transcript", "bob=b.srt"},
			[]replay.Input{{Participant: "alice", Media: "a.webm"}, {Participant: "bob", Media: "b.mp4", Transcript: "b.srt"}},
		},
		"one of them by a transcript alone": {
			[]string{"--participant", "alice=a.webm", "--transcript", "bob=b.srt"},
			[]replay.Input{{Participant: "alice", Media: "a.webm"}, {Participant: "bob", Transcript: "b.srt"}},
		},
		"a comma belongs to the file's name": {
			[]string{"a,b.mp4", "--transcript", "a,b.vtt"},
			[]replay.Input{{Participant: "a,b", Media: "a,b.mp4", Transcript: "a,b.vtt"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := parse(t, test.args...)
			require.NoError(t, err)
			assert.Equal(t, test.want, cfg.Inputs)
		})
	}
}

func TestAWrongCommandLineIsToldWhatToWrite(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing":                        {nil, "give a media file or a transcript"},
		"a name without a file":          {[]string{"--participant", "ann"}, "--participant ann=FILE"},
		"two names without files":        {[]string{"--participant", "ann", "--participant", "bob"}, "give each as NAME=FILE"},
		"both ways at once":              {[]string{"a.mp4", "--participant", "bob=b.mp4"}, "--participant NAME=a.mp4"},
		"whose transcript":               {[]string{"--participant", "a=a.mp4", "--participant", "b=b.mp4", "--transcript", "t.vtt"}, "--transcript NAME=t.vtt"},
		"two transcripts of one":         {[]string{"a.mp4", "--transcript", "a.vtt", "--transcript", "b.vtt"}, "twice for a"},
		"a start that cannot be counted": {[]string{"a.mp4", "--start", "9999-12-31T00:00:00Z"}, "from 1700 to 2200"},
		"both results into one file":     {[]string{"a.mp4", "-o", "out/x", "--report", "out/./x"}, "give --output another file"},
		"a page among the events":        {[]string{"a.mp4", "--report", "-"}, "give --output another file"},
		"a stream that does not exist":   {[]string{"a.mp4", "--drop", "smell"}, `"smell": use text, audio or video`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, test.args...)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestDropNamesStreams(t *testing.T) {
	cfg, err := parse(t, "a.mp4", "--drop", "text,video")
	require.NoError(t, err)
	assert.Equal(t, []ingest.Modality{ingest.Text, ingest.Video}, cfg.Drop)
}

func TestAReplayNeverWritesOverItsOwnFiles(t *testing.T) {
	folder := t.TempDir()
	media, transcript, link := filepath.Join(folder, "a.mp4"), filepath.Join(folder, "a.vtt"), filepath.Join(folder, "link")
	for _, file := range []string{media, transcript} {
		require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))
	}
	require.NoError(t, os.Symlink(media, link))
	for _, args := range [][]string{
		{media, "-o", media},
		{media, "-o", filepath.Join(folder, "sub", "..", "a.mp4")},
		{media, "-o", link},
		{media, "--transcript", transcript, "-o", transcript},
		{media, "--report", media},
	} {
		err := run(t.Context(), append([]string{"replay", "--quiet"}, args...))
		require.ErrorContains(t, err, "would replace a file of the call", args)
	}
	for _, file := range []string{media, transcript} {
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "kept", string(kept))
	}
	_, err := parse(t, media, "-o", os.DevNull, "--report", filepath.Join(folder, "new.html"))
	require.NoError(t, err)
}
