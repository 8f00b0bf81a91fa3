#include "usage/usage.h"

#include "usage/monotonic.h"

static const uint64_t SAMPLE_MIN_NS = 1ull * NS_PER_MS, SAMPLE_MAX_NS = 20ull * NS_PER_MS;

static uint64_t own_cpu_us(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) / NS_PER_US;
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

void usage_start(struct usage *usage, const struct cgroup *cgroup)
{
    *usage = (struct usage){
        .cgroup = cgroup,
        .started_ns = monotonic_ns(),
        .cpu_us_before = cgroup_cpu_us(cgroup),
        .own_cpu_us_before = own_cpu_us(),
        .memory_peak_before = cgroup_memory_peak_bytes(cgroup),
        .oom_kills_before = cgroup_oom_kills(cgroup),
        .process_limit_hits_before = cgroup_process_limit_hits(cgroup),
    };
}

void usage_add_reaped(struct usage *usage, const struct rusage *reaped)
{
    uint64_t rss_bytes = (uint64_t)reaped->ru_maxrss * 1024;
    usage->reaped_cpu_us += microseconds(reaped->ru_utime) + microseconds(reaped->ru_stime);
    if (rss_bytes > usage->max_rss_bytes)
        usage->max_rss_bytes = rss_bytes;
}

/* A sample is taken after a sixteenth of the time that the phase has run: short programs need short intervals. */
static uint64_t sample_interval_ns(const struct usage *usage, uint64_t now_ns)
{
    uint64_t interval_ns = since(now_ns, usage->started_ns) / 16;
    if (interval_ns < SAMPLE_MIN_NS)
        return SAMPLE_MIN_NS;
    return interval_ns < SAMPLE_MAX_NS ? interval_ns : SAMPLE_MAX_NS;
}

void usage_sample_memory(struct usage *usage, uint64_t now_ns)
{
    uint64_t bytes = cgroup_memory_bytes(usage->cgroup);
    if (bytes > usage->memory_sampled_bytes)
        usage->memory_sampled_bytes = bytes;
    bool is_needed = bytes > 0 && !usage_memory_peak(usage).is_exact;
    usage->next_sample_ns = is_needed ? now_ns + sample_interval_ns(usage, now_ns) : UINT64_MAX;
}

static uint64_t process_cpu_us(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? clock_ns(clock) / NS_PER_US : 0;
}

uint64_t usage_cpu_us(const struct usage *usage, pid_t main_pid)
{
    if (!cgroup_has_cpu(usage->cgroup))
        return usage->reaped_cpu_us + (main_pid > 0 ? process_cpu_us(main_pid) : 0);
    uint64_t total_us = since(cgroup_cpu_us(usage->cgroup), usage->cpu_us_before);
    return since(total_us, since(own_cpu_us(), usage->own_cpu_us_before));
}

uint64_t usage_wall_us(const struct usage *usage)
{
    return since(usage->ended_ns, usage->started_ns) / NS_PER_US;
}

/* The peak counter of the cgroup belongs to the container and cannot be reset from inside. If this phase raised it, it is
 * the exact peak of this phase. After an OOM kill, the peak is the limit. Otherwise, or if the kernel has no such counter,
 * the highest sample is the best available value. */
struct memory_peak usage_memory_peak(const struct usage *usage)
{
    uint64_t peak = cgroup_memory_peak_bytes(usage->cgroup);
    if (peak > usage->memory_peak_before)
        return (struct memory_peak){peak, true};
    uint64_t limit = cgroup_memory_limit_bytes(usage->cgroup);
    if (limit > 0 && usage_oom_kills(usage) > 0)
        return (struct memory_peak){limit, true};
    uint64_t sampled = usage->memory_sampled_bytes;
    return (struct memory_peak){sampled > usage->max_rss_bytes ? sampled : usage->max_rss_bytes, false};
}

uint64_t usage_oom_kills(const struct usage *usage)
{
    return since(cgroup_oom_kills(usage->cgroup), usage->oom_kills_before);
}

uint64_t usage_process_limit_hits(const struct usage *usage)
{
    return since(cgroup_process_limit_hits(usage->cgroup), usage->process_limit_hits_before);
}
