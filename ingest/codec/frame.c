// Decoded frames in the forms that the rest of the program uses.
#include <string.h>

#include "media.h"

// ---- sound: any layout, format and rate to mono float

static int swr_fits(const valence_decoder *d) {
	const AVFrame *f = d->frame;
	return d->swr && d->swr_from.format == f->format && d->swr_from.rate == f->sample_rate &&
		av_channel_layout_compare(&d->swr_from.layout, &f->ch_layout) == 0;
}

static int build_swr(valence_decoder *d, int rate) {
	const AVFrame *f = d->frame;
	if (f->sample_rate < VALENCE_MIN_RATE || f->sample_rate > VALENCE_MAX_RATE || f->ch_layout.nb_channels > VALENCE_MAX_CHANNELS) return VALENCE_LIMIT;
	swr_free(&d->swr);
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO, from = {0};
	int rc;
	if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) // how n channels are usually meant
		av_channel_layout_default(&from, f->ch_layout.nb_channels);
	else if ((rc = av_channel_layout_copy(&from, &f->ch_layout)) < 0)
		return rc;
	rc = swr_alloc_set_opts2(&d->swr, &mono, AV_SAMPLE_FMT_FLT, rate, &from, f->format, f->sample_rate, 0, NULL);
	av_channel_layout_uninit(&from);
	if (rc < 0) return rc;
	// The mean of the channels, not their sum: it cannot leave [-1, 1].
	av_opt_set_double(d->swr, "rematrix_maxval", 1.0, 0);
	if ((rc = swr_init(d->swr)) < 0) return rc;
	d->swr_from.format = f->format;
	d->swr_from.rate = f->sample_rate;
	return av_channel_layout_copy(&d->swr_from.layout, &f->ch_layout);
}

int valence_resample_bound(valence_decoder *d) {
	// Twice the plain ratio and a filter's length: an upper bound for any filter.
	int64_t in = d->frame->nb_samples, rate = d->frame->sample_rate > 0 ? d->frame->sample_rate : VALENCE_MIN_RATE;
	int64_t out = in * 2 * 16000 / rate + 4096;
	if (d->swr) {
		int more = swr_get_out_samples(d->swr, d->frame->nb_samples);
		if (more > out) out = more;
	}
	return out > INT32_MAX ? INT32_MAX : (int)out;
}

// Decoders overshoot, and float files hold what they like.
static void clip(float *x, int n) {
	for (int i = 0; i < n; i++) {
		float v = x[i];
		v = v > 1 ? 1 : v;
		v = v < -1 ? -1 : v;
		x[i] = v == v ? v : 0;
	}
}

int valence_resample(valence_decoder *d, float *dst, int capacity, int rate, int flush) {
	uint8_t *out[1] = {(uint8_t *)dst};
	int rc;
	if (flush) {
		if (!d->swr) return 0;
		rc = swr_convert(d->swr, out, capacity, NULL, 0);
		swr_free(&d->swr);
	} else {
		if (!swr_fits(d) && (rc = build_swr(d, rate)) < 0) return rc;
		rc = swr_convert(d->swr, out, capacity, (const uint8_t **)d->frame->extended_data, d->frame->nb_samples);
	}
	if (rc > 0) clip(dst, rc);
	return rc;
}

// ---- pictures: any pixel format, shape and orientation to upright I420

// Quarter turns clockwise that make the picture upright.
static int quarter_turns(const valence_decoder *d) {
	const uint8_t *matrix = av_stream_get_side_data(d->format->streams[d->stream], AV_PKT_DATA_DISPLAYMATRIX, NULL);
	if (!matrix) return 0;
	double angle = -av_display_rotation_get((const int32_t *)matrix); // clockwise, NaN for a singular matrix
	if (!(angle >= -360 && angle <= 360)) return 0;
	return ((int)((angle + 360 + 45) / 90)) & 3;
}

void valence_measure(valence_decoder *d, int max_side) {
	const AVFrame *f = d->frame;
	double w = f->width, h = f->height;
	AVRational ratio = av_guess_sample_aspect_ratio(d->format, d->format->streams[d->stream], d->frame);
	double wide = ratio.num > 0 && ratio.den > 0 ? av_q2d(ratio) : 1;
	if (wide >= 0.25 && wide <= 4) w *= wide; // pixels are never as long as that in earnest
	double longest = w > h ? w : h;
	double scale = longest > max_side ? max_side / longest : 1;
	int a = (int)(w * scale + 0.5), b = (int)(h * scale + 0.5);
	a = a < 1 ? 1 : a, b = b < 1 ? 1 : b;
	int turned = quarter_turns(d) & 1;
	d->width = turned ? b : a;
	d->height = turned ? a : b;
}

static int is_rgb(const AVFrame *f) {
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(f->format);
	return desc && desc->flags & AV_PIX_FMT_FLAG_RGB;
}

// Whether black is 0 and white 255. RGB becomes limited range.
static int full_range(const AVFrame *f) {
	switch (f->format) {
	case AV_PIX_FMT_YUVJ420P:
	case AV_PIX_FMT_YUVJ422P:
	case AV_PIX_FMT_YUVJ444P:
	case AV_PIX_FMT_YUVJ440P:
	case AV_PIX_FMT_YUVJ411P:
		return 1;
	default:
		return f->color_range == AVCOL_RANGE_JPEG && !is_rgb(f);
	}
}

static int build_sws(valence_decoder *d, int width, int height, int full) {
	const AVFrame *f = d->frame;
	if (d->sws && d->sws_from.format == f->format && d->sws_from.width == f->width && d->sws_from.height == f->height &&
		d->sws_from.colorspace == f->colorspace && d->sws_from.range == f->color_range &&
		d->sws_from.to_width == width && d->sws_from.to_height == height)
		return 0;
	sws_freeContext(d->sws);
	d->sws = sws_getContext(f->width, f->height, f->format, width, height, full ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P,
		SWS_AREA | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
	if (!d->sws) return AVERROR(EINVAL);
	const int *to = sws_getCoefficients(SWS_CS_ITU601), *from = is_rgb(f) ? to : sws_getCoefficients(f->colorspace);
	sws_setColorspaceDetails(d->sws, from, full || is_rgb(f), to, full, 0, 1 << 16, 1 << 16);
	d->sws_from.format = f->format;
	d->sws_from.width = f->width;
	d->sws_from.height = f->height;
	d->sws_from.colorspace = f->colorspace;
	d->sws_from.range = f->color_range;
	d->sws_from.to_width = width;
	d->sws_from.to_height = height;
	return 0;
}

// Turns a plane clockwise; width and height are the result's.
static void turn(uint8_t *dst, int dst_stride, const uint8_t *src, int src_stride, int width, int height, int turns) {
	for (int y = 0; y < height; y++, dst += dst_stride)
		for (int x = 0; x < width; x++)
			dst[x] = turns == 1 ? src[(ptrdiff_t)(width - 1 - x) * src_stride + y]
				: turns == 2  ? src[(ptrdiff_t)(height - 1 - y) * src_stride + (width - 1 - x)]
							  : src[(ptrdiff_t)x * src_stride + (height - 1 - y)];
}

int valence_convert(valence_decoder *d, uint8_t *y, int y_stride, uint8_t *cb, uint8_t *cr, int c_stride) {
	int turns = quarter_turns(d), width = d->width, height = d->height;
	int w = turns & 1 ? height : width, h = turns & 1 ? width : height;
	int full = full_range(d->frame), rc = build_sws(d, w, h, full);
	if (rc < 0) return rc;
	uint8_t *planes[4] = {y, cb, cr};
	int strides[4] = {y_stride, c_stride, c_stride};
	if (turns) {
		AVFrame *u = d->turned;
		if (u->width != w || u->height != h) {
			av_frame_unref(u);
			u->width = w, u->height = h, u->format = AV_PIX_FMT_YUV420P;
			if ((rc = av_frame_get_buffer(u, 0)) < 0) return rc;
		}
		memcpy(planes, u->data, sizeof planes);
		memcpy(strides, u->linesize, sizeof strides);
	}
	rc = sws_scale(d->sws, (const uint8_t *const *)d->frame->data, d->frame->linesize, 0, d->frame->height, planes, strides);
	if (rc < 0) return rc;
	if (turns) {
		turn(y, y_stride, planes[0], strides[0], width, height, turns);
		turn(cb, c_stride, planes[1], strides[1], (width + 1) / 2, (height + 1) / 2, turns);
		turn(cr, c_stride, planes[2], strides[2], (width + 1) / 2, (height + 1) / 2, turns);
	}
	return full;
}
