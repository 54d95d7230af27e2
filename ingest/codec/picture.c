#include <string.h>

#include "picture.h"

void valence_measure(valence_picture *p, const AVFrame *f, AVRational ratio, int turns, int max_side) {
	double w = f->width, h = f->height;
	double wide = ratio.num > 0 && ratio.den > 0 ? av_q2d(ratio) : 1;
	if (wide >= 0.25 && wide <= 4) w *= wide; // pixels are never as long as that in earnest
	double longest = w > h ? w : h;
	double scale = longest > max_side ? max_side / longest : 1;
	int a = (int)(w * scale + 0.5), b = (int)(h * scale + 0.5);
	a = a < 1 ? 1 : a, b = b < 1 ? 1 : b;
	p->turns = turns & 3;
	p->width = turns & 1 ? b : a;
	p->height = turns & 1 ? a : b;
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

static int build(valence_picture *p, const AVFrame *f, int width, int height, int full) {
	if (p->sws && p->from.format == f->format && p->from.width == f->width && p->from.height == f->height &&
		p->from.colorspace == f->colorspace && p->from.range == f->color_range &&
		p->from.to_width == width && p->from.to_height == height)
		return 0;
	sws_freeContext(p->sws);
	p->sws = sws_getContext(f->width, f->height, f->format, width, height, full ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P,
		SWS_AREA | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
	if (!p->sws) return AVERROR(EINVAL);
	const int *to = sws_getCoefficients(SWS_CS_ITU601), *from = is_rgb(f) ? to : sws_getCoefficients(f->colorspace);
	sws_setColorspaceDetails(p->sws, from, full || is_rgb(f), to, full, 0, 1 << 16, 1 << 16);
	p->from.format = f->format;
	p->from.width = f->width;
	p->from.height = f->height;
	p->from.colorspace = f->colorspace;
	p->from.range = f->color_range;
	p->from.to_width = width;
	p->from.to_height = height;
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

// A frame of the given size in p->turned.
static int make_room(valence_picture *p, int width, int height) {
	if (!p->turned && !(p->turned = av_frame_alloc())) return AVERROR(ENOMEM);
	AVFrame *u = p->turned;
	if (u->width == width && u->height == height) return 0;
	av_frame_unref(u);
	u->width = width, u->height = height, u->format = AV_PIX_FMT_YUV420P;
	int rc = av_frame_get_buffer(u, 0);
	if (rc < 0) av_frame_unref(u);
	return rc;
}

int valence_convert(valence_picture *p, const AVFrame *f, uint8_t *y, int y_stride, uint8_t *cb, uint8_t *cr, int c_stride) {
	int turns = p->turns, width = p->width, height = p->height;
	int w = turns & 1 ? height : width, h = turns & 1 ? width : height;
	int full = full_range(f), rc = build(p, f, w, h, full);
	if (rc < 0) return rc;
	uint8_t *planes[4] = {y, cb, cr};
	int strides[4] = {y_stride, c_stride, c_stride};
	if (turns) {
		if ((rc = make_room(p, w, h)) < 0) return rc;
		memcpy(planes, p->turned->data, sizeof planes);
		memcpy(strides, p->turned->linesize, sizeof strides);
	}
	rc = sws_scale(p->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, planes, strides);
	if (rc < 0) return rc;
	if (turns) {
		turn(y, y_stride, planes[0], strides[0], width, height, turns);
		turn(cb, c_stride, planes[1], strides[1], (width + 1) / 2, (height + 1) / 2, turns);
		turn(cr, c_stride, planes[2], strides[2], (width + 1) / 2, (height + 1) / 2, turns);
	}
	return full;
}

void valence_picture_free(valence_picture *p) {
	sws_freeContext(p->sws);
	p->sws = NULL;
	av_frame_free(&p->turned);
}
