package kafka

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartitionsStayWhereTheyAreAsFarAsTheSharesAllow(t *testing.T) {
	for _, c := range []struct {
		name       string
		owned      map[string][]int
		partitions int
		want       map[string][]int
	}{
		{"nobody", nil, 4, map[string][]int{}},
		{"the first", map[string][]int{"a": nil}, 3, map[string][]int{"a": {0, 1, 2}}},
		{"a second", map[string][]int{"a": {0, 1, 2, 3}, "b": nil}, 4, map[string][]int{"a": {0, 1}, "b": {2, 3}}},
		{"an odd number", map[string][]int{"a": nil, "b": {0, 1, 2, 3, 4}}, 5, map[string][]int{"a": {3, 4}, "b": {0, 1, 2}}},
		{"one left", map[string][]int{"a": {0, 5}, "c": {2, 3}}, 6, map[string][]int{"a": {0, 1, 5}, "c": {2, 3, 4}}},
		{"two claim the same", map[string][]int{"a": {0, 1}, "b": {0, 1}}, 4, map[string][]int{"a": {0, 1}, "b": {2, 3}}},
		{"more members than partitions", map[string][]int{"a": nil, "b": nil, "c": {0}}, 2, map[string][]int{"a": {1}, "b": {}, "c": {0}}},
		{"nonsense", map[string][]int{"a": {-1, 99, 1, 1}}, 2, map[string][]int{"a": {0, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, balance(c.owned, c.partitions)) })
	}
}

func TestEveryPartitionHasOneMemberAndNoMemberMuchMoreThanAnother(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	owned := map[string][]int{"m0": nil}
	partitions, next := 12, 1
	for range 500 {
		switch rnd.IntN(3) {
		case 0:
			owned[fmt.Sprintf("m%d", next)] = nil
			next++
		case 1:
			if len(owned) > 1 {
				delete(owned, slices.Sorted(maps.Keys(owned))[rnd.IntN(len(owned))])
			}
		case 2:
			partitions = 1 + rnd.IntN(24)
		}
		got := balance(owned, partitions)
		require.Len(t, got, len(owned))
		var all []int
		for id, numbers := range got {
			all = append(all, numbers...)
			assert.GreaterOrEqual(t, len(numbers), partitions/len(owned), id)
			assert.LessOrEqual(t, len(numbers), (partitions+len(owned)-1)/len(owned), id)
			kept := 0
			for _, p := range numbers {
				if slices.Contains(owned[id], p) {
					kept++
				}
			}
			valid := len(slices.DeleteFunc(slices.Clone(owned[id]), func(p int) bool { return p >= partitions }))
			assert.GreaterOrEqual(t, kept, min(valid, partitions/len(owned)), "%s keeps its own", id)
		}
		slices.Sort(all)
		want := make([]int, partitions)
		for i := range want {
			want[i] = i
		}
		require.Equal(t, want, all)
		owned = got
	}
}
