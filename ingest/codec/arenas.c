// glibc gives each thread that allocates an arena of its own, up to eight a
// core, and an arena keeps what it once held. The threads that decode come and
// go with calls, so a server that people join and leave grows by some tens of
// megabytes that nobody uses. Decoders allocate little once they run: two
// arenas serve them as well.
#include <stdlib.h> // defines __GLIBC__ where it is

#ifdef __GLIBC__
#include <malloc.h>

__attribute__((constructor)) static void few_arenas(void) { mallopt(M_ARENA_MAX, 2); }
#endif
