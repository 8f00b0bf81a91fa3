#include "stdin_ring.h"

#include "child.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static size_t until_wrap(size_t position, size_t length)
{
    size_t space = STDIN_WINDOW_BYTES - position;
    return length < space ? length : space;
}

static void consume(struct stdin_ring *ring, size_t length)
{
    ring->start = (ring->start + length) % STDIN_WINDOW_BYTES;
    ring->length -= length;
    ring->ack_due += (uint32_t)length;
}

static void store(struct stdin_ring *ring, const unsigned char *data, size_t length)
{
    size_t end = (ring->start + ring->length) % STDIN_WINDOW_BYTES;
    size_t first = until_wrap(end, length);
    memcpy(ring->bytes + end, data, first);
    memcpy(ring->bytes, data + first, length - first);
    ring->length += length;
}

const char *stdin_ring_put(struct stdin_ring *ring, const struct frame *frame)
{
    if (ring->ended)
        return "STDIN after STDIN_EOF";
    if (frame->length + ring->length + ring->ack_due > STDIN_WINDOW_BYTES)
        return "more STDIN than the window allows";
    store(ring, frame->payload, frame->length);
    if (ring->unwanted)
        consume(ring, ring->length);
    return NULL;
}

const char *stdin_ring_end(struct stdin_ring *ring)
{
    if (ring->ended)
        return "STDIN_EOF twice";
    ring->ended = true;
    return NULL;
}

void stdin_ring_write(struct stdin_ring *ring, int *fd)
{
    while (ring->length > 0) {
        ssize_t written = write(*fd, ring->bytes + ring->start, until_wrap(ring->start, ring->length));
        if (written < 0 && errno == EAGAIN)
            return;
        if (written < 0) {
            stdin_ring_refuse(ring);
            child_close(fd);
            return;
        }
        consume(ring, (size_t)written);
    }
    if (ring->ended)
        child_close(fd);
}

void stdin_ring_refuse(struct stdin_ring *ring)
{
    ring->unwanted = true;
    consume(ring, ring->length);
}
