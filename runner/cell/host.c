#include "cell/host.h"

#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { WRITE_TIMEOUT_MS = 5000, FAULT_MAX = 512 };

/* Sets *ended if the connection ends before the first byte, or if the host is silent for too long. */
static bool read_exactly(unsigned char *to, size_t length, bool *ended)
{
    for (size_t done = 0; done < length;) {
        struct pollfd host = {STDIN_FILENO, POLLIN, 0};
        if (poll(&host, 1, SILENCE_LIMIT_S * 1000) == 0) {
            *ended = true;
            return false;
        }
        ssize_t got = read(STDIN_FILENO, to + done, length - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            *ended = got == 0 && done == 0;
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

/* The runner has made stdout non-blocking, also for PID 1: they share the open file. */
static bool write_exactly(int fd, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        struct pollfd host = {fd, POLLOUT, 0};
        if (poll(&host, 1, WRITE_TIMEOUT_MS) <= 0)
            return false;
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* One call of write: the engine sends each part of stderr as a message of its own. */
static bool write_frame(int fd, enum runner_frame type, const void *payload, size_t length)
{
    unsigned char frame[FRAME_HEADER_BYTES + FAULT_MAX];
    unsigned char *at = put_uint(frame, type, 1);
    at = put_uint(at, length, 4);
    memcpy(at, payload, length);
    return write_exactly(fd, frame, FRAME_HEADER_BYTES + length);
}

static struct resource_limits take_limits(struct cursor *cursor)
{
    struct resource_limits limits = {.memory_bytes = take_uint(cursor, 8)};
    limits.processes = (uint32_t)take_uint(cursor, 4);
    return limits;
}

static bool are_positive(struct resource_limits limits)
{
    return limits.memory_bytes > 0 && limits.processes > 0;
}

const char *decode_job(struct job_order *order, const unsigned char *payload, size_t length)
{
    if (length != JOB_BYTES)
        return "malformed JOB";
    struct cursor cursor = {payload + NONCE_BYTES, length - NONCE_BYTES, false};
    memcpy(order->nonce, payload, NONCE_BYTES);
    order->disk_bytes = take_uint(&cursor, 8);
    order->initial = take_limits(&cursor);
    order->program = take_limits(&cursor);
    if (order->disk_bytes == 0 || !are_positive(order->initial) || !are_positive(order->program))
        return "a limit of a JOB is zero";
    if (order->program.memory_bytes > order->initial.memory_bytes || order->program.processes > order->initial.processes)
        return "the limits of the program exceed the initial ones";
    return NULL;
}

const char *read_job(struct job_order *order, bool *ended)
{
    unsigned char header[FRAME_HEADER_BYTES], payload[JOB_BYTES];
    *ended = false;
    if (!read_exactly(header, sizeof header, ended))
        return "cannot read JOB";
    struct cursor cursor = {header, sizeof header, false};
    if (take_uint(&cursor, 1) != FRAME_JOB || take_uint(&cursor, 4) != sizeof payload)
        return "expected JOB";
    bool ended_inside = false;
    if (!read_exactly(payload, sizeof payload, &ended_inside))
        return "cannot read JOB";
    return decode_job(order, payload, sizeof payload);
}

bool report_clean(unsigned cgroup_version, bool has_job_user_namespaces)
{
    const unsigned char payload[] = {PROTOCOL_VERSION, (unsigned char)cgroup_version, has_job_user_namespaces};
    return write_frame(STDERR_FILENO, FRAME_CLEAN, payload, sizeof payload);
}

void report_fault(const char *fault, const char *detail)
{
    char text[FAULT_MAX] = "";
    const char *parts[] = {fault, *detail == '\0' ? "" : ": ", detail};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        strncat(text, parts[i], sizeof text - 1 - strlen(text));
    write_frame(STDERR_FILENO, FRAME_FAULT, text, strlen(text));
}
