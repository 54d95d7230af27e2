// Pictures of any pixel format, shape and orientation to upright I420.
//
// A function returns 0 or more on success and an AVERROR code (negative)
// otherwise.
#ifndef VALENCE_PICTURE_H
#define VALENCE_PICTURE_H

#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

enum {
	VALENCE_MAX_SIDE = 8192, // pixels
	VALENCE_MAX_PIXELS = 8192 * 4352,
	VALENCE_LIMIT = FFERRTAG('L', 'I', 'M', 'T'),
};

// The converter of one stream. All zero is a new one.
typedef struct {
	int width, height; // of the picture that valence_convert makes
	int turns;         // quarter turns clockwise that make it upright
	struct SwsContext *sws;
	AVFrame *turned; // the scaled picture before it is turned
	struct {
		int format, width, height, to_width, to_height;
		enum AVColorSpace colorspace;
		enum AVColorRange range;
	} from; // what sws was built for
} valence_picture;

// Sets width and height to the size of frame as an upright picture with square
// pixels and at most max_side on its long side. ratio is width to height of the
// pixels of the frame; 0 stands for unknown.
void valence_measure(valence_picture *p, const AVFrame *frame, AVRational ratio, int turns, int max_side);

// Writes the frame that was measured as upright I420 of width x height. Returns 1 for
// full range, 0 for limited.
int valence_convert(valence_picture *p, const AVFrame *frame, uint8_t *y, int y_stride, uint8_t *cb, uint8_t *cr, int c_stride);

// Frees what the converter holds.
void valence_picture_free(valence_picture *p);

#endif
