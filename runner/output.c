#include "job.h"

#include "close_fd.h"
#include "usage/monotonic.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static const uint64_t OUTPUT_DELAY_NS = 5ull * NS_PER_MS;

static const enum runner_frame FRAME_TYPES[STREAMS] = {FRAME_STDOUT, FRAME_STDERR};

static int *stream_fd(struct job *job, enum stream stream)
{
    return stream == STREAM_STDOUT ? &job->child.stdout_fd : &job->child.stderr_fd;
}

/* Counts output and returns how much of it is within the limit. */
static size_t count_output(struct job *job, enum stream stream, size_t got)
{
    uint64_t before = job->produced_bytes[STREAM_STDOUT] + job->produced_bytes[STREAM_STDERR];
    uint64_t limit = job->phases[job->current].output_bytes;
    uint64_t remaining = before < limit ? limit - before : 0;
    job->produced_bytes[stream] += got;
    if (got <= remaining)
        return got;
    job->truncated[stream] = true;
    return (size_t)remaining;
}

/* epoll reports streams in the order in which they became readable, and moves a stream that stays readable to the end, so
 * that no stream starves. The order of data that is present in both streams at the same time is unknown. */
void output_forward_ready(struct job *job)
{
    struct epoll_event events[STREAMS];
    int count = epoll_wait(job->output_epoll_fd, events, STREAMS, 0);
    for (int i = 0; i < count; i++)
        output_forward(job, (enum stream)(events[i].data.u32 - STDOUT_FILENO));
}

void output_forward(struct job *job, enum stream stream)
{
    int *fd = stream_fd(job, stream);
    size_t room = outbox_output_room(&job->outbox);
    if (*fd < 0 || room == 0)
        return;
    ssize_t got = read(*fd, outbox_output_buffer(&job->outbox), room);
    /* After all processes are dead, an empty pipe stays empty. Do not wait for its end of file: a write end that was
     * sent through a socket can stay open for some time. */
    bool empty_for_now = got < 0 && errno == EAGAIN;
    bool hung_up = got < 0 && errno == EIO; /* end of file of a terminal */
    if (got == 0 || hung_up || (empty_for_now && job->state == DRAINING))
        close_fd(fd);
    if (got <= 0)
        return;
    outbox_output_commit(&job->outbox, FRAME_TYPES[stream], count_output(job, stream, (size_t)got),
                         monotonic_ns() + OUTPUT_DELAY_NS);
    if (job->truncated[stream]) {
        output_close(job);
        phase_stop(job, REASON_OUTPUT);
    }
}

void output_close(struct job *job)
{
    close_fd(&job->child.stdout_fd);
    close_fd(&job->child.stderr_fd);
}
