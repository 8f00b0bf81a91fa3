/* Resource usage of a phase, from the cgroup if it is readable, otherwise from rusage. */
#ifndef RUNNER_USAGE_H
#define RUNNER_USAGE_H

#include "usage/cgroup.h"

#include <sys/resource.h>
#include <sys/types.h>

struct usage {
    const struct cgroup *cgroup;
    uint64_t started_ns, ended_ns, next_sample_ns;
    uint64_t cpu_us_before, own_cpu_us_before, memory_peak_before, oom_kills_before;
    uint64_t process_limit_hits_before;
    uint64_t reaped_cpu_us, max_rss_bytes, memory_sampled_bytes;
};

/* `is_exact`: the kernel recorded the peak. Otherwise it is the highest sample, and a shorter peak may be missing. */
struct memory_peak {
    uint64_t bytes;
    bool is_exact;
};

void usage_start(struct usage *usage, const struct cgroup *cgroup);
void usage_add_reaped(struct usage *usage, const struct rusage *reaped);

/* Samples the current memory. Called while the phase runs, at `next_sample_ns` or earlier, and at its end. */
void usage_sample_memory(struct usage *usage, uint64_t now_ns);

/* CPU time of all processes of the phase, without the runner. `main_pid` (0: reaped) is used only without a cgroup. */
uint64_t usage_cpu_us(const struct usage *usage, pid_t main_pid);

uint64_t usage_wall_us(const struct usage *usage);
struct memory_peak usage_memory_peak(const struct usage *usage);
uint64_t usage_oom_kills(const struct usage *usage);
uint64_t usage_process_limit_hits(const struct usage *usage);

#endif
