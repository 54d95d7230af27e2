package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Version is the ONNX Runtime that scripts/setup-onnxruntime.sh puts into the
// cache, and against which the golden vectors were made.
const Version = "1.24.1"

// libraryName is the file looked for beside the program and in the cache.
const libraryName = "libonnxruntime.so"

// library counts the users of the shared library. A process can load it only
// once, and onnxruntime_go keeps it in package variables, so the count has to
// be one as well.
var library struct {
	sync.Mutex
	users int
	path  string
}

// acquireLibrary loads the shared library, or joins those who use it already.
func acquireLibrary(configured string) error {
	path, err := findLibrary(configured)
	if err != nil {
		return err
	}
	library.Lock()
	defer library.Unlock()
	switch {
	case library.users > 0 && library.path != path:
		return fmt.Errorf("%w: %s is asked for, but this process has loaded %s: set inference.library to one of them", ErrLibrary, path, library.path)
	case library.users == 0:
		ort.SetSharedLibraryPath(path)
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return fmt.Errorf("%w: %s cannot be used (%w); valence needs ONNX Runtime %s, which scripts/setup-onnxruntime.sh gets", ErrLibrary, path, err, Version)
		}
		library.path = path
	}
	library.users++
	return nil
}

// releaseLibrary unloads the library with its last user.
func releaseLibrary() error {
	library.Lock()
	defer library.Unlock()
	library.users--
	if library.users > 0 {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return fmt.Errorf("%w: unload %s: %w", ErrLibrary, library.path, err)
	}
	return nil
}

// findLibrary returns the path of the shared library: the configured one, else
// the one beside the program, else the one in the cache.
func findLibrary(configured string) (string, error) {
	if configured != "" {
		if err := isFile(configured); err != nil {
			return "", fmt.Errorf("%w: inference.library is %s: %w", ErrLibrary, configured, err)
		}
		return filepath.Abs(configured)
	}
	var tried []string
	for _, path := range libraryPlaces() {
		err := isFile(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w: %w", ErrLibrary, err)
		}
		tried = append(tried, path)
	}
	return "", fmt.Errorf("%w: there is none at %s; run scripts/setup-onnxruntime.sh, or set inference.library to %s of ONNX Runtime %s",
		ErrLibrary, strings.Join(tried, " or "), libraryName, Version)
}

// libraryPlaces are where the library is looked for, in order. The cache is
// that of the set-up scripts.
func libraryPlaces() []string {
	var places []string
	if program, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(program), libraryName))
	}
	cache := os.Getenv("VALENCE_CACHE")
	if cache == "" {
		if user, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(user, "valence")
		}
	}
	if cache != "" {
		places = append(places, filepath.Join(cache, "onnxruntime", Version, libraryName))
	}
	return places
}

func isFile(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	return err
}
