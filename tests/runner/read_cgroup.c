/* Prints what cgroup.c reads below the folder it is given. */
#include "usage/cgroup.h"

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct cgroup cgroup;
    cgroup_open(&cgroup, argc > 1 ? argv[1] : NULL);
    printf("%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", cgroup_has_cpu(&cgroup), cgroup_cpu_us(&cgroup),
           cgroup_memory_bytes(&cgroup), cgroup_memory_peak_bytes(&cgroup), cgroup_oom_kills(&cgroup));
    return 0;
}
