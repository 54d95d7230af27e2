// The access units of one live stream of pictures, decoded one by one.
//
// A function returns 0 or more on success and an AVERROR code (negative)
// otherwise. Used by one thread at a time.
#ifndef VALENCE_VIDEO_H
#define VALENCE_VIDEO_H

#include <libavcodec/avcodec.h>

#include "log.h"
#include "picture.h"

typedef struct {
	valence_log log;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame; // the last picture that came out
	AVFrame *spare;
	valence_picture picture;
	int64_t max_pixels;
	int refused; // a picture was larger than max_pixels
} valence_video;

// NULL without memory.
valence_video *valence_video_new(void);

// Opens the decoder. Pictures with more than max_pixels are refused.
int valence_video_open(valence_video *v, enum AVCodecID id, int64_t max_pixels);

// Decodes one access unit. Returns 1 if v->frame is a new picture: the last of
// those that the unit set free, with the number of its own unit in v->frame->pts.
// Where the unit's own picture is unwanted, and no other needs it, it may come out
// unfinished.
int valence_video_decode(valence_video *v, const uint8_t *unit, int size, int64_t number, int unwanted);

// Measures v->frame for v->picture.
void valence_video_measure(valence_video *v, int turns, int max_side);

// Forgets all references, and the pictures that were held back.
void valence_video_reset(valence_video *v);

// Frees everything. NULL is allowed.
void valence_video_close(valence_video *v);

#endif
