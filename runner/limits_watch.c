#include "job.h"

#include "usage/monotonic.h"

static const uint64_t CHECK_MIN_NS = 5ull * NS_PER_MS, CHECK_MAX_NS = 100ull * NS_PER_MS;

static uint64_t wall_deadline_ns(const struct job *job)
{
    return job->usage.started_ns + (uint64_t)job->phases[job->current].wall_ms * NS_PER_MS;
}

/* The CPU limit is reached at the earliest when all CPUs together use up the remaining time. */
static uint64_t check_interval_ns(const struct job *job, uint64_t used_us)
{
    uint64_t limit_us = (uint64_t)job->phases[job->current].cpu_ms * 1000;
    uint64_t remaining_ns = used_us < limit_us ? (limit_us - used_us) * NS_PER_US : 0;
    uint64_t soonest_ns = remaining_ns / job->cpu_count;
    if (soonest_ns < CHECK_MIN_NS)
        return CHECK_MIN_NS;
    return soonest_ns < CHECK_MAX_NS ? soonest_ns : CHECK_MAX_NS;
}

static void check_cpu(struct job *job, uint64_t now_ns)
{
    if (now_ns < job->next_check_ns)
        return;
    uint64_t used_us = usage_cpu_us(&job->usage, job->child.pid);
    job->next_check_ns = now_ns + check_interval_ns(job, used_us);
    if (used_us > (uint64_t)job->phases[job->current].cpu_ms * 1000)
        phase_stop(job, REASON_CPU_TIME);
    else if (job->limits_fd >= 0 && !terminal_quota_count())
        phase_stop(job, REASON_NONE); /* the outcome is SIGKILL */
}

const char *watch_limits(struct job *job)
{
    uint64_t now_ns = monotonic_ns();
    if (job->state == RUNNING && now_ns >= wall_deadline_ns(job))
        phase_stop(job, REASON_WALL_TIME);
    if (job->state == RUNNING && now_ns >= job->usage.next_sample_ns)
        usage_sample_memory(&job->usage, now_ns);
    if (job->state == RUNNING)
        check_cpu(job, now_ns);
    bool stuck = job->state == KILLING && now_ns >= job->kill_deadline_ns;
    return stuck ? phase_abandon(job) : NULL;
}

uint64_t watch_next_check_ns(const struct job *job)
{
    if (job->state == KILLING)
        return job->kill_deadline_ns;
    uint64_t next_ns = wall_deadline_ns(job);
    if (job->next_check_ns < next_ns)
        next_ns = job->next_check_ns;
    return job->usage.next_sample_ns < next_ns ? job->usage.next_sample_ns : next_ns;
}
