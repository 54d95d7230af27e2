#include <stddef.h>

#include "file.h"

#include "_cgo_export.h"

// Ordinary recordings. Playlists and text formats, which name other files, are
// left out on purpose.
static const char containers[] = "matroska,mov,mpeg,mpegts,mpegvideo,avi,flv,asf,wav,w64,aiff,au,caf,flac,ogg,mp3,aac,ac3,amr,ivf";

enum { io_buffer = 64 * 1024 };

// The container lacks data that it announced: at its end, or in the middle.
static void missed(valence_file *f) {
	if (f->format->pb->eof_reached)
		f->cut = 1;
	else
		f->damaged++;
}

// Once the header has been read, a demuxer complains of nothing less than lost data.
static void demuxer_complains(valence_log *log) {
	valence_file *f = (valence_file *)((char *)log - offsetof(valence_file, log));
	if (f->settled) missed(f);
}

static int read_input(void *opaque, uint8_t *buffer, int size) {
	return valenceRead((uintptr_t)opaque, buffer, size);
}

static int64_t seek_input(void *opaque, int64_t offset, int whence) {
	return valenceSeek((uintptr_t)opaque, offset, whence);
}

// A file must not make us open another one.
static int refuse(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options) {
	(void)format, (void)io, (void)url, (void)flags, (void)options;
	return AVERROR(EACCES);
}

int valence_file_open(valence_file *f, uintptr_t input, int seekable) {
	f->log.demuxer = demuxer_complains;
	f->packet = av_packet_alloc();
	f->format = avformat_alloc_context();
	if (!f->packet || !f->format) return AVERROR(ENOMEM);

	uint8_t *buffer = av_malloc(io_buffer);
	if (!buffer) return AVERROR(ENOMEM);
	AVIOContext *io = avio_alloc_context(buffer, io_buffer, 0, (void *)input, read_input, NULL, seekable ? seek_input : NULL);
	if (!io) {
		av_free(buffer);
		return AVERROR(ENOMEM);
	}
	f->format->pb = io;
	f->format->io_open = refuse;
	f->format->max_streams = VALENCE_MAX_STREAMS;
	f->format->format_whitelist = av_strdup(containers);
	// On failure avformat_open_input frees the context, but not our I/O.
	int rc = avformat_open_input(&f->format, NULL, NULL, NULL);
	if (rc < 0) {
		av_freep(&io->buffer);
		avio_context_free(&io);
		return rc;
	}
	rc = avformat_find_stream_info(f->format, NULL);
	if (rc < 0) return rc;
	int64_t start = f->format->start_time;
	f->zero_us = start == AV_NOPTS_VALUE || start < 0 ? 0 : start;
	return 0;
}

int64_t valence_file_time(const valence_file *f, int64_t stamp, AVRational base) {
	return av_sat_sub64(av_rescale_q(stamp, base, (AVRational){1, 1000000000}), av_rescale(f->zero_us, 1000, 1));
}

int valence_file_read(valence_file *f) {
	av_packet_unref(f->packet);
	int rc = av_read_frame(f->format, f->packet);
	if (rc < 0) return rc;
	const AVPacket *p = f->packet;
	if (p->flags & AV_PKT_FLAG_CORRUPT) missed(f);
	if (p->pts != AV_NOPTS_VALUE) {
		int64_t end = valence_file_time(f, av_sat_add64(p->pts, p->duration), f->format->streams[p->stream_index]->time_base);
		if (end > f->read_ns) f->read_ns = end;
	}
	return 0;
}

void valence_file_close(valence_file *f) {
	av_packet_free(&f->packet);
	if (!f->format) return;
	AVIOContext *io = f->format->pb;
	avformat_close_input(&f->format);
	if (io) {
		av_freep(&io->buffer);
		avio_context_free(&io);
	}
}
