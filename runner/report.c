#include "job.h"

#include "usage/monotonic.h"

enum { STDOUT_TRUNCATED = 1, STDERR_TRUNCATED = 2, FROM_CGROUP = 4, PEAK_IS_EXACT = 8, PHASE_END_BYTES = 72 };
enum { ARTIFACTS_INCOMPLETE = 1 };

static const uint64_t STARTED_DELAY_NS = 25ull * NS_PER_MS;

/* In a cell, the host has sent the job together with the order to start: it does not wait for READY. */
void report_ready(struct job *job, const unsigned char *nonce)
{
    const unsigned char version = PROTOCOL_VERSION;
    uint64_t due_ns = nonce == NULL ? SEND_AT_ONCE : monotonic_ns() + STARTED_DELAY_NS;
    if (nonce != NULL)
        outbox_put(&job->outbox, FRAME_ACCEPTED, nonce, NONCE_BYTES, due_ns);
    outbox_put(&job->outbox, FRAME_READY, &version, sizeof version, due_ns);
}

void report_started(struct job *job)
{
    unsigned char index = (unsigned char)job->current;
    outbox_put(&job->outbox, FRAME_STARTED, &index, sizeof index, monotonic_ns() + STARTED_DELAY_NS);
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
    outbox_put(&job->outbox, FRAME_PHASE_END, payload, (size_t)(at - payload), SEND_AT_ONCE);
}

void report_done(struct job *job)
{
    unsigned char payload[] = {(unsigned char)job->ended_count, (unsigned char)job->phase_count,
                               job->artifacts.incomplete ? ARTIFACTS_INCOMPLETE : 0};
    outbox_put(&job->outbox, FRAME_DONE, payload, sizeof payload, SEND_AT_ONCE);
}
