package extract

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

func TestManifestsAreReadByTheNamesOfTheirColumns(t *testing.T) {
	items, err := readManifest(strings.NewReader("\ufefftext,end,id,x,start\r\n\"one, \"\"two\"\"\nthree\",2.5,a,,1\r\n,,b,,\r\n"), "folder", ingest.Text)
	require.NoError(t, err)
	assert.Equal(t, []Item{
		{Line: 2, ID: "a", Text: "one, \"two\"\nthree", Start: time.Second, End: 2500 * time.Millisecond},
		{Line: 4, ID: "b"},
	}, items)

	items, err = readManifest(strings.NewReader("id,track,path,crop\na,t,sub/a.jpg,1\nb,t,/b.mp4,\n"), "folder", ingest.Video)
	require.NoError(t, err)
	assert.Equal(t, []Item{
		{Line: 2, ID: "a", Track: "t", Path: "folder/sub/a.jpg", Crop: true},
		{Line: 3, ID: "b", Track: "t", Path: "/b.mp4"},
	}, items)
}

func TestMistakesInAManifestAreNamedWithTheirLine(t *testing.T) {
	for name, c := range map[string]struct {
		modality      ingest.Modality
		csv, complain string
	}{
		"empty":          {ingest.Text, "", "header row"},
		"no rows":        {ingest.Text, "id,text\n", "no rows"},
		"no id column":   {ingest.Text, "name,text\na,b\n", `no column "id"`},
		"no text column": {ingest.Text, "id,path\na,b\n", `no column "text"`},
		"no path column": {ingest.Audio, "id,text\na,b\n", `no column "path"`},
		"empty id":       {ingest.Text, "id,text\na,b\n,c\n", "line 3: the id is empty"},
		"same id":        {ingest.Text, "id,text\na,b\nb,b\na,c\n", `line 4: the id "a" is that of line 2`},
		"empty path":     {ingest.Audio, "id,path\na,\n", "line 2: the path is empty"},
		"start":          {ingest.Text, "id,text,start\na,b,now\n", `line 2: start is "now"`},
		"infinite":       {ingest.Text, "id,text,end\na,b,Inf\n", `line 2: end is "Inf"`},
		"negative":       {ingest.Text, "id,text,start\na,b,-1\n", `start is "-1"`},
		"backwards":      {ingest.Text, "id,text,start,end\na,b,2,1\n", "line 2: it ends at 1s"},
		"crop":           {ingest.Video, "id,path,crop\na,b.jpg,yes\n", `line 2: crop is "yes"`},
		"too few fields": {ingest.Text, "id,text\na\n", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readManifest(strings.NewReader(c.csv), ".", c.modality)
			require.ErrorContains(t, err, c.complain)
		})
	}
	_, err := ReadManifest("testdata/none.csv", ingest.Text)
	require.ErrorIs(t, err, ErrManifest)
}

func TestTracksKeepTheOrderOfTheirRows(t *testing.T) {
	items := []Item{{Track: "a"}, {Track: ""}, {Track: "b"}, {Track: "a"}, {Track: ""}}
	assert.Equal(t, [][]int{{0, 3}, {1}, {2}, {4}}, tracks(items))
}

func FuzzManifest(f *testing.F) {
	f.Add("id,text,start,end\na,b,1,2\n")
	f.Add("id,path,crop\na,b.jpg,1\n")
	f.Fuzz(func(t *testing.T, csv string) {
		for _, m := range ingest.Modalities() {
			items, err := readManifest(strings.NewReader(csv), ".", m)
			if (err == nil) != (len(items) > 0) {
				t.Fatalf("%d items and the error %v", len(items), err)
			}
			for _, item := range items {
				if item.ID == "" || item.End < item.Start || item.Start < 0 {
					t.Fatalf("unsound item %+v", item)
				}
			}
		}
	})
}
