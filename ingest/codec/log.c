#include <stdatomic.h>
#include <string.h>

#include <libavutil/log.h>

#include "log.h"

// The libraries log through one callback for the whole process; it runs on the
// thread of the caller, which notes here whom the messages are for.
static _Thread_local valence_log *speaker;

static void note(void *context, int level, const char *format, va_list args) {
	valence_log *log = speaker;
	if (!log || level > AV_LOG_ERROR) return;
	const AVClass *class = context ? *(const AVClass **)context : NULL;
	if (log->demuxer && class && class->get_category && class->get_category(context) == AV_CLASS_CATEGORY_DEMUXER) log->demuxer(log);
	if (log->complaints++ == 0) {
		int prefix = 0;
		av_log_format_line2(context, level, format, args, log->complaint, sizeof log->complaint, &prefix);
		log->complaint[strcspn(log->complaint, "\n")] = 0;
	}
}

void valence_listen(valence_log *log) {
	static atomic_int installed;
	if (!atomic_exchange(&installed, 1)) av_log_set_callback(note);
	speaker = log;
}
