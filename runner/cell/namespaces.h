/* The user namespace of a cell, and the namespaces of its jobs.
 *
 * PID 1 of the cell has capabilities only in the user namespace of the cell, which contains two users: that of the cell and
 * that of the jobs. Each job has a user namespace of its own below it, unless the host forbids this. */
#ifndef RUNNER_NAMESPACES_H
#define RUNNER_NAMESPACES_H

#include "protocol/encoding.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cell_users {
    uid_t cell_id, job_id;
};

/* Moves this process to a new user and mount namespace, in which both users exist. Call it as the user of the cell with
 * CAP_SETUID and CAP_SETGID, which this process loses outside of the new namespace. Returns NULL, or a description of the
 * fault with errno. */
const char *enter_cell_namespaces(const struct cell_users *users);

/* A new process that is PID 1 of the namespaces of a job. */
struct job_process {
    pid_t pid;   /* 0 in the new process */
    int sync_fd; /* both ends of a pair, one for each process */
};

/* Creates the process. `cgroup_fd` is the folder of its cgroup (version 2), or -1. `*has_user_namespace` is cleared if the
 * host forbids user namespaces of jobs. Returns false and sets errno. */
bool clone_job(struct job_process *process, int cgroup_fd, bool *has_user_namespace);

/* In PID 1 of the cell: defines the users of the namespace of the job. Returns NULL, or the path that failed with errno. */
const char *map_job_users(const struct job_process *process, const struct cell_users *users, bool has_user_namespace);

/* In the new process: waits until the users are defined. Returns false if PID 1 of the cell has failed. */
bool await_users(const struct job_process *process);

/* What the new process needs to know of its job. */
struct job_start {
    uint64_t disk_bytes;
    unsigned char nonce[NONCE_BYTES];
};

/* In PID 1 of the cell: continues the new process when its job has arrived. If this fails, the process is killed. */
void start_job(const struct job_process *process, const struct job_start *start);

/* In the new process: waits for its job. Returns false if PID 1 of the cell has ended. */
bool await_job_start(const struct job_process *process, struct job_start *start);

#endif
