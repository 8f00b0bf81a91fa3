#include "job.h"

#include "close_fd.h"
#include "usage/monotonic.h"

#include <signal.h>

static void reset_phase_state(struct job *job)
{
    job->main_reaped = job->all_reaped = false;
    job->ending_value = 0;
    job->reason = REASON_NONE;
    job->next_check_ns = 0;
    for (int stream = 0; stream < STREAMS; stream++) {
        job->produced_bytes[stream] = 0;
        job->truncated[stream] = false;
    }
}

static void finish_unstarted(struct job *job, int failure)
{
    job->ending = NOT_STARTED;
    job->ending_value = (uint32_t)failure;
    job->usage.ended_ns = monotonic_ns();
    phase_finish(job);
}

void phase_start(struct job *job)
{
    reset_phase_state(job);
    const struct phase *phase = &job->phases[job->current];
    int failure = phase->is_test ? snapshot_apply(&job->snapshot) : 0;
    usage_start(&job->usage, &job->cgroup);
    if (failure == 0)
        failure = child_start(&job->child, phase, job->output_epoll_fd);
    if (failure != 0) {
        finish_unstarted(job, failure);
        return;
    }
    socket_quota_watch(job->child.notify_fd);
    job->state = RUNNING;
    report_started(job);
}

/* Checks the final CPU time: a program can exceed the limit and exit between two checks. */
static void check_final_cpu(struct job *job)
{
    uint64_t limit_us = (uint64_t)job->phases[job->current].cpu_ms * 1000;
    if (job->reason == REASON_NONE && usage_cpu_us(&job->usage, 0) > limit_us)
        job->reason = REASON_CPU_TIME;
}

static void close_streams(struct job *job)
{
    output_close(job);
    close_fd(&job->child.stdin_fd);
    close_fd(&job->child.terminal_fd);
    close_fd(&job->child.notify_fd);
    if (job->phases[job->current].gets_stdin)
        stdin_ring_next(&job->stdin_ring);
}

/* A failed test does not prevent the following ones. */
static bool has_next_phase(const struct job *job)
{
    bool passed = job->ending == EXITED && job->ending_value == 0 && job->reason == REASON_NONE;
    bool is_independent = job->phases[job->current].is_test && job->reason != REASON_CANCELLED;
    return (passed || is_independent) && job->current + 1 < job->phase_count;
}

void phase_finish(struct job *job)
{
    close_streams(job);
    check_final_cpu(job);
    report_phase_end(job);
    job->ended_count++;
    if (has_next_phase(job)) {
        job->current++;
        if (job->phases[job->current].is_held)
            job->state = HOLDING;
        else
            phase_start(job);
        return;
    }
    if (job->reason == REASON_CANCELLED || !artifacts_find(&job->artifacts, job->files.root_fd)) {
        job_end(job);
        return;
    }
    job->state = COLLECTING;
}

/* Ends the job although killed processes have not exited in time: how the phase ended is known, and the end of the
 * container kills the rest. Only another phase needs a sandbox without them. */
const char *phase_abandon(struct job *job)
{
    if (!job->main_reaped) {
        job->ending = SIGNALLED;
        job->ending_value = SIGKILL;
    }
    if (has_next_phase(job))
        return "killed processes do not exit";
    output_forward(job, STREAM_STDOUT);
    output_forward(job, STREAM_STDERR);
    close_streams(job);
    check_final_cpu(job);
    report_phase_end(job);
    job->ended_count++;
    job_end(job);
    return NULL;
}

void job_end(struct job *job)
{
    report_done(job);
    job->state = EXITING;
}
