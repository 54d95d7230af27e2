#include "media.h"

valence_decoder *valence_new(void) {
	return av_mallocz(sizeof(valence_decoder));
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
	int index = av_find_best_stream(d->file.format, type, -1, -1, &codec, 0);
	if (index < 0) return index;
	AVStream *stream = d->file.format->streams[index];
	if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) return AVERROR_STREAM_NOT_FOUND; // a cover, no video

	d->frame = av_frame_alloc();
	d->codec = avcodec_alloc_context3(codec);
	if (!d->frame || !d->codec) return AVERROR(ENOMEM);
	int rc = avcodec_parameters_to_context(d->codec, stream->codecpar);
	if (rc < 0) return rc;
	if (!within_limits(d->codec)) return VALENCE_LIMIT;
	d->file.settled = 1;
	d->codec->pkt_timebase = stream->time_base;
	d->codec->thread_count = 1;
	d->codec->max_pixels = VALENCE_MAX_PIXELS;
	rc = avcodec_open2(d->codec, codec, NULL);
	if (rc < 0) return rc;
	d->stream = index;
	return 0;
}

int valence_open(valence_decoder *d, uintptr_t input, int seekable, enum AVMediaType type) {
	valence_listen(&d->file.log);
	int rc = valence_file_open(&d->file, input, seekable);
	if (rc >= 0) rc = choose(d, type);
	valence_listen(NULL);
	return rc;
}

// Reads one packet and gives it to the decoder if it is of the chosen stream.
static int feed(valence_decoder *d) {
	int rc = valence_file_read(&d->file);
	if (rc < 0) { // what the decoder still holds comes out first
		d->over = rc;
		return avcodec_send_packet(d->codec, NULL);
	}
	if (d->file.packet->stream_index != d->stream) return 0;
	d->file.packets++;
	rc = avcodec_send_packet(d->codec, d->file.packet);
	if (rc < 0 && rc != AVERROR(ENOMEM)) { // the decoder goes on with the next one
		d->file.damaged++;
		rc = 0;
	}
	return rc;
}

static int next(valence_decoder *d) {
	for (;;) {
		int rc = avcodec_receive_frame(d->codec, d->frame);
		if (rc == 0) {
			const AVFrame *f = d->frame;
			if (f->decode_error_flags) d->file.damaged++;
			d->has_time = f->best_effort_timestamp != AV_NOPTS_VALUE;
			if (d->has_time) d->time_ns = valence_file_time(&d->file, f->best_effort_timestamp, d->codec->pkt_timebase);
			return within_limits(d->codec) ? 0 : VALENCE_LIMIT;
		}
		if (rc == AVERROR_EOF) return d->over;
		if (rc == AVERROR(ENOMEM)) return rc;
		if (rc != AVERROR(EAGAIN)) {
			d->file.damaged++;
			continue; // each error has consumed input: the decoder cannot stay here
		}
		if ((rc = feed(d)) < 0) return rc;
	}
}

int valence_next(valence_decoder *d) {
	valence_listen(&d->file.log);
	int rc = next(d);
	valence_listen(NULL);
	return rc;
}

// Quarter turns clockwise that make the picture upright.
static int quarter_turns(const AVStream *stream) {
	const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
	if (!matrix) return 0;
	double angle = -av_display_rotation_get((const int32_t *)matrix); // clockwise, NaN for a singular matrix
	if (!(angle >= -360 && angle <= 360)) return 0;
	return ((int)((angle + 360 + 45) / 90)) & 3;
}

void valence_measure_shown(valence_decoder *d, int max_side) {
	AVStream *stream = d->file.format->streams[d->stream];
	AVRational ratio = av_guess_sample_aspect_ratio(d->file.format, stream, d->frame);
	valence_measure(&d->picture, d->frame, ratio, quarter_turns(stream), max_side);
}

void valence_close(valence_decoder *d) {
	if (!d) return;
	swr_free(&d->swr);
	av_channel_layout_uninit(&d->swr_from.layout);
	valence_picture_free(&d->picture);
	av_frame_free(&d->frame);
	avcodec_free_context(&d->codec);
	valence_file_close(&d->file);
	av_free(d);
}
