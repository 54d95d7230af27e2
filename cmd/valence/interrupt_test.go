package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnInterruptedCommandSaysWhatIsLeft(t *testing.T) {
	folder := t.TempDir()
	clip, manifest, out := shortClip(t), filepath.Join(folder, "items.csv"), filepath.Join(folder, "out.npz")
	require.NoError(t, os.WriteFile(manifest, fmt.Appendf(nil, "id,path\na,%s\n", clip), 0o600))
	page := filepath.Join(folder, "page.html")
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"replay", "-q", "-o", os.DevNull, clip}, "interrupted; the events written so far are whole lines"},
		{[]string{"replay", "-q", "-o", os.DevNull, "--report", page, clip}, "interrupted; the events written so far are whole lines, the report was not written"},
		{[]string{"extract", manifest, "--modality", "audio", "--out", out}, "interrupted; " + out + " was not written"},
		{[]string{"bench", clip}, "interrupted; there are no figures"},
	} {
		err := run(interrupted, test.args)
		require.EqualError(t, err, test.want, test.args)
		assert.Equal(t, 130, exitCode(err))
	}
	assert.NoFileExists(t, page)
	assert.NoFileExists(t, out)
}

func TestOnlyWhoInterruptsIsToldSo(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, interruption(interrupted, "serve", &cli{}, context.Canceled), "stopped")
	require.EqualError(t, interruption(interrupted, "model", &cli{}, context.Canceled), "interrupted")
	require.EqualError(t, interruption(interrupted, "serve", &cli{}, os.ErrExist), os.ErrExist.Error())
	require.ErrorIs(t, interruption(t.Context(), "replay <media>", &cli{}, context.Canceled), context.Canceled, "somebody else gave up")
	require.NoError(t, interruption(interrupted, "serve", &cli{}, nil))
}

func TestAWrongCommandLineHasItsOwnExitCode(t *testing.T) {
	err := run(t.Context(), []string{"replay", "--speed", "3"})
	var wrong *kong.ParseError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, 2, exitCode(err))
	assert.Equal(t, 1, exitCode(os.ErrNotExist))
}
