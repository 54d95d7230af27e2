//go:build servers

package chaos_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/wire/wiretest"
)

// produce writes the demo call to the topics of media as a producer of its own
// does. All of it is written in one trace.
func produce(t *testing.T, client *kgo.Client, session, trace string) {
	t.Helper()
	cfg := demo()
	ctx, topic := context.WithoutCancel(t.Context()), ""
	for i, m := range append(append(wiretest.Consent(cfg), wiretest.Media(t, cfg)...), wiretest.End(cfg)) {
		if m.Topic != topic { // what is in another topic comes after it
			require.NoError(t, client.Flush(ctx))
			topic = m.Topic
		}
		r, err := wire.Encode(session, m.Message, wire.Protobuf, wire.Meta{Participant: m.Participant, Traceparent: fmt.Sprintf("00-%s-%016x-01", trace, i+1)})
		require.NoError(t, err)
		k := &kgo.Record{Topic: m.Topic, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader(h))
		}
		client.Produce(ctx, k, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("produce: %v", err)
			}
		})
	}
	require.NoError(t, client.Flush(ctx))
}
