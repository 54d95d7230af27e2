#include <string.h>

#include "media.h"

#include "_cgo_export.h"

// Ordinary recordings. Playlists and text formats, which name other files, are
// left out on purpose.
static const char containers[] = "matroska,mov,mpeg,mpegts,mpegvideo,avi,flv,asf,wav,w64,aiff,au,caf,flac,ogg,mp3,aac,ac3,amr,ivf";

enum { io_buffer = 64 * 1024, max_streams = 64 };

// The library logs through one callback for the whole process; it runs on the
// thread of the caller, which notes here whom the messages are for.
static _Thread_local valence_decoder *speaker;

// The container lacks data that it announced: at its end, or in the middle.
static void missed(valence_decoder *d) {
	if (d->format->pb->eof_reached)
		d->cut = 1;
	else
		d->damaged++;
}

static void note(void *context, int level, const char *format, va_list args) {
	valence_decoder *d = speaker;
	if (!d || level > AV_LOG_ERROR) return;
	// Once the header has been read, a demuxer complains of nothing less than lost data.
	const AVClass *class = context ? *(const AVClass **)context : NULL;
	if (d->codec && class && class->get_category && class->get_category(context) == AV_CLASS_CATEGORY_DEMUXER) missed(d);
	if (d->complaints++ == 0) {
		int prefix = 0;
		av_log_format_line2(context, level, format, args, d->complaint, sizeof d->complaint, &prefix);
		d->complaint[strcspn(d->complaint, "\n")] = 0;
	}
}

static int read_input(void *opaque, uint8_t *buffer, int size) {
	return valenceRead((uintptr_t)opaque, buffer, size);
}

static int64_t seek_input(void *opaque, int64_t offset, int whence) {
	return valenceSeek((uintptr_t)opaque, offset, whence);
}

// A file must not make us open another one.
static int refuse(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options) {
	(void)format, (void)io, (void)url, (void)flags, (void)options;
	return AVERROR(EACCES);
}

static int open_container(valence_decoder *d, int seekable) {
	d->packet = av_packet_alloc();
	d->frame = av_frame_alloc();
	d->turned = av_frame_alloc();
	d->format = avformat_alloc_context();
	if (!d->packet || !d->frame || !d->turned || !d->format) return AVERROR(ENOMEM);

	uint8_t *buffer = av_malloc(io_buffer);
	if (!buffer) return AVERROR(ENOMEM);
	AVIOContext *io = avio_alloc_context(buffer, io_buffer, 0, (void *)d->input, read_input, NULL, seekable ? seek_input : NULL);
	if (!io) {
		av_free(buffer);
		return AVERROR(ENOMEM);
	}
	d->format->pb = io;
	d->format->io_open = refuse;
	d->format->max_streams = max_streams;
	d->format->format_whitelist = av_strdup(containers);
	// On failure avformat_open_input frees the context, but not our I/O.
	int rc = avformat_open_input(&d->format, NULL, NULL, NULL);
	if (rc < 0) {
		av_freep(&io->buffer);
		avio_context_free(&io);
		return rc;
	}
	rc = avformat_find_stream_info(d->format, NULL);
	if (rc < 0) return rc;
	int64_t start = d->format->start_time;
	d->zero_us = start == AV_NOPTS_VALUE || start < 0 ? 0 : start;
	return 0;
}

valence_decoder *valence_new(uintptr_t input) {
	valence_decoder *d = av_mallocz(sizeof *d);
	if (d) d->input = input;
	return d;
}

int valence_open(valence_decoder *d, int seekable) {
	av_log_set_callback(note);
	speaker = d;
	int rc = open_container(d, seekable);
	speaker = NULL;
	return rc;
}

// Refuses what would need absurd amounts of memory.
static int within_limits(const AVCodecContext *c) {
	if (c->codec_type == AVMEDIA_TYPE_VIDEO)
		return c->width <= VALENCE_MAX_SIDE && c->height <= VALENCE_MAX_SIDE && (int64_t)c->width * c->height <= VALENCE_MAX_PIXELS;
	return (c->sample_rate == 0 || (c->sample_rate >= VALENCE_MIN_RATE && c->sample_rate <= VALENCE_MAX_RATE)) &&
		c->ch_layout.nb_channels <= VALENCE_MAX_CHANNELS;
}

static int choose(valence_decoder *d, enum AVMediaType type) {
	const AVCodec *codec = NULL;
	int index = av_find_best_stream(d->format, type, -1, -1, &codec, 0);
	if (index < 0) return index;
	AVStream *stream = d->format->streams[index];
	if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) return AVERROR_STREAM_NOT_FOUND; // a cover, no video

	d->codec = avcodec_alloc_context3(codec);
	if (!d->codec) return AVERROR(ENOMEM);
	int rc = avcodec_parameters_to_context(d->codec, stream->codecpar);
	if (rc < 0) return rc;
	if (!within_limits(d->codec)) return VALENCE_LIMIT;
	d->codec->pkt_timebase = stream->time_base;
	d->codec->thread_count = 1;
	d->codec->max_pixels = VALENCE_MAX_PIXELS;
	rc = avcodec_open2(d->codec, codec, NULL);
	if (rc < 0) return rc;
	d->stream = index;
	return 0;
}

int valence_choose(valence_decoder *d, enum AVMediaType type) {
	speaker = d;
	int rc = choose(d, type);
	speaker = NULL;
	return rc;
}

static int64_t since_zero_ns(const valence_decoder *d, int64_t stamp, AVRational base) {
	return av_sat_sub64(av_rescale_q(stamp, base, (AVRational){1, 1000000000}), av_rescale(d->zero_us, 1000, 1));
}

// Reads one packet and gives it to the decoder if it is of the chosen stream.
static int feed(valence_decoder *d) {
	int rc = av_read_frame(d->format, d->packet);
	if (rc < 0) { // what the decoder still holds comes out first
		d->over = rc;
		return avcodec_send_packet(d->codec, NULL);
	}
	AVPacket *p = d->packet;
	if (p->flags & AV_PKT_FLAG_CORRUPT) missed(d);
	if (p->pts != AV_NOPTS_VALUE) {
		int64_t end = since_zero_ns(d, av_sat_add64(p->pts, p->duration), d->format->streams[p->stream_index]->time_base);
		if (end > d->read_ns) d->read_ns = end;
	}
	if (p->stream_index == d->stream) {
		d->packets++;
		rc = avcodec_send_packet(d->codec, p);
		if (rc < 0 && rc != AVERROR(ENOMEM)) { // the decoder goes on with the next one
			d->damaged++;
			rc = 0;
		}
	}
	av_packet_unref(p);
	return rc;
}

static int next(valence_decoder *d) {
	for (;;) {
		int rc = avcodec_receive_frame(d->codec, d->frame);
		if (rc == 0) {
			const AVFrame *f = d->frame;
			if (f->decode_error_flags) d->damaged++;
			d->has_time = f->best_effort_timestamp != AV_NOPTS_VALUE;
			if (d->has_time) d->time_ns = since_zero_ns(d, f->best_effort_timestamp, d->codec->pkt_timebase);
			return within_limits(d->codec) ? 0 : VALENCE_LIMIT;
		}
		if (rc == AVERROR_EOF) return d->over;
		if (rc == AVERROR(ENOMEM)) return rc;
		if (rc != AVERROR(EAGAIN)) {
			d->damaged++;
			continue; // each error has consumed input: the decoder cannot stay here
		}
		if ((rc = feed(d)) < 0) return rc;
	}
}

int valence_next(valence_decoder *d) {
	speaker = d;
	int rc = next(d);
	speaker = NULL;
	return rc;
}

void valence_close(valence_decoder *d) {
	if (!d) return;
	speaker = NULL;
	sws_freeContext(d->sws);
	swr_free(&d->swr);
	av_channel_layout_uninit(&d->swr_from.layout);
	av_frame_free(&d->turned);
	av_frame_free(&d->frame);
	av_packet_free(&d->packet);
	avcodec_free_context(&d->codec);
	if (d->format) {
		AVIOContext *io = d->format->pb;
		avformat_close_input(&d->format);
		if (io) {
			av_freep(&io->buffer);
			avio_context_free(&io);
		}
	}
	av_free(d);
}
