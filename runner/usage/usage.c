#include "usage/usage.h"

#include "usage/monotonic.h"

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
    };
}

void usage_add_reaped(struct usage *usage, const struct rusage *reaped)
{
    uint64_t rss_bytes = (uint64_t)reaped->ru_maxrss * 1024;
    usage->reaped_cpu_us += microseconds(reaped->ru_utime) + microseconds(reaped->ru_stime);
    if (rss_bytes > usage->max_rss_bytes)
        usage->max_rss_bytes = rss_bytes;
}

void usage_sample_memory(struct usage *usage)
{
    uint64_t bytes = cgroup_memory_bytes(usage->cgroup);
    if (bytes > usage->memory_sampled_bytes)
        usage->memory_sampled_bytes = bytes;
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
 * the exact peak of this phase. Otherwise the highest sample is the best available value. */
uint64_t usage_memory_peak_bytes(const struct usage *usage)
{
    uint64_t peak = cgroup_memory_peak_bytes(usage->cgroup);
    if (peak > usage->memory_peak_before)
        return peak;
    return usage->memory_sampled_bytes > usage->max_rss_bytes ? usage->memory_sampled_bytes : usage->max_rss_bytes;
}

uint64_t usage_oom_kills(const struct usage *usage)
{
    return since(cgroup_oom_kills(usage->cgroup), usage->oom_kills_before);
}
