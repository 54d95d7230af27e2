package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink/kafka"
)

var update = flag.Bool("update", false, "write the generated part of asyncapi.yaml anew")

const marker = "    # From here on out of the schemas in valence/v1, where the fields are explained: go test ./api -update\n"

// schemas prints the messages as JSON Schema in YAML.
func schemas() string {
	var all []protoreflect.MessageDescriptor
	for _, file := range []protoreflect.FileDescriptor{
		valencev1.File_valence_v1_event_proto, valencev1.File_valence_v1_features_proto,
		valencev1.File_valence_v1_input_proto, valencev1.File_valence_v1_state_proto,
	} {
		for i := range file.Messages().Len() {
			all = append(all, file.Messages().Get(i))
		}
	}
	slices.SortFunc(all, func(a, b protoreflect.MessageDescriptor) int {
		return strings.Compare(string(a.Name()), string(b.Name()))
	})
	var out strings.Builder
	for _, m := range all {
		fmt.Fprintf(&out, "    %s:\n      type: object\n", m.Name())
		for i := range m.Fields().Len() {
			if i == 0 {
				out.WriteString("      properties:\n")
			}
			f := m.Fields().Get(i)
			fmt.Fprintf(&out, "        %s: %s\n", f.Name(), schema(f))
		}
	}
	return out.String()
}

func schema(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "{type: object, additionalProperties: " + schema(f.MapValue()) + "}"
	case f.IsList():
		return "{type: array, items: " + element(f) + "}"
	default:
		return element(f)
	}
}

func element(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.MessageKind:
		if f.Message().FullName() == "google.protobuf.Timestamp" {
			return "{type: string, format: date-time}"
		}
		return fmt.Sprintf(`{$ref: "#/components/schemas/%s"}`, f.Message().Name())
	case protoreflect.BoolKind:
		return "{type: boolean}"
	case protoreflect.BytesKind:
		return "{type: string, contentEncoding: base64}"
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return "{type: number}"
	case protoreflect.Int32Kind:
		return "{type: integer, format: int32}"
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return "{type: [string, integer], format: " + f.Kind().String() + "}"
	default:
		return "{type: string}"
	}
}

func TestTheSchemasAreThoseOfProtobuf(t *testing.T) {
	text, err := os.ReadFile("asyncapi.yaml")
	require.NoError(t, err)
	head, tail, found := strings.Cut(string(text), marker)
	require.True(t, found, "the line is gone: %s", marker)
	if *update {
		require.NoError(t, os.WriteFile("asyncapi.yaml", []byte(head+marker+schemas()), 0o600))
		return
	}
	assert.Equal(t, schemas(), tail, "go test ./api -update writes it")
}

// document is what the tests below read of the AsyncAPI document.
type document struct {
	Channels map[string]struct {
		Address  string `yaml:"address"`
		Messages map[string]struct {
			Ref string `yaml:"$ref"`
		} `yaml:"messages"`
		Bindings struct {
			Kafka struct {
				Topic map[string]any `yaml:"topicConfiguration"`
			} `yaml:"kafka"`
		} `yaml:"bindings"`
	} `yaml:"channels"`
	Components struct {
		Messages map[string]struct {
			Examples []struct {
				Name    string            `yaml:"name"`
				Headers map[string]string `yaml:"headers"`
				Payload any               `yaml:"payload"`
			} `yaml:"examples"`
		} `yaml:"messages"`
		Schemas map[string]struct {
			Properties map[string]struct {
				Enum    []string `yaml:"enum"`
				Pattern string   `yaml:"pattern"`
			} `yaml:"properties"`
		} `yaml:"schemas"`
	} `yaml:"components"`
}

func read(t *testing.T) (doc document, all any) {
	t.Helper()
	text, err := os.ReadFile("asyncapi.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &doc))
	require.NoError(t, yaml.Unmarshal(text, &all))
	return doc, all
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	_, all := read(t)
	var visit func(node any)
	visit = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			for key, value := range node {
				if ref, ok := value.(string); ok && key == "$ref" {
					at := all
					for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
						at = at.(map[string]any)[part]
					}
					assert.NotNil(t, at, ref)
				}
				visit(value)
			}
		case []any:
			for _, value := range node {
				visit(value)
			}
		}
	}
	visit(all)
}

func TestTheTopicsAreThoseOfTheProgram(t *testing.T) {
	doc, _ := read(t)
	var topics []string
	for _, c := range doc.Channels {
		topics = append(topics, c.Address)
	}
	assert.ElementsMatch(t, []string{
		wire.TopicMedia, wire.TopicTranscripts, wire.TopicControl, wire.TopicFeatures,
		wire.TopicState, wire.TopicEvents, wire.TopicScores, wire.TopicDeadLetter,
	}, topics)
	cfg := kafka.Default()
	assert.EqualValues(t, cfg.Retention.Milliseconds(), doc.Channels["events"].Bindings.Kafka.Topic["retention.ms"])
	assert.EqualValues(t, cfg.ScoresRetention.Milliseconds(), doc.Channels["scores"].Bindings.Kafka.Topic["retention.ms"])
}

func TestTheHeadersAreThoseOfTheProgram(t *testing.T) {
	doc, _ := read(t)
	r := wire.Wrap(wire.Event, "call", wire.JSON, nil, wire.Meta{ID: "1", Source: "/", Time: time.Unix(1, 0), Participant: "alice", Traceparent: "00"})
	written := doc.Components.Schemas["Headers"].Properties
	assert.Len(t, written, len(r.Headers))
	for _, h := range r.Headers {
		assert.Contains(t, written, h.Key)
	}
	var kinds []string
	for _, k := range wire.Kinds() {
		kinds = append(kinds, string(k))
	}
	assert.Equal(t, `^live\.valence\.(`+strings.Join(kinds, "|")+`)\.v1$`, written["ce_type"].Pattern)
	dead := doc.Components.Schemas["DeadLetterHeaders"].Properties
	letter := wire.DeadLetter(wire.Record{}, "topic", 0, 0, os.ErrInvalid)
	assert.Len(t, dead, len(letter.Headers))
	for _, h := range letter.Headers {
		assert.Contains(t, dead, h.Key)
	}
	assert.Contains(t, dead["dead_letter_reason"].Enum, string(wire.ReasonInvalid))
}

func TestEveryExampleIsRead(t *testing.T) {
	doc, _ := read(t)
	seen := 0
	for name, m := range doc.Components.Messages {
		for _, example := range m.Examples {
			var value bytes.Buffer
			require.NoError(t, json.NewEncoder(&value).Encode(example.Payload))
			r := wire.Record{Key: []byte("call-17"), Value: value.Bytes()}
			for key, value := range example.Headers {
				r.Headers = append(r.Headers, wire.Header{Key: key, Value: []byte(value)})
			}
			_, _, err := r.Who()
			require.NoError(t, err)
			switch name {
			case "Media":
				_, err = wire.DecodeMedia(r)
			case "Control":
				_, err = wire.DecodeControl(r)
			case "Event":
				_, err = wire.DecodeEvent(r)
			case "Transcript":
				var list []byte
				if list, err = wire.DecodeTranscript(r); err == nil {
					_, err = transcript.ParseLive("application/json", list)
				}
			default:
				t.Errorf("nobody reads the examples of %s", name)
			}
			require.NoError(t, err, "%s, %s", name, example.Name)
			seen++
		}
	}
	assert.Greater(t, seen, 10)
}
