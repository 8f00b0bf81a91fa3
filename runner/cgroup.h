/* What the container's control group counts: version 1 and 2, read-only. Each file may be missing. */
#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

struct cgroup {
    int cpu_fd, memory_fd, memory_peak_fd, oom_fd; /* -1: not there */
    const char *cpu_key;      /* the line's key inside the file; "": the file is one number */
    unsigned cpu_per_us;      /* the unit of the number in the CPU file */
};

#define CGROUP_ROOT "/sys/fs/cgroup"

/* `root`: where the hierarchies are mounted; NULL opens nothing. Only inside a container are the files there its own:
 * elsewhere they are the whole machine's. */
void cgroup_open(struct cgroup *cgroup, const char *root);

bool cgroup_has_cpu(const struct cgroup *cgroup);
uint64_t cgroup_cpu_us(const struct cgroup *cgroup);
uint64_t cgroup_memory_bytes(const struct cgroup *cgroup);
uint64_t cgroup_memory_peak_bytes(const struct cgroup *cgroup); /* since the container started */
uint64_t cgroup_oom_kills(const struct cgroup *cgroup);

#endif
