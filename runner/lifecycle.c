#include "job.h"

#include "monotonic.h"

static void clear_last_phase(struct job *job)
{
    job->main_reaped = job->all_reaped = false;
    job->ending_value = 0;
    job->reason = REASON_NONE;
    job->next_watch_ns = 0;
    for (int stream = 0; stream < STREAMS; stream++) {
        job->produced_bytes[stream] = 0;
        job->truncated[stream] = false;
    }
}

static void end_unstarted(struct job *job, int failure)
{
    job->ending = NOT_STARTED;
    job->ending_value = (uint32_t)failure;
    job->usage.ended_ns = monotonic_ns();
    phase_finish(job);
}

void phase_begin(struct job *job)
{
    clear_last_phase(job);
    usage_begin(&job->usage, &job->cgroup);
    int failure = child_start(&job->child, &job->phases[job->current]);
    if (failure != 0) {
        end_unstarted(job, failure);
        return;
    }
    job->state = RUNNING;
    report_started(job);
}

/* The first reason stays: what follows from a kill is not a reason of its own. */
void phase_stop(struct job *job, enum reason reason)
{
    if (job->reason == REASON_NONE)
        job->reason = reason;
    if (job->state != RUNNING)
        return;
    job->usage.ended_ns = monotonic_ns();
    job->kill_deadline_ns = job->usage.ended_ns + 5ull * NS_PER_S;
    job->state = KILLING;
    kill_everything(job);
}

/* Told by the sum, not by who noticed first: a program that ends by itself between two looks is no exception. */
static void judge_cpu(struct job *job)
{
    uint64_t limit_us = (uint64_t)job->phases[job->current].cpu_ms * 1000;
    if (job->reason == REASON_NONE && usage_cpu_us(&job->usage, 0) > limit_us)
        job->reason = REASON_CPU_TIME;
}

void phase_finish(struct job *job)
{
    output_close(job);
    child_close(&job->child.stdin_fd);
    if (job->phases[job->current].gets_stdin)
        stdin_ring_refuse(&job->stdin_ring);
    judge_cpu(job);
    report_phase_end(job);
    job->ended_count++;
    bool passed = job->ending == EXITED && job->ending_value == 0 && job->reason == REASON_NONE;
    if (!passed || ++job->current == job->phase_count) {
        job_leave(job);
        return;
    }
    phase_begin(job);
}

void job_leave(struct job *job)
{
    report_done(job);
    job->state = LEAVING;
}
