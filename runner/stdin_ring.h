/* Bytes for the program's stdin that it has not taken yet. The host may be STDIN_WINDOW_BYTES ahead of our
 * acknowledgements and no more, so its control frames never wait behind a program that does not read. */
#ifndef RUNNER_STDIN_RING_H
#define RUNNER_STDIN_RING_H

#include "inbox.h"

struct stdin_ring {
    size_t start, length;
    bool ended;       /* the host has sent all of it */
    bool unwanted;    /* nobody will read it: acknowledge and drop */
    uint32_t ack_due; /* bytes written or dropped, not yet told to the host */
    unsigned char bytes[STDIN_WINDOW_BYTES];
};

/* NULL, or the fault. */
const char *stdin_ring_put(struct stdin_ring *ring, const struct frame *frame);
const char *stdin_ring_end(struct stdin_ring *ring);

/* Writes what the pipe takes; closes *fd after the last byte, or when the reader is gone. */
void stdin_ring_write(struct stdin_ring *ring, int *fd);

/* Drops all, now and later. */
void stdin_ring_refuse(struct stdin_ring *ring);

#endif
