// One media file, one of its streams decoded, on FFmpeg's libraries (5.1 to 6.1).
//
// A function returns 0 or more on success and an AVERROR code (negative)
// otherwise. A decoder is used by one thread at a time.
#ifndef VALENCE_MEDIA_H
#define VALENCE_MEDIA_H

#include <stdint.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

// Go cannot see macros that call macros.
enum {
	VALENCE_EOF = AVERROR_EOF,
	VALENCE_EXIT = AVERROR_EXIT,
	VALENCE_INVALID = AVERROR_INVALIDDATA,
	VALENCE_NO_STREAM = AVERROR_STREAM_NOT_FOUND,
	VALENCE_NO_DECODER = AVERROR_DECODER_NOT_FOUND,
	VALENCE_MAX_SIDE = 8192,   // pixels
	VALENCE_MAX_PIXELS = 8192 * 4352,
	VALENCE_MIN_RATE = 4000,   // Hz
	VALENCE_MAX_RATE = 384000, // Hz
	VALENCE_MAX_CHANNELS = 32,
	VALENCE_LIMIT = FFERRTAG('L', 'I', 'M', 'T'),
};

typedef struct {
	uintptr_t input; // handle of the Go value that valenceRead and valenceSeek serve
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame; // what valence_next decoded last
	SwrContext *swr;
	struct SwsContext *sws;
	AVFrame *turned; // the scaled picture before it is turned upright
	struct {
		int format, rate;
		AVChannelLayout layout;
	} swr_from; // what swr was built for
	struct {
		int format, width, height, to_width, to_height;
		enum AVColorSpace colorspace;
		enum AVColorRange range;
	} sws_from; // what sws was built for

	int stream;        // index of the chosen stream
	int over;          // why no packet follows (AVERROR_EOF or worse); 0 while some may
	int has_time;      // whether frame has a time stamp
	int64_t time_ns;   // of frame, since the file's zero
	int width, height; // of the picture that valence_convert makes
	int64_t zero_us;   // the time stamp that is the file's zero
	int64_t read_ns;   // newest end of a packet of any stream, since the file's zero
	int64_t packets;   // given to the decoder
	int64_t damaged;   // packets that could not be read or decoded, or only in part
	int cut;           // the file ended where the container announced more
	int64_t complaints;  // messages of the library at level error
	char complaint[256]; // the first of them
} valence_decoder;

// A decoder that will read from input, which must stay valid until
// valence_close; NULL without memory.
valence_decoder *valence_new(uintptr_t input);

// Opens the container and reads what it says of its streams.
int valence_open(valence_decoder *d, int seekable);

// Chooses the best stream of the type and opens its decoder.
int valence_choose(valence_decoder *d, enum AVMediaType type);

// Decodes the next frame of the chosen stream into d->frame and d->time_ns;
// AVERROR_EOF at the end.
int valence_next(valence_decoder *d);

// Upper bound on the samples that valence_resample can give now.
int valence_resample_bound(valence_decoder *d);

// Appends d->frame to the resampler (16 kHz mono float) and takes out what is ready.
// With flush, no frame is taken and the rest comes out. Returns the number of samples.
int valence_resample(valence_decoder *d, float *dst, int capacity, int rate, int flush);

// Sets d->width and d->height to the size of the upright picture with square
// pixels and at most max_side on its long side.
void valence_measure(valence_decoder *d, int max_side);

// Writes d->frame as upright I420 of d->width x d->height. Returns 1 for full
// range, 0 for limited.
int valence_convert(valence_decoder *d, uint8_t *y, int y_stride, uint8_t *cb, uint8_t *cr, int c_stride);

// Frees everything. NULL is allowed.
void valence_close(valence_decoder *d);

#endif
