// What FFmpeg's libraries say, kept with the object that they say it of.
#ifndef VALENCE_LOG_H
#define VALENCE_LOG_H

#include <stdint.h>

typedef struct valence_log valence_log;

struct valence_log {
	int64_t complaints;  // messages at level error
	char complaint[256]; // the first of them
	// Called, where not NULL, when a demuxer complains.
	void (*demuxer)(valence_log *);
};

// Sends what the libraries say on this thread to log, until the next call; NULL for nowhere.
void valence_listen(valence_log *log);

#endif
