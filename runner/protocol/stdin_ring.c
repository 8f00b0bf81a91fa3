#include "protocol/stdin_ring.h"

#include "close_fd.h"
#include "process/terminal.h"

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
    ring->waiting[ring->current] -= (uint32_t)length;
    ring->ack_due += (uint32_t)length;
}

static void store(struct stdin_ring *ring, const unsigned char *data, size_t length)
{
    size_t end = (ring->start + ring->length) % STDIN_WINDOW_BYTES;
    size_t first = until_wrap(end, length);
    memcpy(ring->bytes + end, data, first);
    memcpy(ring->bytes, data + first, length - first);
    ring->length += length;
    ring->waiting[ring->received] += (uint32_t)length;
}

const char *stdin_ring_put(struct stdin_ring *ring, const struct frame *frame)
{
    if (ring->received == ring->streams)
        return "STDIN after the last STDIN_EOF";
    if (frame->length + ring->length + ring->ack_due > STDIN_WINDOW_BYTES)
        return "more STDIN than the window allows";
    if (ring->received < ring->current || (ring->received == ring->current && ring->discarded))
        ring->ack_due += (uint32_t)frame->length;
    else
        store(ring, frame->payload, frame->length);
    return NULL;
}

const char *stdin_ring_end(struct stdin_ring *ring)
{
    if (ring->received == ring->streams)
        return "more STDIN_EOF than phases with stdin";
    ring->received++;
    return NULL;
}

static bool is_at_end(const struct stdin_ring *ring)
{
    return ring->current < ring->received && ring->waiting[ring->current] == 0;
}

bool stdin_ring_is_open(const struct stdin_ring *ring)
{
    return ring->current >= ring->received;
}

bool stdin_ring_is_due(const struct stdin_ring *ring)
{
    return ring->current < ring->streams && (ring->waiting[ring->current] > 0 || is_at_end(ring));
}

/* In the middle of a line, the first end-of-file character only submits the line; a second one ends the input. Returns
 * false if the terminal blocks. */
static bool write_eof_key(struct stdin_ring *ring, int fd, int terminal_fd)
{
    unsigned char key = terminal_eof_key(terminal_fd), keys[] = {key, key};
    ssize_t count = ring->mid_line ? 2 : 1, written = write(fd, keys, (size_t)count);
    if (written == 1)
        ring->mid_line = false;
    return written == count || (written < 0 && errno != EAGAIN);
}

static bool write_some(struct stdin_ring *ring, int *fd)
{
    size_t length = until_wrap(ring->start, ring->waiting[ring->current]);
    ssize_t written = write(*fd, ring->bytes + ring->start, length);
    if (written < 0 && errno == EAGAIN)
        return false;
    if (written < 0) {
        stdin_ring_discard(ring);
        close_fd(fd);
        return false;
    }
    if (written > 0)
        ring->mid_line = ring->bytes[ring->start + (size_t)written - 1] != '\n';
    consume(ring, (size_t)written);
    return written > 0;
}

void stdin_ring_write(struct stdin_ring *ring, int *fd, int terminal_fd)
{
    while (ring->waiting[ring->current] > 0)
        if (!write_some(ring, fd))
            return;
    if (is_at_end(ring) && (terminal_fd < 0 || write_eof_key(ring, *fd, terminal_fd)))
        close_fd(fd);
}

void stdin_ring_discard(struct stdin_ring *ring)
{
    ring->discarded = true;
    consume(ring, ring->waiting[ring->current]);
}

void stdin_ring_next(struct stdin_ring *ring)
{
    stdin_ring_discard(ring);
    ring->discarded = ring->mid_line = false;
    ring->current++;
}
