#include "job.h"

#include "terminal.h"

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
    /* On a terminal a shell gives each of its jobs a group of its own: the one that a person would interrupt gets it. */
    if (job->state == RUNNING)
        kill(-terminal_foreground(job->child.terminal_fd < 0 ? -1 : job->child.stdout_fd, job->child.pid), (int)number);
    return NULL;
}

/* Holds for terminals that are still to come, too: who watches a compiler may resize his window. */
static const char *resize(struct job *job, const struct frame *frame)
{
    struct cursor cursor = {frame->payload, frame->length, false};
    uint16_t rows = (uint16_t)take_uint(&cursor, 2), columns = (uint16_t)take_uint(&cursor, 2);
    if (cursor.broken || cursor.left > 0 || rows == 0 || columns == 0)
        return "malformed RESIZE";
    for (unsigned i = 0; i < job->phase_count; i++) {
        job->phases[i].rows = job->phases[i].has_terminal ? rows : 0;
        job->phases[i].columns = job->phases[i].has_terminal ? columns : 0;
    }
    if (job->state == RUNNING && job->child.terminal_fd >= 0)
        terminal_resize(job->child.stdout_fd, rows, columns);
    return NULL;
}

static const char *add_phase(struct job *job, const struct frame *frame)
{
    files_close(&job->files);
    if (job->phase_count == PHASES_MAX)
        return "too many phases";
    struct phase *phase = &job->phases[job->phase_count];
    job->phase_count++;
    return phase_decode(phase, frame);
}

static void expect_stdin(struct job *job)
{
    for (unsigned i = 0; i < job->phase_count; i++)
        job->stdin_ring.streams += job->phases[i].gets_stdin;
    if (job->stdin_ring.streams == 0) {
        job->stdin_ring.streams = 1;
        stdin_ring_refuse(&job->stdin_ring);
    }
}

static const char *go(struct job *job, const struct frame *frame)
{
    files_close(&job->files);
    if (frame->length > 0 || job->phase_count == 0)
        return "GO without a phase";
    expect_stdin(job);
    phase_begin(job);
    return NULL;
}

/* For a phase that is held. A host that has cancelled may say GO before it hears that the job is over. */
static const char *go_on(struct job *job, const struct frame *frame)
{
    if (frame->length > 0 || (job->state != HOLDING && job->state != LEAVING))
        return "GO with nothing that waits for it";
    if (job->state == HOLDING)
        phase_begin(job);
    return NULL;
}

static const char *cancel(struct job *job, const struct frame *frame)
{
    if (frame->length > 0)
        return "malformed CANCEL";
    if (job->state == COLLECTING || job->state == HOLDING)
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
    case FRAME_COLLECT:
        return artifacts_decode(&job->artifacts, frame);
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
    case FRAME_GO:
        return go_on(job, frame);
    case FRAME_STDIN:
        return stdin_ring_put(&job->stdin_ring, frame);
    case FRAME_STDIN_EOF:
        return frame->length > 0 ? "malformed STDIN_EOF" : stdin_ring_end(&job->stdin_ring);
    case FRAME_RESIZE:
        return resize(job, frame);
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
