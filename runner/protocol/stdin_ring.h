/* Ring buffer for stdin that the programs have not read yet: one stream for each phase with stdin. The host sends at most
 * STDIN_WINDOW_BYTES ahead of the acknowledgements, so that control frames never wait for a program that does not read. */
#ifndef RUNNER_STDIN_RING_H
#define RUNNER_STDIN_RING_H

#include "protocol/inbox.h"

struct stdin_ring {
    size_t start, length;
    unsigned streams;             /* number of streams, at least one */
    unsigned received, current;   /* stream that the host sends, and stream that is written to its program */
    uint32_t waiting[PHASES_MAX]; /* buffered bytes of each stream */
    uint32_t ack_due;             /* bytes written or dropped, not acknowledged yet */
    bool discarded;               /* the current stream has no reader: acknowledge and drop its bytes */
    bool mid_line;                /* the last byte written to a terminal was not a newline */
    unsigned char bytes[STDIN_WINDOW_BYTES];
};

/* Return NULL, or a description of the fault. */
const char *stdin_ring_put(struct stdin_ring *ring, const struct frame *frame);
const char *stdin_ring_end(struct stdin_ring *ring);

/* Returns whether the host may send more for the current phase. */
bool stdin_ring_is_open(const struct stdin_ring *ring);

/* Returns whether there are bytes or an end of file for the current phase. */
bool stdin_ring_is_due(const struct stdin_ring *ring);

/* Writes until the pipe or terminal blocks. Closes *fd after the last byte, or if the reader has closed it. A terminal
 * (`terminal_fd`; -1 for a pipe) receives its end-of-file character instead. */
void stdin_ring_write(struct stdin_ring *ring, int *fd, int terminal_fd);

/* Drops the current stream, including later bytes. */
void stdin_ring_discard(struct stdin_ring *ring);

/* Drops the rest of the current stream and continues with the next one. */
void stdin_ring_next(struct stdin_ring *ring);

#endif
