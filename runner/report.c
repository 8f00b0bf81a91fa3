#include "job.h"

enum { STDOUT_TRUNCATED = 1, STDERR_TRUNCATED = 2, FROM_CGROUP = 4, PEAK_IS_EXACT = 8, PHASE_END_BYTES = 72 };
enum { ARTIFACTS_INCOMPLETE = 1 };

void report_started(struct job *job)
{
    unsigned char index = (unsigned char)job->current;
    outbox_put(&job->outbox, FRAME_STARTED, &index, sizeof index);
}

static unsigned report_flags(const struct job *job, struct memory_peak peak)
{
    return (job->truncated[STREAM_STDOUT] ? STDOUT_TRUNCATED : 0u) |
           (job->truncated[STREAM_STDERR] ? STDERR_TRUNCATED : 0u) |
           (cgroup_has_cpu(&job->cgroup) ? FROM_CGROUP : 0u) | (peak.is_exact ? PEAK_IS_EXACT : 0u);
}

void report_phase_end(struct job *job)
{
    const struct usage *usage = &job->usage;
    struct memory_peak peak = usage_memory_peak(usage);
    const uint64_t numbers[] = {
        usage_wall_us(usage),           usage_cpu_us(usage, 0),
        usage->max_rss_bytes,           peak.bytes,
        usage_oom_kills(usage),         usage_process_limit_hits(usage),
        job->produced_bytes[STREAM_STDOUT], job->produced_bytes[STREAM_STDERR],
    };
    unsigned char payload[PHASE_END_BYTES];
    unsigned char *at = put_uint(payload, job->current, 1);
    at = put_uint(at, job->ending, 1);
    at = put_uint(at, job->reason, 1);
    at = put_uint(at, report_flags(job, peak), 1);
    at = put_uint(at, job->ending_value, 4);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        at = put_uint(at, numbers[i], 8);
    outbox_put(&job->outbox, FRAME_PHASE_END, payload, (size_t)(at - payload));
}

void report_done(struct job *job)
{
    unsigned char payload[] = {(unsigned char)job->ended_count, (unsigned char)job->phase_count,
                               job->artifacts.incomplete ? ARTIFACTS_INCOMPLETE : 0};
    outbox_put(&job->outbox, FRAME_DONE, payload, sizeof payload);
}
