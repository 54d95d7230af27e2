package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/valence-live/valence/inference/model"
)

// figures are the parts of a manifest's metrics that people ask for first. The
// training writes them; each may be missing, or be of a kind that this program
// does not know, and then is said not to be measured.
type figures struct {
	text   *textFigures
	seeds  map[string]spread // as they would be served
	alone  map[string]spread // the same, deaf to what was said before
	speech map[string]recall
	face   *recall
	voices map[string]spread
	// quality is by pattern of present streams.
	quality map[string]quality
	pooled  *quality
	stream  []streamed
}

// textFigures are those of whole segments of MOSI's test, by name.
type textFigures struct {
	Whole map[string]float64 `json:"whole"`
	Error map[string]float64 `json:"standard_error"`
}

// spread is a figure over several runs.
type spread struct {
	Mean float64 `json:"mean"`
	// Deviation between runs: text calls it sd.
	Deviation *float64 `json:"deviation"`
	SD        *float64 `json:"sd"`
}

func (s spread) plusMinus() float64 {
	for _, d := range []*float64{s.Deviation, s.SD} {
		if d != nil {
			return *d
		}
	}
	return 0
}

// recall is of polarity from one stream, in percent.
type recall struct {
	Speakers int     `json:"speakers"`
	Clips    int     `json:"clips"`
	Faces    int     `json:"faces"`
	UAR      float64 `json:"uar"`
	Accuracy float64 `json:"accuracy"`
}

// quality is of a pattern of present streams.
type quality struct {
	MAE       float64 `json:"mae"`
	Intervals []struct {
		Level    float64 `json:"level"`
		Coverage float64 `json:"coverage"`
		Width    float64 `json:"width"`
	} `json:"intervals"`
}

// streamed is a row of MOSI as a stream.
type streamed struct {
	Scores     string             `json:"scores"`
	Transcript string             `json:"transcript"`
	Labelled   string             `json:"labelled"`
	Videos     int                `json:"videos"`
	Windows    int                `json:"windows"`
	MAE        float64            `json:"mae"`
	R          float64            `json:"r"`
	CCC        float64            `json:"ccc"`
	Delay      *float64           `json:"delay_s"`
	Behind     *float64           `json:"behind_s"`
	Error      map[string]float64 `json:"standard_error"`
}

// readFigures takes what it knows out of a manifest's metrics.
func readFigures(metrics json.RawMessage) figures {
	var f figures
	var parts map[string]json.RawMessage
	if json.Unmarshal(metrics, &parts) != nil {
		return f
	}
	f.text = section[*textFigures](parts["mosi_text"])
	seeds := section[map[string]map[string]spread](parts["text_seeds"])
	f.seeds, f.alone = seeds["mosi_test_after_context"], seeds["mosi_test"]
	f.voices = section[map[string]spread](parts["voice_folds"])
	f.face = section[*recall](parts["faces"])
	f.quality = section[map[string]quality](parts["patterns"])
	f.pooled = section[*quality](parts["pooled"])
	f.stream = section[[]streamed](parts["stream"])
	f.speech = map[string]recall{}
	for corpus, part := range section[map[string]json.RawMessage](parts["speech"]) {
		if r := section[recall](part); r.UAR > 0 {
			f.speech[corpus] = r
		}
	}
	return f
}

// section decodes a part, or returns the zero value if it is of another kind.
func section[T any](part json.RawMessage) T {
	var value, none T
	if len(part) == 0 || json.Unmarshal(part, &value) != nil {
		return none
	}
	return value
}

// describe prints the figures for people, scores on the scale of the labels.
func (f figures) describe(w io.Writer) error {
	t := new(bytes.Buffer)
	fmt.Fprint(t, "\nhow good it is, on people that it has not met; scores from -3 to 3; ± standard error, over seeds deviation\n\n")
	f.words(t)
	f.voice(t)
	f.looks(t)
	if err := columns(w, t, 0); err != nil {
		return err
	}
	f.patterns(t)
	if err := columns(w, t, 0); err != nil {
		return err
	}
	f.streams(t)
	return columns(w, t, 0)
}

const notMeasured = "not measured\n"

func (f figures) words(t *bytes.Buffer) {
	if f.text == nil || len(f.text.Whole) == 0 {
		fmt.Fprint(t, "words\tMOSI test\t"+notMeasured)
	} else {
		whole := map[string]spread{}
		for name, mean := range f.text.Whole {
			s := spread{Mean: mean}
			if e, ok := f.text.Error[name]; ok {
				s.Deviation = &e
			}
			whole[name] = s
		}
		fmt.Fprintf(t, "words\tMOSI test\t%s\n", regression(whole))
	}
	if len(f.seeds) > 0 {
		fmt.Fprintf(t, "\tover seeds\t%s\n", regression(f.seeds))
	}
	if len(f.alone) > 0 {
		fmt.Fprintf(t, "\tover seeds, each segment by itself\t%s\n", regression(f.alone))
	}
}

// regression writes the figures that the field compares.
func regression(s map[string]spread) string {
	var parts []string
	for _, figure := range []struct{ key, name, format string }{
		{"mae", "MAE", "%.3f"}, {"r", "r", "%.3f"}, {"non0", "Acc-2", "%.1f"}, {"acc7", "Acc-7", "%.1f"},
	} {
		value, ok := s[figure.key]
		if !ok {
			continue
		}
		part := figure.name + " " + fmt.Sprintf(figure.format, value.Mean)
		if d := value.plusMinus(); d > 0 {
			part += " ± " + fmt.Sprintf(figure.format, d)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "  ")
}

func (f figures) voice(t *bytes.Buffer) {
	if len(f.speech) == 0 {
		fmt.Fprint(t, "voice\tpolarity\t"+notMeasured)
	}
	for i, corpus := range slices.Sorted(maps.Keys(f.speech)) {
		r := f.speech[corpus]
		name := map[string]string{"ravdess": "RAVDESS", "emodb": "EMO-DB"}[corpus]
		if name == "" {
			name = corpus
		}
		fmt.Fprintf(t, "%s\t%s polarity\tUAR %.1f %%  (%d speakers, %d clips)\n", first(i, "voice"), name, r.UAR, r.Speakers, r.Clips)
	}
	for _, name := range []string{"RAVDESS: polarity", "EMO-DB: polarity", "RAVDESS -> EMO-DB: polarity"} {
		if s, ok := f.voices[name]; ok {
			fmt.Fprintf(t, "\t%s, folds over speakers\tUAR %.1f ± %.1f %%\n", strings.Replace(name, ":", "", 1), s.Mean, s.plusMinus())
		}
	}
}

func (f figures) looks(t *bytes.Buffer) {
	if f.face == nil || f.face.UAR == 0 {
		fmt.Fprint(t, "face\tFER2013 test polarity\t"+notMeasured)
		return
	}
	fmt.Fprintf(t, "face\tFER2013 test polarity\tUAR %.1f %%  (%d pictures)\n", f.face.UAR, f.face.Faces)
}

// patterns is the table of present streams. Two and three of them are put
// together of different people: that says how wide an interval is, no more.
func (f figures) patterns(t *bytes.Buffer) {
	if len(f.quality) == 0 {
		fmt.Fprint(t, "\nintervals\t"+notMeasured)
		return
	}
	fmt.Fprint(t, "\npresent\tMAE")
	for _, c := range f.some().Intervals {
		fmt.Fprintf(t, "\t%.0f %% intervals cover\twidth", 100*c.Level)
	}
	fmt.Fprintln(t)
	for _, p := range model.Patterns() {
		if q, ok := f.quality[model.Pattern(p)]; ok {
			fmt.Fprintf(t, "%s\t%.3f%s\n", model.Pattern(p), q.MAE, q.covers())
		}
	}
	if f.pooled != nil {
		fmt.Fprintf(t, "mean of these\t%s\n", f.pooled.covers())
	}
	fmt.Fprint(t, "more than one stream: put together of different people, which says nothing of real calls but how wide an interval is\n")
}

// some returns one of the patterns, for the levels.
func (f figures) some() quality {
	for _, q := range f.quality {
		return q
	}
	return quality{}
}

func (q quality) covers() string {
	var b strings.Builder
	for _, c := range q.Intervals {
		fmt.Fprintf(&b, "\t%.1f %%\t%.2f", 100*c.Coverage, c.Width)
	}
	return b.String()
}

// streams is MOSI as a stream: the scores of the windows as a user gets them.
func (f figures) streams(t *bytes.Buffer) {
	rows := slices.DeleteFunc(slices.Clone(f.stream), func(s streamed) bool { return s.Scores != "fused" || s.Labelled != "any" })
	if len(rows) == 0 {
		fmt.Fprint(t, "\nas a stream\t"+notMeasured)
		return
	}
	fmt.Fprintf(t, "\nMOSI as a stream\twindows (%d videos)\tMAE\tr\tCCC\tdelay\n", rows[0].Videos)
	for _, s := range rows {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s", s.Transcript, s.Windows, s.with("mae", s.MAE), s.with("r", s.R), s.with("ccc", s.CCC))
		if s.Delay != nil && s.Behind != nil {
			fmt.Fprintf(t, "\t%.1f s; %.1f s behind the instant", *s.Delay, *s.Behind)
		}
		fmt.Fprintln(t)
	}
}

func (s streamed) with(key string, value float64) string {
	if e, ok := s.Error[key]; ok {
		return fmt.Sprintf("%.3f ± %.3f", value, e)
	}
	return fmt.Sprintf("%.3f", value)
}

func first(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}
