#include "job.h"

#include "monotonic.h"

static const uint64_t WATCH_MIN_NS = 5ull * NS_PER_MS, WATCH_MAX_NS = 100ull * NS_PER_MS;

static uint64_t wall_deadline_ns(const struct job *job)
{
    return job->usage.started_ns + (uint64_t)job->phases[job->current].wall_ms * NS_PER_MS;
}

/* The CPU limit can be reached no sooner than all CPUs together could burn what is left of it. */
static uint64_t next_watch_in_ns(const struct job *job, uint64_t used_us)
{
    uint64_t limit_us = (uint64_t)job->phases[job->current].cpu_ms * 1000;
    uint64_t left_ns = used_us < limit_us ? (limit_us - used_us) * NS_PER_US : 0;
    uint64_t soonest_ns = left_ns / job->cpu_count;
    if (soonest_ns < WATCH_MIN_NS)
        return WATCH_MIN_NS;
    return soonest_ns < WATCH_MAX_NS ? soonest_ns : WATCH_MAX_NS;
}

static void watch_cpu_and_memory(struct job *job, uint64_t now_ns)
{
    if (now_ns < job->next_watch_ns)
        return;
    uint64_t used_us = usage_cpu_us(&job->usage, job->child.pid);
    usage_sample_memory(&job->usage);
    job->next_watch_ns = now_ns + next_watch_in_ns(job, used_us);
    if (used_us > (uint64_t)job->phases[job->current].cpu_ms * 1000)
        phase_stop(job, REASON_CPU_TIME);
}

const char *watch_limits(struct job *job)
{
    uint64_t now_ns = monotonic_ns();
    if (job->state == RUNNING && now_ns >= wall_deadline_ns(job))
        phase_stop(job, REASON_WALL_TIME);
    if (job->state == RUNNING)
        watch_cpu_and_memory(job, now_ns);
    bool stuck = job->state == KILLING && now_ns >= job->kill_deadline_ns;
    return stuck ? "killed processes do not go away" : NULL;
}

uint64_t watch_wake_at_ns(const struct job *job)
{
    if (job->state == KILLING)
        return job->kill_deadline_ns;
    if (job->state != RUNNING)
        return WATCH_NEVER;
    uint64_t wall_ns = wall_deadline_ns(job);
    return wall_ns < job->next_watch_ns ? wall_ns : job->next_watch_ns;
}
