/* Counters of the container's cgroup, version 1 or 2. Each file may be missing. */
#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* A number in a file: after `key` at the start of a line, or the whole file if `key` is "". */
struct counter {
    int fd; /* -1: not available */
    const char *key;
};

struct cgroup {
    struct counter cpu, memory, memory_peak, memory_limit, oom_kills, process_limit_hits;
    unsigned cpu_per_us; /* units of the CPU counter per microsecond */
};

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Opens the counters below `root`, the mount point of the hierarchies. NULL opens nothing: outside of a container the
 * counters there belong to the whole machine. */
void cgroup_open(struct cgroup *cgroup, const char *root);

/* Opens the counters of version 2 in a folder. */
void cgroup_open_folder(struct cgroup *cgroup, int folder_fd);
void cgroup_close(struct cgroup *cgroup);

/* All counters are 0 if they are not available. Those without another comment count since the container started. */
bool cgroup_has_cpu(const struct cgroup *cgroup);
uint64_t cgroup_cpu_us(const struct cgroup *cgroup);
uint64_t cgroup_memory_bytes(const struct cgroup *cgroup);      /* now */
uint64_t cgroup_memory_peak_bytes(const struct cgroup *cgroup); /* version 2: Linux 5.19 and later */
uint64_t cgroup_memory_limit_bytes(const struct cgroup *cgroup);
uint64_t cgroup_oom_kills(const struct cgroup *cgroup);
uint64_t cgroup_process_limit_hits(const struct cgroup *cgroup); /* forks that failed because of the limit */

#endif
