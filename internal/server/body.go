package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/valence-live/valence/internal/problem"
)

const typeJSON = "application/json"

// write answers with a value as JSON.
func write(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode a response: %w", err)
	}
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone: nobody is left to tell
	return nil
}

// body reads a body of one of the types. It answers the request itself if there
// is none.
func (s *Server) body(w http.ResponseWriter, r *http.Request, types ...string) ([]byte, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, kind) {
		problem.Write(w, http.StatusUnsupportedMediaType, "", "the Content-Type must be "+strings.Join(types, " or "))
		return nil, false
	}
	data, err := io.ReadAll(r.Body)
	tooLarge := new(http.MaxBytesError)
	switch {
	case errors.As(err, &tooLarge):
		problem.Write(w, http.StatusRequestEntityTooLarge, "", fmt.Sprintf("the body is larger than %d bytes (server.max_body)", tooLarge.Limit))
		return nil, false
	case err != nil:
		problem.Write(w, http.StatusBadRequest, "", "the body did not come as a whole")
		return nil, false
	}
	return data, true
}

// object reads one JSON object with no keys but these, each at most once, in
// these very letters.
func object(data []byte, keys ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, fmt.Errorf("the body is no JSON object with %s", strings.Join(keys, ", "))
	}
	out := make(map[string]json.RawMessage, len(keys))
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("the body is no JSON: %w", err)
		}
		key, _ := token.(string)
		if !slices.Contains(keys, key) {
			return nil, fmt.Errorf("unknown field %.40q; there are %s", key, strings.Join(keys, ", "))
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("the field %q comes twice", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("the body is no JSON: %w", err)
		}
		out[key] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, fmt.Errorf("the body is no JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on behind the JSON object")
	}
	return out, nil
}

// texts reads those keys that are there as strings.
func texts(from map[string]json.RawMessage, into map[string]*string) error {
	for key, s := range into {
		raw, ok := from[key]
		if !ok {
			continue
		}
		if raw[0] != '"' || json.Unmarshal(raw, s) != nil {
			return fmt.Errorf("the field %q must be a text", key)
		}
	}
	return nil
}
