#include "video.h"

valence_video *valence_video_new(void) {
	return av_mallocz(sizeof(valence_video));
}

// Called before a picture gets its memory.
static int get_buffer(AVCodecContext *codec, AVFrame *frame, int flags) {
	valence_video *v = codec->opaque;
	if ((int64_t)frame->width * frame->height > v->max_pixels) {
		v->refused = 1;
		return VALENCE_LIMIT;
	}
	return avcodec_default_get_buffer2(codec, frame, flags);
}

static int open(valence_video *v, enum AVCodecID id, int64_t max_pixels) {
	const AVCodec *codec = avcodec_find_decoder(id);
	if (!codec) return AVERROR_DECODER_NOT_FOUND;
	v->max_pixels = max_pixels;
	v->packet = av_packet_alloc();
	v->frame = av_frame_alloc();
	v->spare = av_frame_alloc();
	v->codec = avcodec_alloc_context3(codec);
	if (!v->packet || !v->frame || !v->spare || !v->codec) return AVERROR(ENOMEM);
	v->codec->opaque = v;
	v->codec->get_buffer2 = get_buffer;
	v->codec->thread_count = 1;
	v->codec->max_pixels = VALENCE_MAX_PIXELS;
	v->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
	return avcodec_open2(v->codec, codec, NULL);
}

int valence_video_open(valence_video *v, enum AVCodecID id, int64_t max_pixels) {
	valence_listen(&v->log);
	int rc = open(v, id, max_pixels);
	valence_listen(NULL);
	return rc;
}

// Takes out what is ready and keeps the last in v->frame.
static int drain(valence_video *v) {
	int got = 0;
	for (;;) {
		int rc = avcodec_receive_frame(v->codec, v->spare);
		if (rc == AVERROR(EAGAIN)) return got;
		if (rc < 0) return rc;
		if (v->spare->decode_error_flags || v->spare->flags & AV_FRAME_FLAG_CORRUPT) return AVERROR_INVALIDDATA;
		AVFrame *newer = v->spare;
		v->spare = v->frame;
		v->frame = newer;
		got = 1;
	}
}

static int decode(valence_video *v, const uint8_t *unit, int size, int64_t number, int unwanted) {
	av_frame_unref(v->frame);
	v->refused = 0;
	v->codec->skip_loop_filter = unwanted ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
	AVPacket *p = v->packet;
	p->data = (uint8_t *)unit; // copied by the library, since no buffer owns it
	p->size = size;
	p->pts = p->dts = number;
	int rc = avcodec_send_packet(v->codec, p);
	av_packet_unref(p);
	if (rc >= 0) rc = drain(v);
	if (rc < 0 && v->refused) return VALENCE_LIMIT;
	return rc == AVERROR(EINVAL) ? VALENCE_LIMIT : rc; // VP8 and VP9 say so of sizes beyond max_pixels
}

int valence_video_decode(valence_video *v, const uint8_t *unit, int size, int64_t number, int unwanted) {
	v->log.complaints = 0; // an error is explained by what was said of this unit
	valence_listen(&v->log);
	int rc = decode(v, unit, size, number, unwanted);
	valence_listen(NULL);
	return rc;
}

void valence_video_measure(valence_video *v, int turns, int max_side) {
	valence_measure(&v->picture, v->frame, v->frame->sample_aspect_ratio, turns, max_side);
}

void valence_video_reset(valence_video *v) {
	valence_listen(&v->log);
	avcodec_flush_buffers(v->codec);
	valence_listen(NULL);
}

void valence_video_close(valence_video *v) {
	if (!v) return;
	valence_picture_free(&v->picture);
	av_frame_free(&v->spare);
	av_frame_free(&v->frame);
	av_packet_free(&v->packet);
	avcodec_free_context(&v->codec);
	av_free(v);
}
