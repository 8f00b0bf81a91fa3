/* Bytes for the programs' stdin that they have not taken yet: one stream after the other, for each phase that wants one.
 * The host may be STDIN_WINDOW_BYTES ahead of our acknowledgements and no more, so its control frames never wait behind a
 * program that does not read. */
#ifndef RUNNER_STDIN_RING_H
#define RUNNER_STDIN_RING_H

#include "inbox.h"

struct stdin_ring {
    size_t start, length;
    unsigned streams;             /* how many the phases want; at least one, which nobody may read */
    unsigned heard, current;      /* the stream that the host is at, and the one that is written to its program */
    uint32_t waiting[PHASES_MAX]; /* how many of the bytes belong to each stream */
    uint32_t ack_due;             /* bytes written or dropped, not yet told to the host */
    bool unwanted;                /* nobody will read the current stream: acknowledge and drop */
    bool mid_line;                /* the last byte that a terminal took was no line end */
    unsigned char bytes[STDIN_WINDOW_BYTES];
};

/* NULL, or the fault. */
const char *stdin_ring_put(struct stdin_ring *ring, const struct frame *frame);
const char *stdin_ring_end(struct stdin_ring *ring);

/* Whether there is something to write to the current phase, if only the end. */
bool stdin_ring_is_due(const struct stdin_ring *ring);

/* Writes what the pipe or terminal takes; closes *fd after the last byte, or when the reader is gone. A terminal is not
 * closed but told of the end: `terminal_fd` (-1 for a pipe) is asked for the key. */
void stdin_ring_write(struct stdin_ring *ring, int *fd, int terminal_fd);

/* Drops the current stream, now and later. */
void stdin_ring_refuse(struct stdin_ring *ring);

/* Drops what is left of the current stream, and goes on to the next one. */
void stdin_ring_next(struct stdin_ring *ring);

#endif
