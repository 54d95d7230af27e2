package webrtc

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"
)

// The RTP header extensions that pion has no name for.
const (
	uriAbsCaptureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	uriOrientation    = "urn:3gpp:video-orientation" // RFC 7742, section 5
)

// maxSCTPMessage is the largest message that the SCTP layer puts together; one
// above Config.MaxMessage is answered by a problem, one above this ends its
// channel.
const maxSCTPMessage = 256 << 10

// nackInterval is how often lost packets are asked for again: several times
// within what a jitter buffer waits.
const nackInterval = 20 * time.Millisecond

// gatherTimeout bounds how long a STUN or TURN server may keep an answer.
const gatherTimeout = time.Second

// newAPI returns what makes connections: over the shared ports, or, where
// shared is nil, over ports of their own.
func newAPI(cfg Config, shared *sockets, logs logging.LoggerFactory) (*pion.API, error) {
	media, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	interceptors, err := newInterceptors(logs)
	if err != nil {
		return nil, err
	}
	settings := pion.SettingEngine{LoggerFactory: logs}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.DisableActiveTCP(true) // a client must not make us connect to whatever it names
	settings.SetSTUNGatherTimeout(gatherTimeout)
	settings.SetSCTPMaxMessageSize(maxSCTPMessage)
	settings.SetICETimeouts(min(5*time.Second, cfg.Lost/2), cfg.Lost-min(5*time.Second, cfg.Lost/2), 2*time.Second)
	if shared == nil {
		settings.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4, pion.NetworkTypeUDP6})
	} else if err := shared.use(&settings, cfg); err != nil {
		return nil, err
	}
	return pion.NewAPI(pion.WithSettingEngine(settings), pion.WithMediaEngine(media), pion.WithInterceptorRegistry(interceptors)), nil
}

// use makes connections use the shared ports, under the public addresses too.
func (s *sockets) use(settings *pion.SettingEngine, cfg Config) error {
	var types []pion.NetworkType
	if s.udp != nil {
		settings.SetICEUDPMux(s.udp)
		types = append(types, pion.NetworkTypeUDP4, pion.NetworkTypeUDP6)
	}
	if s.tcp != nil {
		settings.SetICETCPMux(s.tcp)
		settings.SetIPFilter(s.tcpAddress)
		types = append(types, pion.NetworkTypeTCP4, pion.NetworkTypeTCP6)
	}
	settings.SetNetworkTypes(types)
	var rules []pion.ICEAddressRewriteRule
	for _, public := range cfg.PublicAddresses {
		address, err := netip.ParseAddr(public)
		if err != nil {
			return fmt.Errorf("ingest.webrtc.public_addresses: %w", err)
		}
		networks := []pion.NetworkType{pion.NetworkTypeUDP4, pion.NetworkTypeTCP4}
		if address.Is6() {
			networks = []pion.NetworkType{pion.NetworkTypeUDP6, pion.NetworkTypeTCP6}
		}
		rules = append(rules, pion.ICEAddressRewriteRule{
			External: []string{public}, AsCandidateType: pion.ICECandidateTypeHost,
			Mode: pion.ICEAddressRewriteAppend, Networks: networks,
		})
	}
	return settings.SetICEAddressRewriteRules(rules...)
}

// newMediaEngine lists what can be received: the codecs, in our order of preference
// for offers of our own, and the header extensions.
func newMediaEngine() (*pion.MediaEngine, error) {
	media := &pion.MediaEngine{}
	opus := pion.RTPCodecCapability{MimeType: pion.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	if err := media.RegisterCodec(pion.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}, pion.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("register opus: %w", err)
	}
	payload := pion.PayloadType(96)
	for _, c := range videoFormats() {
		c.ClockRate = 90000
		c.RTCPFeedback = []pion.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}}
		rtx := pion.RTPCodecCapability{MimeType: pion.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", payload)}
		for i, c := range []pion.RTPCodecCapability{c, rtx} {
			p := pion.RTPCodecParameters{RTPCodecCapability: c, PayloadType: payload + pion.PayloadType(i)}
			if err := media.RegisterCodec(p, pion.RTPCodecTypeVideo); err != nil {
				return nil, fmt.Errorf("register %s: %w", c.MimeType, err)
			}
		}
		if payload += 2; payload == 110 {
			payload = 112 // 111 is Opus
		}
	}
	media.RegisterFeedback(pion.RTCPFeedback{Type: "transport-cc"}, pion.RTPCodecTypeAudio)
	for _, e := range []struct {
		uri   string
		kinds []pion.RTPCodecType
	}{
		{sdp.SDESMidURI, []pion.RTPCodecType{pion.RTPCodecTypeAudio, pion.RTPCodecTypeVideo}},
		{sdp.SDESRTPStreamIDURI, []pion.RTPCodecType{pion.RTPCodecTypeVideo}},
		{sdp.SDESRepairRTPStreamIDURI, []pion.RTPCodecType{pion.RTPCodecTypeVideo}},
		{sdp.TransportCCURI, []pion.RTPCodecType{pion.RTPCodecTypeAudio, pion.RTPCodecTypeVideo}},
		{uriAbsCaptureTime, []pion.RTPCodecType{pion.RTPCodecTypeAudio, pion.RTPCodecTypeVideo}},
		{uriOrientation, []pion.RTPCodecType{pion.RTPCodecTypeVideo}},
	} {
		for _, kind := range e.kinds {
			if err := media.RegisterHeaderExtension(pion.RTPHeaderExtensionCapability{URI: e.uri}, kind); err != nil {
				return nil, fmt.Errorf("register %s: %w", e.uri, err)
			}
		}
	}
	return media, nil
}

// videoFormats lists the video formats. Every profile of H.264 is one decoder;
// each is named, because the profile must match in an answer (RFC 6184, 8.2.2).
func videoFormats() []pion.RTPCodecCapability {
	out := []pion.RTPCodecCapability{
		{MimeType: pion.MimeTypeVP8},
		{MimeType: pion.MimeTypeVP9, SDPFmtpLine: "profile-id=0"},
	}
	for _, format := range []string{"1;profile-level-id=42e01f", "1;profile-level-id=42001f", "1;profile-level-id=4d001f", "1;profile-level-id=64001f", "0;profile-level-id=42e01f", "0;profile-level-id=42001f"} {
		out = append(out, pion.RTPCodecCapability{MimeType: pion.MimeTypeH264, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=" + format})
	}
	return out
}

// newInterceptors returns what answers a sender: reports of loss, requests for
// lost packets, and arrival times, by which a browser sets its bit rate.
func newInterceptors(logs logging.LoggerFactory) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	reports, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(logs))
	if err != nil {
		return nil, fmt.Errorf("receiver reports: %w", err)
	}
	nacks, err := nack.NewGeneratorInterceptor(nack.WithGeneratorLoggerFactory(logs), nack.GeneratorInterval(nackInterval), nack.GeneratorMaxNacksPerPacket(8))
	if err != nil {
		return nil, fmt.Errorf("negative acknowledgements: %w", err)
	}
	arrivals, err := twcc.NewSenderInterceptor(twcc.WithLoggerFactory(logs))
	if err != nil {
		return nil, fmt.Errorf("transport-wide feedback: %w", err)
	}
	registry.Add(reports)
	registry.Add(nacks)
	registry.Add(arrivals)
	return registry, nil
}
