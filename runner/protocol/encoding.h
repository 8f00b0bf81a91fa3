/* Constants of protocol version 3 (PROTOCOL.md) and big-endian encoding of payloads. */
#ifndef RUNNER_ENCODING_H
#define RUNNER_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROTOCOL_VERSION = 3,
    FRAME_HEADER_BYTES = 5,
    FRAME_PAYLOAD_MAX = 65536,
    STDIN_WINDOW_BYTES = 256 * 1024,
    PHASES_MAX = 128,
    NONCE_BYTES = 16,
};

enum host_frame {
    FRAME_FILE = 0x01,
    FRAME_FILE_DATA = 0x02,
    FRAME_PHASE = 0x03,
    FRAME_GO = 0x04,
    FRAME_STDIN = 0x05,
    FRAME_STDIN_EOF = 0x06,
    FRAME_SIGNAL = 0x07,
    FRAME_CANCEL = 0x08,
    FRAME_RESIZE = 0x09,
    FRAME_COLLECT = 0x0a,
    FRAME_END = 0x0b,
    FRAME_LIMITS = 0x0c,
    FRAME_JOB = 0x0d, /* for PID 1 of a cell */
};

enum runner_frame {
    FRAME_READY = 0x81,
    FRAME_STARTED = 0x82,
    FRAME_STDOUT = 0x83,
    FRAME_STDERR = 0x84,
    FRAME_STDIN_ACK = 0x85,
    FRAME_PHASE_END = 0x86,
    FRAME_DONE = 0x87,
    FRAME_FAULT = 0x88,
    FRAME_ARTIFACT = 0x89,
    FRAME_ARTIFACT_DATA = 0x8a,
    FRAME_LIMITS_SET = 0x8b,
    FRAME_CLEAN = 0x8c,    /* from PID 1 of a cell */
    FRAME_ACCEPTED = 0x8d, /* in a cell */
};

/* A read position in a payload. Reading past the end sets `broken` and returns zeros. */
struct cursor {
    const unsigned char *at;
    size_t left;
    bool broken;
};

uint64_t take_uint(struct cursor *cursor, size_t bytes);

/* Returns the next NUL-terminated string, a pointer into the payload; NULL (and broken) without a NUL. */
const char *take_string(struct cursor *cursor);

/* Writes `value` as `bytes` big-endian bytes and returns the position after them. */
unsigned char *put_uint(unsigned char *to, uint64_t value, size_t bytes);

#endif
