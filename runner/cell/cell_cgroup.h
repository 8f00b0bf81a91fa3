/* The limits and counters of each job of a cell.
 *
 * Version 1: PID 1 opens the files of the cgroup of the container before it drops CAP_SYS_ADMIN, and keeps the descriptors.
 * Version 2: each job gets a cgroup of its own, in a subtree that is delegated to the user of the cell.
 * If neither is possible, all jobs have the limits of the container. */
#ifndef RUNNER_CELL_CGROUP_H
#define RUNNER_CELL_CGROUP_H

#include "cell/host.h"
#include "usage/cgroup.h"

#include <stdbool.h>
#include <sys/types.h>

enum cgroup_support { CGROUP_NONE, CGROUP_VERSION_1, CGROUP_VERSION_2 };

/* Descriptors are -1 if they are not open. */
struct cell_cgroup {
    enum cgroup_support support;
    int memory_limit_fd, swap_limit_fd, memory_peak_fd, memory_usage_fd, memory_drop_fd, process_limit_fd; /* version 1 */
    uint64_t highest_memory_bytes, highest_processes; /* version 1: the limits of the cell; 0 processes: no limit */
    int jobs_fd, job_fd; /* version 2: the folder of all jobs, and that of the current one */
    struct cgroup counters;
};

/* The result of a change of limits, the payload of LIMITS_SET. */
enum limits_result { LIMITS_APPLIED, LIMITS_MEMORY_IN_USE, LIMITS_FAILED };

/* Opens the files, or delegates a subtree to the user `id`. Call it as root with CAP_SYS_ADMIN, before the first byte of a job
 * is read. */
void cell_cgroup_open(struct cell_cgroup *cgroup, uid_t id);

/* Covers the cgroups of the container with an empty folder that contains only the files with limits, because the counters
 * include earlier jobs. `cell_cgroup_hide` is for version 1 and runs once in the mount namespace of the cell,
 * `job_cgroup_hide` is for version 2 and runs in that of each job. Return NULL, or the path that failed with errno. */
const char *cell_cgroup_hide(const struct cell_cgroup *cgroup);
const char *job_cgroup_hide(const struct cell_cgroup *cgroup);

/* Creates the cgroup of the next job, with the limits of the cell. Returns false and sets errno. */
bool job_cgroup_create(struct cell_cgroup *cgroup);

/* Sets the limits of a job that has arrived, and resets the counters. Returns false and sets errno. */
bool job_cgroup_start(struct cell_cgroup *cgroup, const struct resource_limits *limits);

/* Changes the limits of the job. */
enum limits_result job_cgroup_set_limits(struct cell_cgroup *cgroup, const struct resource_limits *limits);

/* Removes what is left of the job. No process of the job may be left. Returns false and sets errno. */
bool job_cgroup_remove(struct cell_cgroup *cgroup);

#endif
