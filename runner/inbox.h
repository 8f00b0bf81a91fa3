/* Frames from the host: bytes in, whole frames out. */
#ifndef RUNNER_INBOX_H
#define RUNNER_INBOX_H

#include "wire.h"

struct inbox {
    size_t filled, consumed;
    unsigned char bytes[FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX];
};

struct frame {
    unsigned type;
    size_t length;
    const unsigned char *payload; /* valid until the next inbox_read */
};

/* One read(2). Returns false at end of file: the host is gone. */
bool inbox_read(struct inbox *inbox, int fd);

/* Takes the next whole frame. Returns false when there is none yet; *fault is set for a frame too large to be one. */
bool inbox_next(struct inbox *inbox, struct frame *frame, const char **fault);

#endif
