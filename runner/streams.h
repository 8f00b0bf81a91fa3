/* The standard streams of a phase: three pipes, or one terminal. */
#ifndef RUNNER_STREAMS_H
#define RUNNER_STREAMS_H

#include "phase.h"

enum { STANDARD_STREAMS = 3 };

struct streams {
    int program_ends[STANDARD_STREAMS];
    int our_ends[STANDARD_STREAMS]; /* non-blocking; -1: there is none */
};

/* Opens all, close-on-exec. Returns 0, or the errno; then nothing is left. */
int streams_open(struct streams *streams, const struct phase *phase);

/* Has the epoll tell, by the number of the stream, which of stdout and stderr has something. To be called before the program
 * runs: what is there already when it begins to watch has no order. */
void streams_watch(const struct streams *streams, int epoll_fd);

/* In the child, once it leads a session: makes the program's ends its 0, 1 and 2. Returns false with errno set. */
bool streams_adopt(const struct streams *streams, const struct phase *phase);

void streams_close(int ends[STANDARD_STREAMS]);

#endif
