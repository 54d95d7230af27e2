package webrtctest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// reportEvery is how often a sender report goes out; the first comes sooner.
const reportEvery = time.Second

// play sends a file's streams through the outlets until the file ends or ctx.
func (p *Publisher) play(ctx context.Context, file string, outlets map[ingest.Modality]*outlet) error {
	var offset, end time.Duration
	for {
		err := p.playOnce(ctx, file, outlets, offset, &end)
		if !errors.Is(err, io.EOF) {
			return err
		}
		if !p.options.Loop {
			return nil
		}
		offset = end
	}
}

func (p *Publisher) playOnce(ctx context.Context, file string, outlets map[ingest.Modality]*outlet, offset time.Duration, end *time.Duration) (err error) {
	packets, err := codec.OpenPackets(ctx, file, p.options.logger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, packets.Close()) }()
	streams := packets.Streams()
	payloaders := make(map[int]rtp.Payloader)
	for {
		packet, err := packets.Next()
		if err != nil {
			return err
		}
		stream := streams[packet.Stream]
		o := outlets[stream.Track]
		if o == nil {
			continue
		}
		t := offset + max(0, packet.Time)
		*end = max(*end, t+packet.Duration)
		if err := p.wait(ctx, t); err != nil {
			return err
		}
		if o.asked.Swap(false) && p.options.Loop && !packet.Key {
			*end = t
			return io.EOF // begins again, with a key frame
		}
		if changed := p.other.Load(); changed != nil && *changed != file && stream.Track == ingest.Video && packet.Key {
			return p.playOnce(ctx, *changed, map[ingest.Modality]*outlet{ingest.Video: o}, t, end)
		}
		mime := mimeOf(stream)
		if payloaders[packet.Stream] == nil {
			payloaders[packet.Stream] = newPayloader(mime)
		}
		o.write(mime, t, packet.Data, p.absolute(o, t), payloaders[packet.Stream])
	}
}

// wait waits until the sender's clock shows t.
func (p *Publisher) wait(ctx context.Context, t time.Duration) error {
	due := p.began.Add(time.Duration(float64(t) / (1 + p.options.Drift) / p.options.speed()))
	left := time.Until(due)
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// clock is the sender's time since its zero.
func (p *Publisher) clock(now time.Time) time.Duration {
	return time.Duration(float64(now.Sub(p.began)) * (1 + p.options.Drift) * p.options.speed())
}

// Captured is the true time at which the sender captured what its clock, and
// its file, puts at t.
func (p *Publisher) Captured(t time.Duration) time.Time {
	return p.began.Add(time.Duration(float64(t) / (1 + p.options.Drift)))
}

// ntp is an instant of the sender's clock as 32.32 bits since 1900.
func (p *Publisher) ntp(t time.Duration) uint64 {
	at := p.began.Add(t + p.options.Offset)
	const since1900 = 2208988800
	return uint64(at.Unix()+since1900)<<32 | uint64(at.Nanosecond())<<32/1e9 //nolint:gosec // G115: after 1970
}

// absolute is the payload of abs-capture-time, once a second.
func (p *Publisher) absolute(o *outlet, t time.Duration) []byte {
	if !p.options.AbsCaptureTime || o.sent.Load()%50 > 1 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, p.ntp(t))
}

// report sends sender reports until ctx ends.
func (p *Publisher) report(ctx context.Context) {
	timer := time.NewTimer(reportEvery / 4)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-timer.C:
			t := p.clock(now)
			for _, o := range p.outlets {
				if o.sent.Load() == 0 {
					continue
				}
				o.mu.Lock()
				r := &rtcp.SenderReport{SSRC: o.ssrc, NTPTime: p.ntp(t), RTPTime: o.time(t), PacketCount: uint32(o.sent.Load()), OctetCount: uint32(o.octets.Load())} //nolint:gosec // G115: wraps
				o.mu.Unlock()
				_ = p.pc.WriteRTCP([]rtcp.Packet{r}) // the connection may be gone
			}
			timer.Reset(reportEvery)
		}
	}
}

func mimeOf(s codec.Stream) string {
	name := strings.ToLower(s.Codec)
	if s.Track == ingest.Audio {
		return "audio/" + name
	}
	return "video/" + name
}

// formats returns what a file is made of: its MIME types by modality.
func formats(ctx context.Context, o Options, file string) (map[ingest.Modality]string, error) {
	packets, err := codec.OpenPackets(ctx, file, o.logger())
	if err != nil {
		return nil, err
	}
	out := make(map[ingest.Modality]string)
	for _, s := range packets.Streams() {
		if _, there := out[s.Track]; there {
			continue
		}
		switch mime := mimeOf(s); mime {
		case "audio/opus", "video/vp8", "video/vp9", "video/h264":
			out[s.Track] = mime
		}
	}
	if len(out) == 0 {
		err = fmt.Errorf("%s has nothing that WebRTC can carry", file)
	}
	return out, errors.Join(err, packets.Close())
}
