/* Fuzz target: passes arbitrary bytes to PID 1 of a cell, in chunks as a pipe would deliver them, until it refuses them. No
 * namespace is created. Linked with --wrap for read and poll, which have external effects. */
#include "cell/host.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t room);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

static const uint8_t *input;
static size_t remaining;

/* The input determines the size of each chunk. */
ssize_t __wrap_read(int fd, void *to, size_t room)
{
    (void)fd;
    size_t chunk = remaining > 0 && input[0] % 4 == 0 ? input[0] + 1u : remaining;
    chunk = chunk < remaining ? chunk : remaining;
    chunk = chunk < room ? chunk : room;
    memcpy(to, input, chunk);
    input += chunk;
    remaining -= chunk;
    return (ssize_t)chunk;
}

/* The host is never silent. */
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    (void)timeout_ms;
    for (nfds_t i = 0; i < count; i++)
        watched[i].revents = watched[i].events;
    return (int)count;
}

/* An accepted JOB took exactly its bytes: the rest belongs to the runner. */
static void check_accepted(const struct job_order *order, size_t consumed)
{
    bool is_lower = order->program.memory_bytes <= order->initial.memory_bytes &&
                    order->program.processes <= order->initial.processes;
    bool is_positive = order->disk_bytes > 0 && order->program.memory_bytes > 0 && order->program.processes > 0;
    if (!is_lower || !is_positive || consumed != FRAME_HEADER_BYTES + JOB_BYTES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *fault = NULL;
    bool ended = false;
    input = data;
    remaining = size;
    while (fault == NULL) {
        struct job_order order;
        size_t before = remaining;
        fault = read_job(&order, &ended);
        if (fault == NULL)
            check_accepted(&order, before - remaining);
    }
    if (ended && remaining > 0)
        abort();
    return 0;
}
