// One media file, one of its streams decoded.
//
// A function returns 0 or more on success and an AVERROR code (negative)
// otherwise. A decoder is used by one thread at a time.
#ifndef VALENCE_MEDIA_H
#define VALENCE_MEDIA_H

#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>

#include "file.h"
#include "picture.h"

enum {
	VALENCE_MIN_RATE = 4000,   // Hz
	VALENCE_MAX_RATE = 384000, // Hz
	VALENCE_MAX_CHANNELS = 32,
};

typedef struct {
	valence_file file;
	AVCodecContext *codec;
	AVFrame *frame; // what valence_next decoded last
	valence_picture picture;
	SwrContext *swr;
	struct {
		int format, rate;
		AVChannelLayout layout;
	} swr_from; // what swr was built for

	int stream;      // index of the chosen stream
	int over;        // why no packet follows (AVERROR_EOF or worse); 0 while some may
	int has_time;    // whether frame has a time stamp
	int64_t time_ns; // of frame, since the file's zero
} valence_decoder;

// An empty decoder; NULL without memory.
valence_decoder *valence_new(void);

// Opens the file that input delivers (see valence_file_open), chooses the best
// stream of the type and opens its decoder.
int valence_open(valence_decoder *d, uintptr_t input, int seekable, enum AVMediaType type);

// Decodes the next frame of the chosen stream into d->frame and d->time_ns;
// AVERROR_EOF at the end.
int valence_next(valence_decoder *d);

// Upper bound on the samples that valence_resample can give now.
int valence_resample_bound(valence_decoder *d);

// Appends d->frame to the resampler (16 kHz mono float) and takes out what is ready.
// With flush, no frame is taken and the rest comes out. Returns the number of samples.
int valence_resample(valence_decoder *d, float *dst, int capacity, int rate, int flush);

// Measures d->frame for d->picture, as the file says that it is to be shown.
void valence_measure_shown(valence_decoder *d, int max_side);

// Frees everything. NULL is allowed.
void valence_close(valence_decoder *d);

#endif
