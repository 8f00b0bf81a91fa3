#include "job.h"

#include "process/terminal.h"

#include <signal.h>
#include <unistd.h>

static bool signal_is_allowed(uint64_t number)
{
    static const int ALLOWED[] = {SIGINT, SIGTERM, SIGKILL, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ALLOWED / sizeof *ALLOWED; i++)
        if (number == (uint64_t)ALLOWED[i])
            return true;
    return false;
}

/* A signal after the end of the phase is ignored: the host may not know about the end yet. */
static const char *forward_signal(struct job *job, const struct frame *frame)
{
    struct cursor cursor = {frame->payload, frame->length, false};
    uint64_t number = take_uint(&cursor, 1);
    if (cursor.broken || cursor.left > 0 || !signal_is_allowed(number))
        return "malformed SIGNAL";
    /* A shell on a terminal has a process group for each job: signal the foreground group, as Ctrl-C does. */
    if (job->state == RUNNING)
        kill(-terminal_foreground(job->child.terminal_fd < 0 ? -1 : job->child.stdout_fd, job->child.pid), (int)number);
    return NULL;
}

/* Also applies to the terminals of later phases. */
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

static void count_stdin_streams(struct job *job)
{
    for (unsigned i = 0; i < job->phase_count; i++)
        job->stdin_ring.streams += job->phases[i].gets_stdin;
    if (job->stdin_ring.streams == 0) {
        job->stdin_ring.streams = 1;
        stdin_ring_discard(&job->stdin_ring);
    }
}

static const char *start_job(struct job *job, const struct frame *frame)
{
    files_close(&job->files);
    if (frame->length > 0 || job->phase_count == 0)
        return "GO without a phase";
    count_stdin_streams(job);
    phase_start(job);
    return NULL;
}

/* Starts a held phase. GO is ignored after the end of the job: a host that has cancelled may not know about it yet. */
static const char *continue_job(struct job *job, const struct frame *frame)
{
    if (frame->length > 0 || (job->state != HOLDING && job->state != EXITING))
        return "GO without a held phase";
    if (job->state == HOLDING)
        phase_start(job);
    return NULL;
}

/* Sends files instead of starting the held phase: the host continues the job in another container. */
static const char *collect_instead(struct job *job, const struct frame *frame)
{
    if (job->state == EXITING)
        return NULL;
    if (job->state != HOLDING)
        return "COLLECT without a held phase";
    job->artifacts = (struct artifacts){0};
    const char *fault = artifacts_decode(&job->artifacts, frame);
    if (fault != NULL)
        return fault;
    if (artifacts_find(&job->artifacts, job->files.root_fd))
        job->state = COLLECTING;
    else
        job_end(job);
    return NULL;
}

/* In a cell: applies the limits of the program before the held phase starts. PID 1 of the cell knows them from JOB. */
static const char *set_limits(struct job *job, const struct frame *frame)
{
    unsigned char result = 0;
    if (frame->length > 0 || job->limits_fd < 0)
        return "malformed LIMITS, or not in a cell";
    if (job->state == EXITING)
        return NULL;
    if (job->state != HOLDING)
        return "LIMITS without a held phase";
    if (write(job->limits_fd, &result, sizeof result) != sizeof result ||
        read(job->limits_fd, &result, sizeof result) != sizeof result)
        return "the cell does not change its limits";
    outbox_put(&job->outbox, FRAME_LIMITS_SET, &result, sizeof result, SEND_AT_ONCE);
    return NULL;
}

static const char *cancel(struct job *job, const struct frame *frame)
{
    if (frame->length > 0)
        return "malformed CANCEL";
    if (job->state == RECEIVING || job->state == HOLDING)
        job_end(job);
    else if (job->state != EXITING)
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
        return start_job(job, frame);
    case FRAME_CANCEL:
        return cancel(job, frame);
    default:
        return "unknown frame, or not permitted before GO";
    }
}

static const char *handle_after_go(struct job *job, const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_GO:
        return continue_job(job, frame);
    case FRAME_COLLECT:
        return collect_instead(job, frame);
    case FRAME_LIMITS:
        return set_limits(job, frame);
    case FRAME_STDIN:
        return stdin_ring_put(&job->stdin_ring, frame);
    case FRAME_STDIN_EOF:
        return frame->length > 0 ? "malformed STDIN_EOF" : stdin_ring_end(&job->stdin_ring);
    case FRAME_RESIZE:
        return resize(job, frame);
    case FRAME_SIGNAL:
        return forward_signal(job, frame);
    case FRAME_CANCEL:
        return cancel(job, frame);
    default:
        return "unknown frame, or not permitted after GO";
    }
}

const char *handle_command(struct job *job, const struct frame *frame)
{
    return job->state == RECEIVING ? handle_before_go(job, frame) : handle_after_go(job, frame);
}
