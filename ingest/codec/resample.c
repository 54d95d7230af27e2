// Sound of any layout, format and rate to mono float.
#include "media.h"

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
