#include "protocol/outbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static size_t room(const struct outbox *outbox)
{
    return OUTBOX_BYTES - (outbox->tail - outbox->head);
}

static void move_to_front(struct outbox *outbox)
{
    size_t length_used = outbox->tail - outbox->head;
    memmove(outbox->bytes, outbox->bytes + outbox->head, length_used);
    outbox->head = 0;
    outbox->tail = length_used;
}

static void finish_frame(struct outbox *outbox, enum runner_frame type, size_t length, uint64_t due_ns)
{
    if (outbox_is_empty(outbox) || due_ns < outbox->due_ns)
        outbox->due_ns = due_ns;
    unsigned char *at = put_uint(outbox->bytes + outbox->tail, type, 1);
    put_uint(at, length, 4);
    outbox->tail += FRAME_HEADER_BYTES + length;
}

void outbox_put(struct outbox *outbox, enum runner_frame type, const void *payload, size_t length, uint64_t due_ns)
{
    if (room(outbox) < FRAME_HEADER_BYTES + length)
        return; /* cannot happen: the reserve has room for all frames except output */
    if (OUTBOX_BYTES - outbox->tail < FRAME_HEADER_BYTES + length)
        move_to_front(outbox);
    if (length > 0)
        memcpy(outbox->bytes + outbox->tail + FRAME_HEADER_BYTES, payload, length);
    finish_frame(outbox, type, length, due_ns);
}

size_t outbox_output_room(const struct outbox *outbox)
{
    size_t overhead = FRAME_HEADER_BYTES + OUTBOX_RESERVE_BYTES;
    if (room(outbox) < overhead + OUTBOX_CHUNK_MIN)
        return 0;
    size_t free_bytes = room(outbox) - overhead;
    return free_bytes < FRAME_PAYLOAD_MAX ? free_bytes : FRAME_PAYLOAD_MAX;
}

unsigned char *outbox_output_buffer(struct outbox *outbox)
{
    if (OUTBOX_BYTES - outbox->tail < FRAME_HEADER_BYTES + outbox_output_room(outbox))
        move_to_front(outbox);
    return outbox->bytes + outbox->tail + FRAME_HEADER_BYTES;
}

void outbox_output_commit(struct outbox *outbox, enum runner_frame type, size_t length, uint64_t due_ns)
{
    if (length > 0)
        finish_frame(outbox, type, length, due_ns);
}

bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->head == outbox->tail;
}

bool outbox_is_due(const struct outbox *outbox, uint64_t now_ns)
{
    return !outbox_is_empty(outbox) && (now_ns >= outbox->due_ns || outbox->tail - outbox->head >= OUTBOX_DELAYED_MAX);
}

bool outbox_flush(struct outbox *outbox, int fd)
{
    outbox->due_ns = SEND_AT_ONCE; /* if `fd` blocks, the rest is not delayed */
    while (!outbox_is_empty(outbox)) {
        ssize_t written = write(fd, outbox->bytes + outbox->head, outbox->tail - outbox->head);
        if (written < 0)
            return errno == EAGAIN || errno == EINTR;
        outbox->head += (size_t)written;
    }
    outbox->head = outbox->tail = 0;
    return true;
}
