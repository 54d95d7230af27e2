// Package extract makes feature files for training: the items of a manifest
// run through the very extractors that serve calls, and what comes out is
// written as arrays. So a model never sees numbers in training that it would not
// see when serving.
//
// The manifest is a CSV file (see ReadManifest), the result an .npz file (see
// Run). Items of one track run one after the other through one extractor, as one
// person's call would; tracks run side by side. The result does not depend on how
// many do.
package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// ErrNothing says that none of the items could be read.
var ErrNothing = errors.New("no item could be read")

// ErrOut says that the result would replace what it is made from.
var ErrOut = errors.New("the result would replace the manifest or a file that it names")

// Extractors makes the extractors of tracks. Its methods may be called from
// several goroutines.
type Extractors interface {
	New(m ingest.Modality) (features.Extractor, error)
	Contract() features.Contract
}

// Config says what to extract.
type Config struct {
	Modality ingest.Modality
	Manifest string // path of the CSV file
	Out      string // path of the .npz file; replaced when everything is done
	Jobs     int    // tracks at a time, at least 1
}

// Summary says what was extracted.
type Summary struct {
	Items, Rows, Usable int
	// Broken are the items without rows, in the order of the manifest.
	Broken []Broken
}

// Broken is an item that could not be read.
type Broken struct {
	Item Item
	Err  error
}

// Run extracts the items of a manifest into an .npz file with the arrays
//
//	format, modality       "valence-features/1"; text, audio or video
//	contract, contract_text the hash and the text of the feature contract
//	rate                   f64, vectors a second; 0 for text
//	id, track, error [n]   strings, in the order of the manifest
//	offset [n+1]           i64: item i has the rows offset[i] to offset[i+1]
//	values [N, D]          f32: what goes into the fusion net
//	mask [N]               u8: 1 for a usable row; the others are 0 and keep the
//	                       place of a step: row k of an item is at k / rate
//	start, end [N]         f64: seconds from the item's start; of text, of the
//	                       token's word, in the times of the manifest
//	word [N]               i32, text only: index of the token's word
//
// An item that cannot be read has no rows, says why in error, and is listed in
// the Summary. progress, if not nil, is told how many items are done, from one
// goroutine at a time. If the error is not nil, no file was written.
func Run(ctx context.Context, cfg Config, extractors Extractors, logger *slog.Logger, progress func(done, total int)) (Summary, error) {
	items, err := ReadManifest(cfg.Manifest, cfg.Modality)
	if err != nil {
		return Summary{}, err
	}
	if err = spare(cfg, items); err != nil {
		return Summary{}, err
	}
	contract := extractors.Contract()
	c, err := newCollector(filepath.Dir(cfg.Out), items, contract[cfg.Modality].Dim)
	if err != nil {
		return Summary{}, err
	}
	defer c.close()

	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(cfg.Jobs, 1))
	var done sync.Mutex
	for _, members := range tracks(items) {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			t, err := newTrack(cfg.Modality, extractors, logger)
			if err != nil {
				return err
			}
			for _, i := range members {
				result, failure := t.extract(ctx, items[i])
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				done.Lock()
				err = c.put(i, result, failure)
				if progress != nil {
					progress(c.done, len(items))
				}
				done.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Summary{}, err
	}
	if err := ctx.Err(); err != nil && c.done < len(items) {
		return Summary{}, err
	}
	s := c.summary(items)
	if len(s.Broken) == len(items) {
		return s, fmt.Errorf("%s: %w; the first is %s: %w", cfg.Manifest, ErrNothing, s.Broken[0].Item.ID, s.Broken[0].Err)
	}
	return s, c.write(cfg.Out, cfg.Modality, contract, items)
}

// spare refuses to replace what is read: the manifest or the file of an item.
func spare(cfg Config, items []Item) error {
	out, err := os.Stat(cfg.Out)
	if err != nil {
		return nil //nolint:nilerr // nothing is there, or writing will say why not
	}
	same := func(name string) bool {
		file, err := os.Stat(name)
		return err == nil && os.SameFile(out, file)
	}
	if same(cfg.Manifest) || slices.ContainsFunc(items, func(i Item) bool { return i.Path != "" && same(i.Path) }) {
		return fmt.Errorf("%w: %s", ErrOut, cfg.Out)
	}
	return nil
}

// tracks groups the indices of items by track, in the order in which the tracks
// begin.
func tracks(items []Item) [][]int {
	var groups [][]int
	at := map[string]int{}
	for i, item := range items {
		g, ok := at[item.Track]
		if !ok || item.Track == "" {
			g = len(groups)
			groups = append(groups, nil)
			at[item.Track] = g
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}
