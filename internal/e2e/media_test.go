//go:build e2e

package e2e_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// demo is the call whose sound and picture the fake devices give.
func demo() string { return filepath.Join("..", "..", "demo", "call.webm") }

// camera writes the pictures of the demo call, five a second, as YUV4MPEG2,
// which Chromium plays as a camera.
func camera(t *testing.T) string {
	t.Helper()
	return decode(t, ingest.Video, "camera.y4m", func(w io.Writer, first bool, p ingest.Payload) {
		pic, ok := p.(*ingest.Picture)
		if !ok {
			return
		}
		defer pic.Release()
		if first {
			_, _ = fmt.Fprintf(w, "YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420jpeg\n", pic.Width, pic.Height)
		}
		_, _ = fmt.Fprint(w, "FRAME\n")
		for _, plane := range []struct {
			data                  []byte
			width, height, stride int
		}{
			{pic.Y, pic.Width, pic.Height, pic.YStride},
			{pic.Cb, (pic.Width + 1) / 2, (pic.Height + 1) / 2, pic.CStride},
			{pic.Cr, (pic.Width + 1) / 2, (pic.Height + 1) / 2, pic.CStride},
		} {
			for row := range plane.height {
				_, _ = w.Write(plane.data[row*plane.stride:][:plane.width])
			}
		}
	})
}

// microphone writes the sound of the demo call as a WAV file.
func microphone(t *testing.T) string {
	t.Helper()
	return decode(t, ingest.Audio, "microphone.wav", func(w io.Writer, first bool, p ingest.Payload) {
		if first {
			const rate, endless = ingest.AudioRate, 1 << 30
			_, _ = w.Write([]byte("RIFF"))
			for _, part := range []any{
				uint32(endless), []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2 * rate), uint16(2), uint16(16), []byte("data"), uint32(endless - 36),
			} {
				_ = binary.Write(w, binary.LittleEndian, part)
			}
		}
		if sound, ok := p.(ingest.PCM); ok {
			for _, x := range sound {
				_ = binary.Write(w, binary.LittleEndian, int16(max(-1, min(1, x))*32767))
			}
		}
	})
}

func decode(t *testing.T, track ingest.Modality, name string, write func(w io.Writer, first bool, p ingest.Payload)) string {
	t.Helper()
	d, err := codec.Open(t.Context(), demo(), track, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	file, err := os.Create(filepath.Join(t.TempDir(), name))
	require.NoError(t, err)
	w := bufio.NewWriterSize(file, 1<<20)
	for first := true; ; first = false {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		write(w, first, u.Payload)
	}
	require.NoError(t, w.Flush())
	require.NoError(t, file.Close())
	return file.Name()
}
