package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/jsonl"
	"github.com/valence-live/valence/sink/report"
)

const demo = "../../demo/"

// replayed runs the command as a person would and reads its events.
func replayed(t *testing.T, args ...string) []*sink.Event {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, run(t.Context(), append([]string{"replay", "--quiet", "--output", file}, args...)))
	return read(t, file)
}

func read(t *testing.T, file string) []*sink.Event {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var events []*sink.Event
	for e, err := range jsonl.Read(f) {
		require.NoError(t, err, "every line is an event")
		events = append(events, e)
	}
	return events
}

// demoCall is the call that ships with the repository.
func demoCall(more ...string) []string {
	return append([]string{
		"--session", "demo",
		"--participant", "maya=" + demo + "call.webm", "--transcript", "maya=" + demo + "call.vtt",
		"--participant", "leo=" + demo + "guest.webm", "--transcript", "leo=" + demo + "guest.vtt",
	}, more...)
}

// sliding are the sliding windows of maya, who speaks most.
func sliding(events []*sink.Event) (out []*sink.Event) {
	for _, e := range events {
		if e.Participant == "maya" && e.Window.Kind == features.Sliding {
			out = append(out, e)
		}
	}
	return out
}

// mean of what f says of the events whose window ends within [from, to] seconds
// of the call.
func mean(t *testing.T, events []*sink.Event, from, to float64, f func(*sink.Event) float64) float64 {
	t.Helper()
	sum, n := 0.0, 0
	for _, e := range events {
		if at := e.Window.End.Sub(time.Unix(0, 0)).Seconds(); from <= at && at <= to {
			sum += f(e)
			n++
		}
	}
	require.Positive(t, n, "no window ends within %g s to %g s", from, to)
	return sum / float64(n)
}

func score(e *sink.Event) float64 { return float64(e.Score) }

func roll(e *sink.Event) float64 { return float64(e.Rolling.Participant) }

func width(e *sink.Event) float64 { return float64(e.Interval.High - e.Interval.Low) }

func TestTheRollingScoreFollowsTheTurnsOfTheDemo(t *testing.T) {
	maya := sliding(replayed(t, demoCall()...))
	happy, angry, thankful := mean(t, maya, 12, 16, score), mean(t, maya, 32, 37, score), mean(t, maya, 53, 57, score)
	assert.Greater(t, happy, 0.2, "she loves the speaker")
	assert.Less(t, angry, -0.1, "it died")
	assert.Greater(t, thankful, 0.2, "a new one comes")

	first, trough, last := mean(t, maya, 14, 17, roll), mean(t, maya, 35, 40, roll), mean(t, maya, 55, 58, roll)
	assert.Greater(t, first, trough+0.1, "the rolling score turns down")
	assert.Greater(t, last, trough+0.1, "and up again")
}

func TestWithoutTheTextTheIntervalIsWiderAndTheEventSaysWhy(t *testing.T) {
	with := sliding(replayed(t, demoCall()...))
	without := sliding(replayed(t, demoCall("--drop", "text")...))
	for _, e := range without {
		assert.False(t, e.Modalities.Text.Present)
		assert.EqualValues(t, "policy", e.Modalities.Text.Reason)
	}
	assert.Greater(t, mean(t, without, 0, 60, width), mean(t, with, 0, 60, width))
}

// final reduces a file of events to what must be repeatable, byte by byte.
func final(t *testing.T, events []*sink.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	w := jsonl.New(&out)
	for _, e := range events {
		plain := e.Repeatable()
		require.NoError(t, w.Publish(t.Context(), &plain))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestTwoReplaysGiveTheSameBytesWhateverTheNumberOfProcessors(t *testing.T) {
	once := final(t, replayed(t, demoCall()...))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again := final(t, replayed(t, demoCall()...))
	assert.Equal(t, string(once), string(again))
}

// clip writes three seconds of sound.
func clip(t *testing.T, name string, level func(sample int) float64) string {
	t.Helper()
	const seconds = 3
	var data bytes.Buffer
	data.WriteString("RIFF")
	for _, field := range []any{
		uint32(36 + 2*clipRate*seconds), []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), // PCM, mono
		uint32(clipRate), uint32(2 * clipRate), uint16(2), uint16(16), []byte("data"), uint32(2 * clipRate * seconds),
	} {
		require.NoError(t, binary.Write(&data, binary.LittleEndian, field))
	}
	for i := range clipRate * seconds {
		require.NoError(t, binary.Write(&data, binary.LittleEndian, int16(level(i))))
	}
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, data.Bytes(), 0o600))
	return file
}

const clipRate = 8000 // samples a second

// shortClip is a buzz that passes for speech.
func shortClip(t *testing.T) string {
	t.Helper()
	return clip(t, "buzz.wav", func(i int) float64 {
		if i%clipRate > clipRate*8/10 {
			return 0
		}
		return 12000 * (float64(i%53)/53 - 0.5) // a saw tooth at 151 Hz
	})
}

func TestAReplayAtTheSpeedOfTheCallGivesTheSameBytes(t *testing.T) {
	short := []string{shortClip(t), "--participant", "ann"}
	fast := final(t, replayed(t, short...))
	paced := final(t, replayed(t, append(short, "--speed", "1")...))
	assert.NotEmpty(t, fast)
	assert.Equal(t, string(fast), string(paced))
}

func TestATranscriptAloneIsACallOfUtterances(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.srt")
	var text bytes.Buffer
	for i, line := range []string{"This is wonderful, I love it.", "This is terrible, I hate it."} {
		fmt.Fprintf(&text, "%d\n00:00:%02d,000 --> 00:00:%02d,000\n%s\n\n", i+7, i*10, i*10+4, line)
	}
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	var utterances []*sink.Event
	for _, e := range replayed(t, file) {
		assert.False(t, e.Modalities.Audio.Present)
		assert.EqualValues(t, "no_track", e.Modalities.Audio.Reason)
		if e.Window.Kind == features.Utterance {
			utterances = append(utterances, e)
		}
	}
	require.Len(t, utterances, 2)
	assert.Equal(t, "replay/notes/utterance/7", utterances[0].ID, "the cue's own id")
	assert.Greater(t, score(utterances[0]), 0.3)
	assert.Less(t, score(utterances[1]), -0.3)
	assert.Less(t, roll(utterances[1]), roll(utterances[0]))
}

func TestALongPauseAndALongCueAreScored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.vtt")
	text := "WEBVTT\n\nfirst\n00:00:01.000 --> 00:00:03.000\nI love it.\n\nlong\n00:01:30.000 --> 00:02:00.000\n" +
		"I hate it, " + "and it goes on and on and on and it never ends and nobody cares, so terrible.\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	ids := map[string]*sink.Event{}
	for _, e := range replayed(t, file) {
		ids[e.ID] = e
	}
	require.Contains(t, ids, "replay/notes/utterance/first")
	require.Contains(t, ids, "replay/notes/utterance/long")
	long := ids["replay/notes/utterance/long"]
	assert.Equal(t, 30*time.Second, long.Window.End.Sub(long.Window.Start), "it keeps its bounds")
	assert.Less(t, float64(long.Modalities.Text.Coverage), 0.5, "and says that only its newest part was read")
}

func TestABrokenFileGivesTheScoresUpToThereAndAnError(t *testing.T) {
	whole, err := os.ReadFile(demo + "call.webm")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "cut.webm")
	require.NoError(t, os.WriteFile(file, whole[:len(whole)/2], 0o600))
	out := filepath.Join(t.TempDir(), "events.jsonl")
	err = run(t.Context(), []string{"replay", "--quiet", "--output", out, file})
	require.ErrorContains(t, err, "cut off")
	assert.Greater(t, len(read(t, out)), 10)
}

func TestTheReportIsOnePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "pages", "report.html")
	replayed(t, demoCall("--report", page)...)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(html), "maya")
	assert.Contains(t, string(html), "fantastic", "the words of the transcript")
	assert.NotContains(t, string(html), `src="http`, "nothing is loaded")
	assert.Contains(t, string(html), "nothing to score: no speech, face switched off", "leo, before he speaks")
}

func TestTheReportOfASilentCallSaysWhy(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	assert.Empty(t, replayed(t, "--report", page, clip(t, "ann.wav", func(int) float64 { return 0 })))
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(html), "could not be scored: words and face not sent, voice switched off.")
}

func TestSettingsOfTheCommandLineReachTheWindows(t *testing.T) {
	events := replayed(t, demoCall("--window", "4s", "--hop", "2s", "--start", "2026-01-02T03:04:05Z")...)
	for _, e := range sliding(events) {
		assert.Equal(t, 4*time.Second, e.Window.End.Sub(e.Window.Start))
		assert.Zero(t, e.Window.End.Unix()%2)
		assert.Equal(t, 2026, e.Window.End.Year())
	}
	err := run(t.Context(), append([]string{"replay", "--quiet", "--window", "20s"}, demoCall()...))
	require.ErrorContains(t, err, "the model reads at most 12.8s")
	for _, zero := range []string{"--window", "--hop"} {
		err = run(t.Context(), append([]string{"replay", zero, "0s", "--quiet"}, demoCall()...))
		require.ErrorContains(t, err, "is 0s", "what was typed is never taken for what was not")
	}
}

func TestACallWithNothingToDrawLeavesNoPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	out := filepath.Join(t.TempDir(), "events.jsonl")
	err := run(t.Context(), []string{"replay", "--quiet", "--output", out, "--report", page, "--drop", "text,audio,video", demo + "guest.webm"})
	require.ErrorIs(t, err, report.ErrEmpty)
	require.ErrorContains(t, err, page)
	assert.NoFileExists(t, page)
	assert.Empty(t, read(t, out))
}

func TestAFailureToWriteIsSaidOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no full device here")
	}
	err := run(t.Context(), []string{"replay", "--quiet", "--output", "/dev/full", demo + "guest.webm"})
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, 1, strings.Count(err.Error(), "/dev/full"))
}

func TestAnUnreachableCollectorDoesNotFailTheReplay(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:1")
	assert.NotEmpty(t, replayed(t, shortClip(t)))
}

func TestAFileThatDoesNotExistIsNamed(t *testing.T) {
	err := run(t.Context(), []string{"replay", "nowhere.mp4"})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "nowhere.mp4")
}

func TestAFolderInPlaceOfAFileIsNamedOnce(t *testing.T) {
	folder := t.TempDir()
	transcript := filepath.Join(folder, "notes.vtt")
	require.NoError(t, os.Mkdir(transcript, 0o700))
	for _, input := range []string{folder, transcript} {
		err := run(t.Context(), []string{"replay", "--quiet", "-o", os.DevNull, input})
		require.ErrorIs(t, err, syscall.EISDIR)
		assert.Equal(t, "read "+input+": is a directory", err.Error())
	}
}
