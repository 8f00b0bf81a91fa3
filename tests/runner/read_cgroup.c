/* Prints what cgroup.c reads below the folder it is given. */
#include "usage/cgroup.h"

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct cgroup cgroup;
    cgroup_open(&cgroup, argc > 1 ? argv[1] : NULL);
    const uint64_t values[] = {
        cgroup_has_cpu(&cgroup),         cgroup_cpu_us(&cgroup),           cgroup_memory_bytes(&cgroup),
        cgroup_memory_peak_bytes(&cgroup), cgroup_memory_limit_bytes(&cgroup),
        cgroup_oom_kills(&cgroup),       cgroup_process_limit_hits(&cgroup),
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        printf("%" PRIu64 "\n", values[i]);
    return 0;
}
