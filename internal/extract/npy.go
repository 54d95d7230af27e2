package extract

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// npz writes NumPy's archive of arrays (numpy.lib.format, version 1.0), without
// compression and without times, so that equal arrays give equal bytes. The
// first error stays and is returned by close.
type npz struct {
	zip *zip.Writer
	err error
}

func newNPZ(w io.Writer) *npz { return &npz{zip: zip.NewWriter(w)} }

// array adds an array in C order; write gives its content, little endian.
func (z *npz) array(name, dtype string, write func(io.Writer) error, shape ...int) {
	if z.err != nil {
		return
	}
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err == nil {
		_, err = w.Write(npyHeader(dtype, shape))
	}
	if err == nil {
		err = write(w)
	}
	if err != nil {
		z.err = fmt.Errorf("write the array %s: %w", name, err)
	}
}

// npyHeader is the beginning of an .npy file, a multiple of 64 bytes.
func npyHeader(dtype string, shape []int) []byte {
	const magic, align = "\x93NUMPY\x01\x00", 64
	dims := make([]string, len(shape))
	for i, n := range shape {
		dims[i] = strconv.Itoa(n) + ","
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, strings.Join(dims, " "))
	length := len(magic) + 2 + len(dict) + 1
	dict += strings.Repeat(" ", (align-length%align)%align) + "\n"
	header := binary.LittleEndian.AppendUint16([]byte(magic), uint16(len(dict))) //nolint:gosec // a few hundred
	return append(header, dict...)
}

// numbers adds an array of one axis, or a single number without any.
func numbers[T uint8 | int32 | int64 | float64](z *npz, name string, data []T, shape ...int) {
	dtype := map[any]string{uint8(0): "|u1", int32(0): "<i4", int64(0): "<i8", float64(0): "<f8"}[T(0)]
	z.array(name, dtype, func(w io.Writer) error { return binary.Write(w, binary.LittleEndian, data) }, shape...)
}

// strings adds an array of one axis of strings, or a single string without any:
// UTF-32, padded with zeros to the longest.
func (z *npz) strings(name string, data []string, shape ...int) {
	width := 1
	for _, s := range data {
		width = max(width, utf8.RuneCountInString(s))
	}
	z.array(name, "<U"+strconv.Itoa(width), func(w io.Writer) error {
		var cell bytes.Buffer
		for _, s := range data {
			cell.Reset()
			for _, r := range s {
				cell.Write(binary.LittleEndian.AppendUint32(nil, uint32(r))) //nolint:gosec // a rune is not negative here
			}
			cell.Write(make([]byte, 4*width-cell.Len()))
			if _, err := w.Write(cell.Bytes()); err != nil {
				return err
			}
		}
		return nil
	}, shape...)
}

// close completes the archive.
func (z *npz) close() error {
	if err := z.zip.Close(); z.err == nil {
		z.err = err
	}
	return z.err
}
