package webrtc

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheChoiceOfLayers runs the scripts in testdata/layers: "layer q 160 1000"
// sets a layer's width (0 for not known) and rate, "gone q" ends it, "face .2"
// and "face unknown" set what was seen, "after 2s" lets time pass by steps of
// 20 ms, and "chosen q" is what must be chosen then.
func TestTheChoiceOfLayers(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/layers/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	for _, file := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			runLayers(t, file)
		})
	}
}

func runLayers(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var (
		c      chooser
		layers []layer
		share  float32
		known  bool
		now    = time.Unix(1_700_000_000, 0)
		chosen string
	)
	number := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		number++
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		at := fmt.Sprintf("%s:%d", file, number)
		switch words[0] {
		case "layer":
			width, err := strconv.Atoi(words[2])
			require.NoError(t, err, at)
			rate, err := strconv.ParseFloat(words[3], 64)
			require.NoError(t, err, at)
			layers = put(layers, layer{rid: words[1], width: width, rate: rate, alive: true})
		case "gone":
			layers = put(layers, layer{rid: words[1]})
		case "face":
			value, err := strconv.ParseFloat(words[1], 32)
			share, known = float32(value), err == nil
		case "after":
			d, err := time.ParseDuration(words[1])
			require.NoError(t, err, at)
			for end := now.Add(d); now.Before(end); now = now.Add(tick) {
				chosen = c.choose(now, layers, share, known)
			}
		case "fails":
			c.failed(now, words[1])
			chosen = words[1]
		case "chosen":
			require.Equal(t, words[1], chosen, at)
		default:
			require.Fail(t, "unknown word", at)
		}
	}
}

func put(layers []layer, l layer) []layer {
	for i := range layers {
		if layers[i].rid == l.rid {
			layers[i] = l
			return layers
		}
	}
	return append(layers, l)
}
