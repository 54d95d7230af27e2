package valencev1_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
)

// files are the schemas of this package as they are compiled in.
func files() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		valencev1.File_valence_v1_event_proto, valencev1.File_valence_v1_features_proto,
		valencev1.File_valence_v1_input_proto, valencev1.File_valence_v1_state_proto,
	}
}

// accepted are the schemas that readers may have been built with.
func accepted(t *testing.T) *descriptorpb.FileDescriptorSet {
	t.Helper()
	image, err := os.ReadFile("schema.binpb")
	require.NoError(t, err)
	var set descriptorpb.FileDescriptorSet
	require.NoError(t, proto.Unmarshal(image, &set))
	return &set
}

// broken lists what a reader of the old file could not read in the new one.
func broken(old, fresh *descriptorpb.FileDescriptorProto) []string {
	var out []string
	messages := map[string]*descriptorpb.DescriptorProto{}
	for _, m := range fresh.GetMessageType() {
		messages[m.GetName()] = m
	}
	for _, m := range old.GetMessageType() {
		now, ok := messages[m.GetName()]
		if !ok {
			out = append(out, m.GetName()+" is gone")
			continue
		}
		fields := map[int32]*descriptorpb.FieldDescriptorProto{}
		for _, f := range now.GetField() {
			fields[f.GetNumber()] = f
		}
		for _, f := range m.GetField() {
			switch is := fields[f.GetNumber()]; {
			case is == nil:
				out = append(out, fmt.Sprintf("%s has lost the field %d, %s", m.GetName(), f.GetNumber(), f.GetName()))
			case shape(is) != shape(f):
				out = append(out, fmt.Sprintf("%s field %d was %s and is %s", m.GetName(), f.GetNumber(), shape(f), shape(is)))
			}
		}
	}
	return out
}

func shape(f *descriptorpb.FieldDescriptorProto) string {
	return strings.TrimSpace(fmt.Sprint(f.GetName(), " ", f.GetJsonName(), " ", f.GetLabel(), " ", f.GetType(), " ", f.GetTypeName()))
}

func TestNoFieldChangesItsNumberNameOrMeaning(t *testing.T) {
	old := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range accepted(t).GetFile() {
		old[f.GetName()] = f
	}
	for _, f := range files() {
		require.Contains(t, old, f.Path(), "scripts/generate.sh writes the accepted schemas")
		assert.Empty(t, broken(old[f.Path()], protodesc.ToFileDescriptorProto(f)))
		delete(old, f.Path())
	}
	for name := range old {
		assert.True(t, strings.HasPrefix(name, "google/"), "%s is gone", name)
	}
}

func TestTheRuleSeesWhatBreaksReaders(t *testing.T) {
	for what, change := range map[string]func(f *descriptorpb.FileDescriptorProto){
		"Event is gone": func(f *descriptorpb.FileDescriptorProto) { f.MessageType = f.MessageType[1:] },
		"Event has lost the field 1, id": func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].Field = f.MessageType[0].Field[1:]
		},
		"Event field 1 was id": func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].Field[0].Name = new("key")
		},
		"TYPE_INT64": func(f *descriptorpb.FileDescriptorProto) {
			f.MessageType[0].Field[1].Type = descriptorpb.FieldDescriptorProto_TYPE_INT64.Enum()
		},
	} {
		old := protodesc.ToFileDescriptorProto(valencev1.File_valence_v1_event_proto)
		fresh := proto.CloneOf(old)
		change(fresh)
		assert.Contains(t, strings.Join(broken(old, fresh), "\n"), what)
	}
}

// next returns the schemas as a later version may have them: each message has
// grown by fields, and each choice by a kind.
func next(t *testing.T) *protoregistry.Files {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	for _, f := range accepted(t).GetFile() {
		f = proto.CloneOf(f)
		if strings.HasPrefix(f.GetName(), "valence/") {
			for _, m := range f.GetMessageType() {
				grow(m)
			}
		}
		set.File = append(set.File, f)
	}
	out, err := protodesc.NewFiles(set)
	require.NoError(t, err)
	return out
}

const later = 1000 // the number of the first field that is not known yet

func grow(m *descriptorpb.DescriptorProto) {
	if m.GetOptions().GetMapEntry() {
		return
	}
	m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
		Name: new("later"), Number: new(int32(later)), JsonName: new("later"),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
	})
	for i, choice := range m.GetOneofDecl() {
		if strings.HasPrefix(choice.GetName(), "_") {
			continue // how an optional field is described
		}
		last := 0
		for j, f := range m.GetField() {
			if f.OneofIndex != nil && f.GetOneofIndex() == int32(i) {
				last = j
			}
		}
		m.Field = slices.Insert(m.Field, last+1, &descriptorpb.FieldDescriptorProto{
			Name: new("later_kind"), Number: new(int32(later + 1)), JsonName: new("laterKind"), OneofIndex: new(int32(i)),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
		})
	}
}

func TestAReaderOfThisVersionReadsTheNextAndKeepsWhatItDoesNotKnow(t *testing.T) {
	registry := next(t)
	for _, file := range files() {
		for i := range file.Messages().Len() {
			known := file.Messages().Get(i)
			t.Run(string(known.Name()), func(t *testing.T) {
				descriptor, err := registry.FindDescriptorByName(known.FullName())
				require.NoError(t, err)
				grown := dynamicpb.NewMessage(descriptor.(protoreflect.MessageDescriptor))
				fill(grown, 3)
				sent, err := proto.Marshal(grown)
				require.NoError(t, err)

				kind, err := protoregistry.GlobalTypes.FindMessageByName(known.FullName())
				require.NoError(t, err)
				read := kind.New().Interface()
				require.NoError(t, proto.Unmarshal(sent, read))
				passedOn, err := proto.Marshal(read)
				require.NoError(t, err)
				back := dynamicpb.NewMessage(descriptor.(protoreflect.MessageDescriptor))
				require.NoError(t, proto.Unmarshal(passedOn, back))
				assert.True(t, proto.Equal(grown, back), "what is not known is passed on\n%v\n%v", grown, back)

				text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(grown)
				require.NoError(t, err)
				read = kind.New().Interface()
				require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, read))

				older, err := proto.Marshal(read)
				require.NoError(t, err)
				require.NoError(t, proto.Unmarshal(older, dynamicpb.NewMessage(descriptor.(protoreflect.MessageDescriptor))),
					"and the next version reads this one")
			})
		}
	}
}

// fill sets every field of m, of each choice the last one.
func fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsMap():
			if depth > 0 {
				v := m.NewField(f)
				value := v.Map().NewValue()
				if of := f.MapValue(); of.Kind() == protoreflect.MessageKind {
					fill(value.Message(), depth-1)
				} else {
					value = scalar(of)
				}
				v.Map().Set(protoreflect.ValueOfString("alice").MapKey(), value)
				m.Set(f, v)
			}
		case f.IsList():
			v := m.NewField(f)
			if element := v.List().NewElement(); f.Kind() == protoreflect.MessageKind {
				if depth > 0 {
					fill(element.Message(), depth-1)
					v.List().Append(element)
				}
			} else {
				v.List().Append(scalar(f))
			}
			m.Set(f, v)
		case f.Kind() == protoreflect.MessageKind:
			if depth > 0 {
				v := m.NewField(f)
				fill(v.Message(), depth-1)
				m.Set(f, v)
			}
		default:
			m.Set(f, scalar(f))
		}
	}
}

func scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("word")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{1, 2})
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(0.5)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(0.25)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(7)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(7)
	default:
		return protoreflect.ValueOfInt64(7)
	}
}

func TestTheGeneratedCodeIsThatOfTheSchemas(t *testing.T) {
	script := filepath.Join("..", "..", "..", "scripts", "generate.sh")
	output, err := exec.CommandContext(t.Context(), script, "--check").CombinedOutput()
	if strings.Contains(string(output), "is not here") {
		t.Skip("buf or protoc-gen-go is not here: scripts/generate.sh fetches them")
	}
	require.NoError(t, err, "%s", output)
}
