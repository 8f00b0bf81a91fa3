/* Frames to the host in a bounded buffer. While it is full, the pipes of the program are not read.
 *
 * A frame can be delayed, so that it is sent together with those that follow: each message costs more processor time in the
 * engine than the frames in it. */
#ifndef RUNNER_OUTBOX_H
#define RUNNER_OUTBOX_H

#include "protocol/encoding.h"

enum {
    OUTBOX_BYTES = 192 * 1024,
    /* Not used by output: holds all other frames of a job (6 + 69 bytes for each phase). */
    OUTBOX_RESERVE_BYTES = 16 * 1024,
    /* Minimum room for output, so that a slow host receives few large frames instead of many small ones. */
    OUTBOX_CHUNK_MIN = 4096,
    /* From this size on, frames are not delayed. */
    OUTBOX_DELAYED_MAX = 16 * 1024,
};

#define SEND_AT_ONCE UINT64_C(0)

struct outbox {
    size_t head, tail;
    uint64_t due_ns; /* monotonic time when the first frame must be sent; undefined while the outbox is empty */
    unsigned char bytes[OUTBOX_BYTES];
};

/* Adds a frame that must be sent at `due_ns` (monotonic) at the latest, together with those before it. */
void outbox_put(struct outbox *outbox, enum runner_frame type, const void *payload, size_t length, uint64_t due_ns);

/* Number of output bytes that fit; 0: wait for the host. */
size_t outbox_output_room(const struct outbox *outbox);

/* Buffer to read output into, and the number of bytes of it to send as a frame (0: none). */
unsigned char *outbox_output_buffer(struct outbox *outbox);
void outbox_output_commit(struct outbox *outbox, enum runner_frame type, size_t length, uint64_t due_ns);

bool outbox_is_empty(const struct outbox *outbox);

/* Whether frames must be sent now. */
bool outbox_is_due(const struct outbox *outbox, uint64_t now_ns);

/* Writes to the non-blocking `fd` until it blocks. Returns false if the host has closed it. */
bool outbox_flush(struct outbox *outbox, int fd);

#endif
