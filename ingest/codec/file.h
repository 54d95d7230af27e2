// One media file: its container, read packet by packet, by FFmpeg's libraries
// (5.1 to 6.1).
//
// A function returns 0 or more on success and an AVERROR code (negative)
// otherwise. A file is used by one thread at a time.
#ifndef VALENCE_FILE_H
#define VALENCE_FILE_H

#include <stdint.h>
#include <stdlib.h>

#include <libavformat/avformat.h>

#include "log.h"

// Go cannot see macros that call macros.
enum {
	VALENCE_EOF = AVERROR_EOF,
	VALENCE_EXIT = AVERROR_EXIT,
	VALENCE_INVALID = AVERROR_INVALIDDATA,
	VALENCE_NO_MEMORY = AVERROR(ENOMEM),
	VALENCE_NO_STREAM = AVERROR_STREAM_NOT_FOUND,
	VALENCE_NO_DECODER = AVERROR_DECODER_NOT_FOUND,
	VALENCE_MAX_STREAMS = 64,
};

typedef struct {
	valence_log log;
	AVFormatContext *format;
	AVPacket *packet; // what valence_file_read read last
	int64_t zero_us;  // the time stamp that is the file's zero
	int64_t read_ns;  // newest end of a packet of any stream, since the file's zero
	int64_t packets;  // of the wanted streams, counted by the owner
	int64_t damaged;  // packets that could not be read or decoded, or only in part
	int cut;          // the file ended where the container announced more
	int settled;      // the header was read: from here on, complaints are of lost data
} valence_file;

// Opens the container that input, a handle of the Go value that valenceRead
// and valenceSeek serve, delivers, and reads what it says of its streams. input
// must stay valid until valence_file_close. The file must be all zero.
int valence_file_open(valence_file *f, uintptr_t input, int seekable);

// Reads the next packet of any stream.
int valence_file_read(valence_file *f);

// A time stamp in nanoseconds since the file's zero.
int64_t valence_file_time(const valence_file *f, int64_t stamp, AVRational base);

// Frees everything.
void valence_file_close(valence_file *f);

#endif
