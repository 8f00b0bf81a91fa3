#include "job.h"

#include <signal.h>

static bool signal_is_allowed(uint64_t number)
{
    static const int ALLOWED[] = {SIGINT, SIGTERM, SIGKILL, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ALLOWED / sizeof *ALLOWED; i++)
        if (number == (uint64_t)ALLOWED[i])
            return true;
    return false;
}

/* After the phase has ended the signal comes too late: that is no fault, the host could not know. */
static const char *pass_signal(struct job *job, const struct frame *frame)
{
    struct cursor cursor = {frame->payload, frame->length, false};
    uint64_t number = take_uint(&cursor, 1);
    if (cursor.broken || cursor.left > 0 || !signal_is_allowed(number))
        return "malformed SIGNAL";
    if (job->state == RUNNING)
        kill(-job->child.pid, (int)number);
    return NULL;
}

static const char *add_phase(struct job *job, const struct frame *frame)
{
    files_close(&job->files);
    if (job->phase_count == PHASES_MAX)
        return "too many phases";
    struct phase *phase = &job->phases[job->phase_count];
    const char *fault = phase_decode(phase, frame);
    for (unsigned i = 0; i < job->phase_count && fault == NULL; i++)
        if (job->phases[i].gets_stdin && phase->gets_stdin)
            fault = "two phases want stdin";
    job->phase_count++;
    return fault;
}

static bool someone_reads_stdin(const struct job *job)
{
    for (unsigned i = 0; i < job->phase_count; i++)
        if (job->phases[i].gets_stdin)
            return true;
    return false;
}

static const char *go(struct job *job, const struct frame *frame)
{
    files_close(&job->files);
    if (frame->length > 0 || job->phase_count == 0)
        return "GO without a phase";
    if (!someone_reads_stdin(job))
        stdin_ring_refuse(&job->stdin_ring);
    phase_begin(job);
    return NULL;
}

static const char *cancel(struct job *job, const struct frame *frame)
{
    if (frame->length > 0)
        return "malformed CANCEL";
    if (job->state == COLLECTING)
        job_leave(job);
    else if (job->state != LEAVING)
        phase_stop(job, REASON_CANCELLED);
    return NULL;
}

static const char *handle_before_go(struct job *job, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_FILE:
        return files_open(&job->files, frame);
    case FRAME_FILE_DATA:
        return files_append(&job->files, frame);
    case FRAME_PHASE:
        return add_phase(job, frame);
    case FRAME_GO:
        return go(job, frame);
    case FRAME_CANCEL:
        return cancel(job, frame);
    default:
        return "unknown frame, or one that comes too early";
    }
}

static const char *handle_after_go(struct job *job, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_STDIN:
        return stdin_ring_put(&job->stdin_ring, frame);
    case FRAME_STDIN_EOF:
        return frame->length > 0 ? "malformed STDIN_EOF" : stdin_ring_end(&job->stdin_ring);
    case FRAME_SIGNAL:
        return pass_signal(job, frame);
    case FRAME_CANCEL:
        return cancel(job, frame);
    default:
        return "unknown frame, or one that comes too late";
    }
}

const char *host_handle(struct job *job, const struct frame *frame)
{
    return job->state == COLLECTING ? handle_before_go(job, frame) : handle_after_go(job, frame);
}
