package rtpclock_test

import (
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/rtpclock"
)

// origin is what our clock shows when a simulated call begins.
var origin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// call describes a simulated sender and the way from it to us.
type call struct {
	seed   uint64
	length time.Duration
	ntp    uint64        // what the sender's clock shows when the call begins, UQ32.32
	drift  float64       // of the sender's clock against ours
	owd    time.Duration // on the way at least
	jitter time.Duration // on the way at most besides
	loss   float64
	audio  media
	video  media
	steps  map[time.Duration]time.Duration // when the sender's clock is set, and by how much

	stallFrom, stallTo time.Duration // what would arrive in between is held up
}

// media describes one track of it.
type media struct {
	rate    uint32
	every   time.Duration // from one frame to the next
	packets int           // of a frame
	start   time.Duration // of the first capture, after the call's
	rtp     uint32        // of the call's beginning
	drift   float64       // of the RTP clock against the sender's
	delay   time.Duration // from capture to the network
	reports func(i int) time.Duration
	noise   time.Duration // of a report's NTP time, at most
	capture bool          // abs-capture-time about once a second

	anew               time.Duration // when the RTP clock jumps
	jump               uint32        // by how much
	ssrc               bool          // and it is another stream then
	pauseFrom, pauseTo time.Duration // when nothing is sent
	hurried            time.Duration // until when it is late by another 150 ms
}

// chrome sends the first sender report when the page said, then every second
// (video) or every five seconds (audio), each a bit more or less.
func chrome(first, every time.Duration) func(int) time.Duration {
	return func(i int) time.Duration {
		return first + time.Duration(i)*every + time.Duration(i%7)*37*time.Millisecond
	}
}

func typical() call {
	return call{
		seed: 1, length: time.Minute, ntp: 0xecf0_1234_0000_0000, drift: 200e-6, owd: 40 * time.Millisecond, jitter: 30 * time.Millisecond, loss: .01,
		audio: media{
			rate: 48000, every: 20 * time.Millisecond, packets: 1, start: 0, rtp: 0xffff_0000, drift: 0, delay: 30 * time.Millisecond,
			reports: chrome(2400*time.Millisecond, 5*time.Second), noise: time.Millisecond,
		},
		video: media{
			rate: 90000, every: time.Second / 15, packets: 3, start: 700 * time.Millisecond, rtp: 12345, drift: 0, delay: 70 * time.Millisecond,
			reports: chrome(600*time.Millisecond, time.Second), noise: time.Millisecond,
		},
	}
}

// given is a time that was given out.
type given struct {
	arrived  time.Duration
	captured time.Duration // truly
	time     time.Duration
	bound    time.Duration
	source   ingest.ClockSource
}

type happening struct {
	at time.Duration
	do func(at time.Time)
}

// run plays the call and returns what was given out for the packets of each track,
// in the order in which it was.
func (c call) run() (audio, video []given) {
	rng := rand.New(rand.NewPCG(c.seed, 7))
	var sender rtpclock.Sender
	var events []happening
	way := func() time.Duration {
		return c.owd + time.Duration(rng.Float64()*rng.Float64()*float64(c.jitter))
	}
	arrive := func(sent, at time.Duration) time.Duration {
		if c.stallFrom <= at && at < c.stallTo { // then the queue is emptied ten times as fast
			return c.stallTo + (sent-c.stallFrom)/10
		}
		return at
	}
	for _, m := range []struct {
		media
		out *[]given
	}{{c.audio, &audio}, {c.video, &video}} {
		track := sender.NewTrack(m.rate)
		newest, first, restarted := int64(-1), true, false
		stamp := time.Duration(-1)
		for i := int64(0); ; i++ {
			captured := m.start + time.Duration(i)*m.every
			if captured >= c.length {
				break
			}
			if m.pauseFrom <= captured && captured < m.pauseTo {
				continue
			}
			second := m.ssrc && m.anew > 0 && captured >= m.anew
			rtp := m.stamp(c, captured)
			var ntp uint64
			if m.capture && (first || captured-stamp >= time.Second) {
				stamp = captured
				ntp = c.clock(captured.Truncate(time.Millisecond))
			}
			for p := range m.packets {
				if rng.Float64() < c.loss && !first {
					continue
				}
				first = false
				seq := i*int64(m.packets) + int64(p)
				sent := captured + m.delay + time.Duration(p)*2*time.Millisecond
				if captured < m.hurried {
					sent += 150 * time.Millisecond
				}
				at := arrive(sent, sent+way())
				events = append(events, happening{at, func(at time.Time) {
					if second && !restarted {
						restarted = true
						track.Restart()
					}
					if second != restarted {
						return // a late packet of the stream before
					}
					if seq > newest {
						newest = seq
						track.Arrived(rtp, at)
						if ntp != 0 {
							track.Captured(ntp, rtp)
						}
					}
					got, clock := track.Time(rtp)
					*m.out = append(*m.out, given{at.Sub(origin), captured, got.Sub(origin), clock.ErrorBound, clock.Source})
				}})
			}
		}
		for i := 0; m.reports != nil; i++ {
			sent := m.start + m.reports(i)
			if sent >= c.length {
				break
			}
			noise := time.Duration((2*rng.Float64() - 1) * float64(m.noise))
			events = append(events, happening{arrive(sent, sent+way()), func(at time.Time) {
				if m.ssrc && m.anew > 0 && sent >= m.anew != restarted {
					return // of another stream
				}
				track.Report(c.clock(sent+noise), m.stamp(c, sent), at)
			}})
		}
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].at < events[j].at })
	for _, e := range events {
		e.do(origin.Add(e.at))
	}
	return audio, video
}

// clock returns what the sender's clock shows at a time after the call's beginning.
func (c call) clock(at time.Duration) uint64 {
	d := int64(float64(at) * (1 + c.drift))
	for when, step := range c.steps {
		if at >= when {
			d += int64(step)
		}
	}
	s, ns := d/1e9, d%1e9
	if ns < 0 {
		s, ns = s-1, ns+1e9
	}
	return c.ntp + uint64(s)<<32 + uint64(ns)<<32/1e9
}

func (m media) stamp(c call, at time.Duration) uint32 {
	rtp := m.rtp + uint32(int64(at.Seconds()*(1+c.drift)*(1+m.drift)*float64(m.rate)))
	if m.anew > 0 && at >= m.anew {
		rtp += m.jump
	}
	return rtp
}

// requireForward checks that later media never got an earlier time.
func requireForward(tb require.TestingT, track []given) {
	byCapture := slices.Clone(track)
	latest := given{captured: -1}
	for _, g := range byCapture {
		if g.captured > latest.captured {
			require.GreaterOrEqual(tb, g.time, latest.time, "time ran backwards at %s", g.captured)
			latest = g
		}
	}
}

// misalignment returns by how much the two tracks are apart for media that was
// captured at the same time, for each packet of track, and its largest share of
// the bound that was stated. Where something changed that nobody could know before
// (sudden), one of the two says so: a window has the larger bound.
func misalignment(track, other []given, sudden bool) (worst []time.Duration, share float64, at time.Duration) {
	began := other[0].arrived
	other = slices.Clone(other)
	sort.SliceStable(other, func(i, j int) bool { return other[i].captured < other[j].captured })
	for _, g := range track {
		i := sort.Search(len(other), func(i int) bool { return other[i].captured >= g.captured })
		if i == 0 || i == len(other) {
			continue
		}
		a, b := other[i-1], other[i]
		if b.captured-a.captured > time.Second {
			continue
		}
		f := float64(g.captured-a.captured) / float64(b.captured-a.captured)
		err := time.Duration(float64(a.time-a.captured)*(1-f) + float64(b.time-b.captured)*f)
		apart := (g.time - g.captured - err).Abs()
		worst = append(worst, apart)
		bound := g.bound
		if sudden || g.arrived < began {
			bound = max(bound, a.bound, b.bound)
		}
		if s := float64(apart) / float64(bound); s > share {
			share, at = s, g.captured
		}
	}
	return worst, share, at
}

// stalls reports whether at that time it cannot be known yet that the RTP clock
// stood still, and was not only held up.
func (c call) stalls(at time.Duration) bool {
	for _, m := range []media{c.audio, c.video} {
		if m.pauseFrom > 0 && at >= m.pauseFrom && at < m.pauseTo+time.Second {
			return true
		}
	}
	return false
}

// check runs the call and checks what every call must keep: time runs forward, and
// whatever was captured at one time gets times within the stated bounds.
func (c call) check(tb require.TestingT) (audio, video []given) {
	audio, video = c.run()
	require.NotEmpty(tb, audio)
	require.NotEmpty(tb, video)
	requireForward(tb, audio)
	requireForward(tb, video)
	for _, g := range slices.Concat(audio, video) {
		late := g.time - g.captured
		require.True(tb, -500*time.Millisecond < late && late < c.owd+c.jitter+600*time.Millisecond || c.stalls(g.captured), "%s given for %s: %+v", g.time, g.captured, c)
	}
	for _, pair := range [][2][]given{{audio, video}, {video, audio}} {
		_, share, at := misalignment(pair[0], pair[1], len(c.steps) > 0 || c.audio.anew > 0 || c.video.anew > 0)
		require.LessOrEqual(tb, share, 1., "further apart than stated at %s: %+v", at, c)
	}
	return audio, video
}
