/* The standard streams of a phase: three pipes, or one terminal. */
#ifndef RUNNER_STREAMS_H
#define RUNNER_STREAMS_H

#include "process/phase.h"

enum { STANDARD_STREAMS = 3 };

struct streams {
    int program_ends[STANDARD_STREAMS];
    int runner_ends[STANDARD_STREAMS]; /* non-blocking; -1: none */
};

/* Opens all streams, close-on-exec. Returns 0, or an errno after clean-up. */
int streams_open(struct streams *streams, const struct phase *phase);

/* Adds stdout and stderr to the epoll instance, with the stream number as data. Call it before the program starts:
 * the order of data that was written earlier is unknown. */
void streams_watch(const struct streams *streams, int epoll_fd);

/* In the child, after setsid: makes the program's ends descriptors 0, 1 and 2. Returns false and sets errno. */
bool streams_adopt(const struct streams *streams, const struct phase *phase);

void streams_close(int ends[STANDARD_STREAMS]);

#endif
