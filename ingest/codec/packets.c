#include "packets.h"

valence_packets *valence_packets_new(void) {
	return av_mallocz(sizeof(valence_packets));
}

// H.264 in MP4 and Matroska has its parameter sets in the header and lengths
// before its NAL units (ISO/IEC 14496-15). Elsewhere it is Annex B already.
static int to_annex_b(valence_packets *p, const AVStream *stream) {
	const AVCodecParameters *par = stream->codecpar;
	if (par->codec_id != AV_CODEC_ID_H264 || par->extradata_size < 1 || par->extradata[0] != 1) return 0;
	const AVBitStreamFilter *filter = av_bsf_get_by_name("h264_mp4toannexb");
	if (!filter) return AVERROR_BSF_NOT_FOUND;
	AVBSFContext **f = &p->filters[stream->index];
	int rc = av_bsf_alloc(filter, f);
	if (rc < 0) return rc;
	if ((rc = avcodec_parameters_copy((*f)->par_in, par)) < 0) return rc;
	(*f)->time_base_in = stream->time_base;
	return av_bsf_init(*f);
}

static int open_all(valence_packets *p, uintptr_t input, int seekable) {
	int rc = valence_file_open(&p->file, input, seekable);
	if (rc < 0) return rc;
	p->file.settled = 1;
	if (p->file.format->nb_streams > VALENCE_MAX_STREAMS) return AVERROR_INVALIDDATA;
	for (unsigned i = 0; i < p->file.format->nb_streams; i++)
		if ((rc = to_annex_b(p, p->file.format->streams[i])) < 0) return rc;
	return 0;
}

int valence_packets_open(valence_packets *p, uintptr_t input, int seekable) {
	valence_listen(&p->file.log);
	int rc = open_all(p, input, seekable);
	valence_listen(NULL);
	return rc;
}

// Whether a stream is of sound or pictures, by the same rule as in Go.
static int wanted(const AVStream *stream) {
	return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO || stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
}

static int next(valence_packets *p) {
	for (;;) {
		int rc = valence_file_read(&p->file);
		if (rc < 0) return rc;
		AVPacket *packet = p->file.packet;
		const AVStream *stream = p->file.format->streams[packet->stream_index];
		if (packet->stream_index >= VALENCE_MAX_STREAMS || !wanted(stream)) continue;
		p->file.packets++;
		AVBSFContext *filter = p->filters[packet->stream_index];
		if (filter) { // one in, one out
			rc = av_bsf_send_packet(filter, packet);
			if (rc >= 0) rc = av_bsf_receive_packet(filter, packet);
			if (rc == AVERROR(ENOMEM)) return rc;
			if (rc < 0) {
				av_bsf_flush(filter);
				p->file.damaged++;
				continue;
			}
		}
		int64_t stamp = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
		p->packet = packet;
		p->has_time = stamp != AV_NOPTS_VALUE;
		if (p->has_time) p->time_ns = valence_file_time(&p->file, stamp, stream->time_base);
		p->duration_ns = packet->duration <= 0 ? 0 : av_rescale_q(packet->duration, stream->time_base, (AVRational){1, 1000000000});
		return 0;
	}
}

int valence_packets_next(valence_packets *p) {
	valence_listen(&p->file.log);
	p->packet = NULL;
	int rc = next(p);
	valence_listen(NULL);
	return rc;
}

void valence_packets_close(valence_packets *p) {
	if (!p) return;
	for (int i = 0; i < VALENCE_MAX_STREAMS; i++) av_bsf_free(&p->filters[i]);
	valence_file_close(&p->file);
	av_free(p);
}
