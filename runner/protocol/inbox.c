#include "protocol/inbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void move_to_front(struct inbox *inbox)
{
    inbox->filled -= inbox->consumed;
    memmove(inbox->bytes, inbox->bytes + inbox->consumed, inbox->filled);
    inbox->consumed = 0;
}

bool inbox_read(struct inbox *inbox, int fd)
{
    move_to_front(inbox);
    ssize_t got = read(fd, inbox->bytes + inbox->filled, sizeof inbox->bytes - inbox->filled);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    inbox->filled += (size_t)got;
    return got > 0;
}

bool inbox_next(struct inbox *inbox, struct frame *frame, const char **fault)
{
    struct cursor cursor = {inbox->bytes + inbox->consumed, inbox->filled - inbox->consumed, false};
    frame->type = (unsigned)take_uint(&cursor, 1);
    frame->length = (size_t)take_uint(&cursor, 4);
    if (cursor.broken)
        return false;
    if (frame->length > FRAME_PAYLOAD_MAX) {
        *fault = "frame too large";
        return false;
    }
    if (cursor.left < frame->length)
        return false;
    frame->payload = cursor.at;
    inbox->consumed += FRAME_HEADER_BYTES + frame->length;
    return true;
}
