/* Counters of the container's cgroup, version 1 or 2. Each file may be missing. */
#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

struct cgroup {
    int cpu_fd, memory_fd, memory_peak_fd, oom_fd; /* -1: not available */
    const char *cpu_key;      /* key of the line in the file; "": the file is a single number */
    unsigned cpu_per_us;      /* units of the CPU counter per microsecond */
};

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Opens the counters below `root`, the mount point of the hierarchies. NULL opens nothing: outside of a container the
 * counters there belong to the whole machine. */
void cgroup_open(struct cgroup *cgroup, const char *root);

bool cgroup_has_cpu(const struct cgroup *cgroup);
uint64_t cgroup_cpu_us(const struct cgroup *cgroup);
uint64_t cgroup_memory_bytes(const struct cgroup *cgroup);
uint64_t cgroup_memory_peak_bytes(const struct cgroup *cgroup); /* since the container started */
uint64_t cgroup_oom_kills(const struct cgroup *cgroup);

#endif
