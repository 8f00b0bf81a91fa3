/* Splits the bytes from the host into frames. */
#ifndef RUNNER_INBOX_H
#define RUNNER_INBOX_H

#include "protocol/encoding.h"

struct inbox {
    size_t filled, consumed;
    unsigned char bytes[FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX];
};

struct frame {
    unsigned type;
    size_t length;
    const unsigned char *payload; /* valid until the next inbox_read */
};

/* Calls read(2) once. Returns false at end of file: the host has exited. */
bool inbox_read(struct inbox *inbox, int fd);

/* Extracts the next complete frame. Returns false if there is none; *fault is set if a frame is too large. */
bool inbox_next(struct inbox *inbox, struct frame *frame, const char **fault);

#endif
