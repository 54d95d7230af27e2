package extract

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// rows are the steps of one item.
type rows struct {
	values     []float32 // dim numbers a row
	mask       []uint8
	start, end []float64
	word       []int32
}

// collector brings the rows of items into the order of the manifest. Their
// values go to a file: only they are large.
type collector struct {
	dim  int
	done int

	waiting map[int]rows // done before an earlier item was
	next    int          // the first item that is not in all
	all     rows         // without values
	offset  []int64
	errs    []error // by item

	spool   *os.File
	buffer  *bufio.Writer
	scratch []byte
}

func newCollector(folder string, items []Item, dim int) (*collector, error) {
	spool, err := os.CreateTemp(folder, ".extract-*.values")
	if err != nil {
		return nil, fmt.Errorf("keep the values until all are there: %w", err)
	}
	return &collector{
		dim: dim, waiting: map[int]rows{}, offset: make([]int64, 1, len(items)+1), errs: make([]error, len(items)),
		spool: spool, buffer: bufio.NewWriterSize(spool, 1<<16),
	}, nil
}

// put takes what became of item i.
func (c *collector) put(i int, r rows, err error) error {
	if err != nil {
		r, c.errs[i] = rows{}, err
	}
	c.waiting[i] = r
	c.done++
	for {
		r, ok := c.waiting[c.next]
		if !ok {
			return nil
		}
		delete(c.waiting, c.next)
		c.next++
		if err := c.append(r); err != nil {
			return fmt.Errorf("keep the values until all are there: %w", err)
		}
	}
}

func (c *collector) append(r rows) error {
	c.all.mask = append(c.all.mask, r.mask...)
	c.all.start = append(c.all.start, r.start...)
	c.all.end = append(c.all.end, r.end...)
	c.all.word = append(c.all.word, r.word...)
	c.offset = append(c.offset, int64(len(c.all.mask)))
	c.scratch = c.scratch[:0]
	for _, v := range r.values {
		c.scratch = binary.LittleEndian.AppendUint32(c.scratch, math.Float32bits(v))
	}
	_, err := c.buffer.Write(c.scratch)
	return err
}

func (c *collector) summary(items []Item) Summary {
	s := Summary{Items: len(items), Rows: len(c.all.mask)}
	for _, m := range c.all.mask {
		s.Usable += int(m)
	}
	for i, err := range c.errs {
		if err != nil {
			s.Broken = append(s.Broken, Broken{Item: items[i], Err: err})
		}
	}
	return s
}

// write makes the .npz file under a passing name and puts it in its place.
func (c *collector) write(path string, m ingest.Modality, contract features.Contract, items []Item) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".extract-*.npz")
	if err != nil {
		return err
	}
	err = errors.Join(c.archive(part, m, contract, items), part.Chmod(0o644), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(part.Name()))
	}
	return nil
}

func (c *collector) archive(file io.Writer, m ingest.Modality, contract features.Contract, items []Item) error {
	ids, names, errs := make([]string, len(items)), make([]string, len(items)), make([]string, len(items))
	for i, item := range items {
		ids[i], names[i] = item.ID, item.Track
		if c.errs[i] != nil {
			errs[i] = c.errs[i].Error()
		}
	}
	rate := 0.0
	if step := contract[m].Step; step > 0 {
		rate = float64(time.Second) / float64(step)
	}
	buffered := bufio.NewWriterSize(file, 1<<16)
	z := newNPZ(buffered)
	z.strings("format", []string{"valence-features/1"})
	z.strings("modality", []string{m.String()})
	z.strings("contract", []string{contract.Hash()})
	z.strings("contract_text", []string{contract.String()})
	numbers(z, "rate", []float64{rate})
	z.strings("id", ids, len(ids))
	z.strings("track", names, len(names))
	z.strings("error", errs, len(errs))
	numbers(z, "offset", c.offset, len(c.offset))
	n := len(c.all.mask)
	z.array("values", "<f4", c.copyValues, n, c.dim)
	numbers(z, "mask", c.all.mask, n)
	numbers(z, "start", c.all.start, n)
	numbers(z, "end", c.all.end, n)
	if m == ingest.Text {
		numbers(z, "word", c.all.word, n)
	}
	return errors.Join(z.close(), buffered.Flush())
}

// copyValues writes the values of all rows.
func (c *collector) copyValues(w io.Writer) error {
	if err := c.buffer.Flush(); err != nil {
		return err
	}
	if _, err := c.spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, c.spool)
	return err
}

// close removes the file of the values. What could go wrong with it does not
// matter any more.
func (c *collector) close() {
	_ = c.spool.Close()
	_ = os.Remove(c.spool.Name())
}
