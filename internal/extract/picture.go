package extract

import (
	"fmt"
	"os"

	"github.com/valence-live/valence/features/video"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/still"
)

const cropSide = video.CropSide

// readPicture reads a JPEG or PNG file.
func readPicture(path string) (*ingest.Picture, error) {
	data, err := os.ReadFile(path) //nolint:gosec // G304: naming the file is the caller's purpose
	if err != nil {
		return nil, err
	}
	p, err := still.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
