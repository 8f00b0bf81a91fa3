/* Frames to the host, in one bounded buffer: when it is full the program's pipes are simply not read. */
#ifndef RUNNER_OUTBOX_H
#define RUNNER_OUTBOX_H

#include "wire.h"

enum {
    OUTBOX_BYTES = 192 * 1024,
    /* Kept free of output: the other frames of a whole job always fit (every phase: 6 + 69 bytes). */
    OUTBOX_RESERVE_BYTES = 16 * 1024,
    /* Below this much room we wait, so that a slow host gets few large frames and not many small ones. */
    OUTBOX_CHUNK_MIN = 4096,
};

struct outbox {
    size_t head, tail;
    unsigned char bytes[OUTBOX_BYTES];
};

void outbox_put(struct outbox *outbox, enum runner_frame type, const void *payload, size_t length);

/* The bytes of output that may be read now; 0 means wait for the host. */
size_t outbox_output_room(const struct outbox *outbox);

/* Where to read that output to, and, once read, how much of it becomes a frame (0: none). */
unsigned char *outbox_output_begin(struct outbox *outbox);
void outbox_output_commit(struct outbox *outbox, enum runner_frame type, size_t length);

bool outbox_is_empty(const struct outbox *outbox);

/* Writes what `fd` (non-blocking) takes. Returns false when the host no longer reads. */
bool outbox_flush(struct outbox *outbox, int fd);

#endif
