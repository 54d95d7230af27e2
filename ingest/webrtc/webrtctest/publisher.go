package webrtctest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest"
)

// settle is the time from the connection to the first packet.
const settle = 100 * time.Millisecond

// Publisher sends media by WHIP. Its methods may be called from any goroutine.
type Publisher struct {
	options Options
	pc      *pion.PeerConnection
	wire    *wire
	whip    whip
	outlets []*outlet
	plays   []playing
	channel *pion.DataChannel
	other   atomic.Pointer[string] // the file that SwitchCodec names

	began     time.Time // the sender's zero, by the true clock
	stop      context.CancelFunc
	connected chan struct{}
	started   chan struct{} // began is set
	opened    chan struct{} // the data channel
	done      chan struct{} // the files were sent
	told      chan string   // what came on the data channel
	group     sync.WaitGroup
	plis      atomic.Int64
	nacks     atomic.Int64
	once      sync.Once
	err       error // of sending; set before done is closed
}

// Publish offers the media, and sends it as soon as the connection stands,
// until ctx ends or Close.
func Publish(ctx context.Context, o Options) (*Publisher, error) {
	p, err := newPublisher(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := p.offer(ctx); err != nil {
		err = errors.Join(err, p.pc.GracefulClose())
		p.group.Wait()
		return nil, err
	}
	run, stop := context.WithCancel(ctx)
	p.stop = stop
	p.group.Go(func() { p.send(run) })
	return p, nil
}

// newPublisher makes one that has offered nothing yet.
func newPublisher(ctx context.Context, o Options) (*Publisher, error) {
	p := &Publisher{
		options: o, wire: newWire(o), connected: make(chan struct{}), started: make(chan struct{}), opened: make(chan struct{}),
		done: make(chan struct{}), told: make(chan string, 64),
	}
	var err error
	if p.pc, err = newPeerConnection(p.wire); err != nil {
		return nil, err
	}
	var once sync.Once
	p.pc.OnConnectionStateChange(func(s pion.PeerConnectionState) {
		if s == pion.PeerConnectionStateConnected {
			once.Do(func() { close(p.connected) })
		}
	})
	if p.plays, err = p.tracks(ctx); err == nil && o.Channel {
		err = p.openChannel()
	}
	if err != nil {
		return nil, errors.Join(err, p.pc.GracefulClose())
	}
	return p, nil
}

// playing is a file and where its streams go.
type playing struct {
	file    string
	outlets map[ingest.Modality]*outlet
}

// tracks adds the tracks that the files need.
func (p *Publisher) tracks(ctx context.Context) ([]playing, error) {
	var out []playing
	if o := p.options; o.File != "" {
		have, err := formats(ctx, o, o.File)
		if err != nil {
			return nil, err
		}
		play := playing{file: o.File, outlets: make(map[ingest.Modality]*outlet)}
		if mime := have[ingest.Audio]; mime != "" && !o.VideoOnly {
			play.outlets[ingest.Audio] = newOutlet(pion.RTPCodecTypeAudio, mime, "")
		}
		if mime := have[ingest.Video]; mime != "" && !o.AudioOnly && len(o.Layers) == 0 {
			play.outlets[ingest.Video] = newOutlet(pion.RTPCodecTypeVideo, mime, "")
		}
		for _, m := range ingest.Modalities() {
			if outlet := play.outlets[m]; outlet != nil {
				if _, err := p.addTrack(outlet); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, play)
	}
	layers, err := p.simulcast(ctx)
	return append(out, layers...), err
}

// simulcast adds one track with a layer for each file.
func (p *Publisher) simulcast(ctx context.Context) ([]playing, error) {
	var rids []string
	for rid := range p.options.Layers {
		rids = append(rids, rid)
	}
	slices.Sort(rids)
	var out []playing
	var sender *pion.RTPSender
	for _, rid := range rids {
		file := p.options.Layers[rid]
		have, err := formats(ctx, p.options, file)
		if err != nil {
			return nil, err
		}
		o := newOutlet(pion.RTPCodecTypeVideo, have[ingest.Video], rid)
		if sender == nil {
			sender, err = p.addTrack(o)
		} else {
			p.outlets = append(p.outlets, o)
			if err = sender.AddEncoding(o); err == nil {
				p.group.Go(func() { p.listen(sender, o) })
			}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, playing{file: file, outlets: map[ingest.Modality]*outlet{ingest.Video: o}})
	}
	return out, nil
}

func newOutlet(kind pion.RTPCodecType, mime, rid string) *outlet {
	o := &outlet{kind: kind, id: kind.String(), rid: rid, mime: mime, clock: 90000, first: rand.Uint32(), sequence: uint16(rand.Uint32())} //nolint:gosec // not a secret
	if kind == pion.RTPCodecTypeAudio {
		o.clock = 48000
	}
	return o
}

func (p *Publisher) addTrack(o *outlet) (*pion.RTPSender, error) {
	t, err := p.pc.AddTransceiverFromTrack(o, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, err
	}
	p.outlets = append(p.outlets, o)
	p.group.Go(func() { p.listen(t.Sender(), o) })
	return t.Sender(), nil
}

// listen counts what the receiver asks for.
func (p *Publisher) listen(sender *pion.RTPSender, o *outlet) {
	read := sender.ReadRTCP
	if o.rid != "" {
		read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return sender.ReadSimulcastRTCP(o.rid) }
	}
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, one := range packets {
			switch one.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.plis.Add(1)
				o.asked.Store(true)
			case *rtcp.TransportLayerNack:
				p.nacks.Add(1)
			}
		}
	}
}

// send plays everything once the connection stands.
func (p *Publisher) send(ctx context.Context) {
	defer close(p.done)
	select {
	case <-p.connected:
	case <-ctx.Done():
		p.err = ctx.Err()
		return
	}
	for _, t := range p.pc.GetTransceivers() {
		for _, o := range p.outlets {
			if o.kind == t.Kind() {
				o.mu.Lock()
				o.mid = t.Mid()
				o.mu.Unlock()
			}
		}
	}
	// The server's side of the connection may stand a moment later, and what is
	// sent before then is lost.
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		p.err = ctx.Err()
		return
	}
	p.began = time.Now()
	close(p.started)
	var group sync.WaitGroup
	errs := make([]error, len(p.plays))
	for i, play := range p.plays {
		group.Go(func() { errs[i] = p.play(ctx, play.file, play.outlets) })
	}
	reporting, stop := context.WithCancel(ctx)
	if !p.options.NoReports {
		p.group.Go(func() { p.report(reporting) })
	}
	group.Wait()
	stop()
	p.err = errors.Join(errs...)
}

func (p *Publisher) openChannel() (err error) {
	if p.channel, err = p.pc.CreateDataChannel("transcript", nil); err != nil {
		return err
	}
	p.channel.OnOpen(func() { close(p.opened) })
	p.channel.OnMessage(func(m pion.DataChannelMessage) {
		select {
		case p.told <- string(m.Data):
		default:
		}
	})
	return nil
}

// Connected is closed when the connection stands.
func (p *Publisher) Connected() <-chan struct{} { return p.connected }

// Started is closed when the first packet is about to be sent: from then on
// Captured is known.
func (p *Publisher) Started() <-chan struct{} { return p.started }

// Opened is closed when the data channel is open.
func (p *Publisher) Opened() <-chan struct{} { return p.opened }

// Done is closed when the files were sent, or nothing more will be.
func (p *Publisher) Done() <-chan struct{} { return p.done }

// Told brings what the server says on the data channel.
func (p *Publisher) Told() <-chan string { return p.told }

// Err is what went wrong with sending; read it after Done.
func (p *Publisher) Err() error { return p.err }

// KeyFrameRequests is how many PLI and FIR came, Nacks how many NACKs.
func (p *Publisher) KeyFrameRequests() int { return int(p.plis.Load()) }

// Nacks is how many NACKs came.
func (p *Publisher) Nacks() int { return int(p.nacks.Load()) }

// Sent is how many RTP packets of a modality were sent.
func (p *Publisher) Sent(m ingest.Modality) int {
	n := int64(0)
	for _, o := range p.outlets {
		if o.kind.String() == m.String() {
			n += o.sent.Load()
		}
	}
	return int(n)
}

// Mute sends nothing of a modality, or goes on.
func (p *Publisher) Mute(m ingest.Modality, muted bool) {
	for _, o := range p.outlets {
		if o.kind.String() == m.String() {
			o.muted.Store(muted)
		}
	}
}

// Heal makes the network good from now on.
func (p *Publisher) Heal() { p.wire.heal() }

// SwitchCodec goes on with the pictures of another file, of another codec, at
// the next key frame.
func (p *Publisher) SwitchCodec(file string) { p.other.Store(&file) }

// Say sends a message on the data channel.
func (p *Publisher) Say(message string) error {
	if p.channel == nil {
		return errors.New("the publisher has no data channel")
	}
	return p.channel.SendText(message)
}

// Close ends the connection without DELETE, as a closed page does. It waits
// until everything has ended; it may be called again.
func (p *Publisher) Close() error {
	var err error
	p.once.Do(func() {
		p.stop()
		<-p.done
		p.wire.wait()
		err = p.pc.GracefulClose()
		p.group.Wait()
	})
	return err
}

// newPeerConnection makes one that sends what a Publisher can send.
func newPeerConnection(w *wire) (*pion.PeerConnection, error) {
	media := &pion.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI, uriAbsCaptureTime} {
		for _, kind := range []pion.RTPCodecType{pion.RTPCodecTypeAudio, pion.RTPCodecTypeVideo} {
			if kind == pion.RTPCodecTypeAudio && strings.Contains(uri, "stream-id") {
				continue
			}
			if err := media.RegisterHeaderExtension(pion.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return nil, err
			}
		}
	}
	responder, err := nack.NewResponderInterceptor()
	if err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	registry.Add(w) // first: nearest to the network
	registry.Add(responder)
	settings := pion.SettingEngine{LoggerFactory: quiet{}}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4, pion.NetworkTypeUDP6, pion.NetworkTypeTCP4})
	pc, err := pion.NewAPI(pion.WithMediaEngine(media), pion.WithInterceptorRegistry(registry), pion.WithSettingEngine(settings)).
		NewPeerConnection(pion.Configuration{BundlePolicy: pion.BundlePolicyMaxBundle})
	if err != nil {
		return nil, fmt.Errorf("make a peer connection: %w", err)
	}
	return pc, nil
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, nil)
}
