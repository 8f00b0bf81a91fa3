#include "job.h"

#include "close_fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static const enum runner_frame FRAME_OF[STREAMS] = {FRAME_STDOUT, FRAME_STDERR};

static int *fd_of(struct job *job, enum stream stream)
{
    return stream == STREAM_STDOUT ? &job->child.stdout_fd : &job->child.stderr_fd;
}

/* Counts what was read and returns how much of it may still go to the host. */
static size_t within_cap(struct job *job, enum stream stream, size_t got)
{
    uint64_t before = job->produced_bytes[STREAM_STDOUT] + job->produced_bytes[STREAM_STDERR];
    uint64_t cap = job->phases[job->current].output_bytes;
    uint64_t left = before < cap ? cap - before : 0;
    job->produced_bytes[stream] += got;
    if (got <= left)
        return got;
    job->truncated[stream] = true;
    return (size_t)left;
}

/* The kernel keeps what is ready in the order in which it became so, and puts what still is at the end: neither stream
 * starves the other. What both hold at one time has no order that anyone knows. */
void output_forward_ready(struct job *job)
{
    struct epoll_event events[STREAMS];
    int count = epoll_wait(job->output_epoll_fd, events, STREAMS, 0);
    for (int i = 0; i < count; i++)
        output_forward(job, (enum stream)(events[i].data.u32 - STDOUT_FILENO));
}

void output_forward(struct job *job, enum stream stream)
{
    int *fd = fd_of(job, stream);
    size_t room = outbox_output_room(&job->outbox);
    if (*fd < 0 || room == 0)
        return;
    ssize_t got = read(*fd, outbox_output_begin(&job->outbox), room);
    /* While processes live, an empty pipe may fill again. Once all are dead it cannot: an end that one of them had
     * sent through a socket may stay open for a while, so the end of file is not waited for. */
    bool empty_for_now = got < 0 && errno == EAGAIN;
    bool hung_up = got < 0 && errno == EIO; /* how a terminal says end of file */
    if (got == 0 || hung_up || (empty_for_now && job->state == DRAINING))
        close_fd(fd);
    if (got <= 0)
        return;
    outbox_output_commit(&job->outbox, FRAME_OF[stream], within_cap(job, stream, (size_t)got));
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
