// One media file, taken apart without decoding.
//
// A function returns 0 or more on success and an AVERROR code (negative)
// otherwise. Used by one thread at a time.
#ifndef VALENCE_PACKETS_H
#define VALENCE_PACKETS_H

#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>

#include "file.h"

typedef struct {
	valence_file file;
	AVBSFContext *filters[VALENCE_MAX_STREAMS]; // by stream; NULL where packets pass as they are
	const AVPacket *packet;                     // what valence_packets_next read last
	int has_time;
	int64_t time_ns, duration_ns; // of packet, since the file's zero
} valence_packets;

// NULL without memory.
valence_packets *valence_packets_new(void);

// Opens the file that input delivers (see valence_file_open).
int valence_packets_open(valence_packets *p, uintptr_t input, int seekable);

// Reads the next packet of sound or pictures; AVERROR_EOF at the end.
int valence_packets_next(valence_packets *p);

// Frees everything. NULL is allowed.
void valence_packets_close(valence_packets *p);

#endif
