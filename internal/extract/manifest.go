package extract

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
)

// ErrManifest says that a manifest cannot be used as it is.
var ErrManifest = errors.New("unusable manifest")

// Item is one row of a manifest.
type Item struct {
	Line  int    // in the file, from 1
	ID    string // unique
	Track string // items of one track run as one; empty: a track of its own
	Path  string // of sound, pictures or video
	Crop  bool   // the picture is the face crop itself
	Text  string
	Start time.Duration // of the text
	End   time.Duration
}

// ReadManifest reads a CSV file (RFC 4180, UTF-8) with a header row. The columns
// are
//
//	id          unique
//	track       optional; rows of one track follow each other without a gap
//	text        text only: the words
//	start, end  text only, optional: seconds over which the words are spread
//	path        audio, video: a media file, or a .jpg or .png picture, relative to
//	            the manifest's folder
//	crop        video, optional: 1 if the picture is a 48x48 face crop itself
//
// in any order; others are ignored. Its errors wrap ErrManifest and name the line.
func ReadManifest(path string, m ingest.Modality) ([]Item, error) {
	f, err := os.Open(path) //nolint:gosec // G304: naming the file is the caller's purpose
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	items, err := readManifest(f, filepath.Dir(path), m)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrManifest, path, err)
	}
	return items, nil
}

func readManifest(r io.Reader, folder string, m ingest.Modality) ([]Item, error) {
	buffered := bufio.NewReader(r)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = buffered.Discard(len(mark))
	}
	rows := csv.NewReader(buffered)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("read the header row: %w", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		columns[strings.TrimSpace(name)] = i
	}
	content := "path"
	if m == ingest.Text {
		content = "text"
	}
	for _, name := range []string{"id", content} {
		if _, ok := columns[name]; !ok {
			return nil, fmt.Errorf("the header has no column %q, which %s needs", name, m)
		}
	}
	var items []Item
	lines := map[string]int{} // by id
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		item, err := parseItem(func(name string) string {
			if i, ok := columns[name]; ok {
				return row[i]
			}
			return ""
		}, folder, m)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if first, ok := lines[item.ID]; ok {
			return nil, fmt.Errorf("line %d: the id %q is that of line %d already", line, item.ID, first)
		}
		item.Line = line
		lines[item.ID] = line
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errors.New("it has no rows")
	}
	return items, nil
}

func parseItem(field func(name string) string, folder string, m ingest.Modality) (Item, error) {
	item := Item{ID: field("id"), Track: field("track")}
	if item.ID == "" {
		return item, errors.New("the id is empty")
	}
	if m == ingest.Text {
		item.Text = field("text")
		var errs [2]error
		item.Start, errs[0] = seconds("start", field("start"))
		item.End, errs[1] = seconds("end", field("end"))
		if item.End < item.Start {
			return item, fmt.Errorf("it ends at %s, before its start at %s", item.End, item.Start)
		}
		return item, errors.Join(errs[:]...)
	}
	item.Path = field("path")
	if item.Path == "" {
		return item, errors.New("the path is empty")
	}
	if !filepath.IsAbs(item.Path) {
		item.Path = filepath.Join(folder, item.Path)
	}
	switch crop := field("crop"); {
	case m != ingest.Video, crop == "", crop == "0":
	case crop == "1":
		item.Crop = true
	default:
		return item, fmt.Errorf("crop is %q; use 1 or 0", crop)
	}
	return item, nil
}

// seconds reads a time in seconds; empty is 0.
func seconds(name, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	const most = 1e9 // 30 years
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x >= 0 && x <= most) {
		return 0, fmt.Errorf("%s is %q; use seconds, such as 12.5", name, s)
	}
	return time.Duration(x*1e9 + 0.5), nil
}
