/* Capabilities of PID 1 of a cell and of its jobs. */
#ifndef RUNNER_PRIVILEGES_H
#define RUNNER_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

/* Changes from root to the user and group `id` without other groups, and keeps only the capabilities that are needed to
 * create a user namespace with two users. Returns false and sets errno. */
bool become_cell_user(uid_t id);

/* In the user namespace of the cell: keeps only the capabilities that are needed to create the namespaces of jobs. Returns
 * false and sets errno. */
bool keep_cell_capabilities(void);

/* Changes to the user and group `id` and drops all capabilities, those of the bounding set included. Returns false and sets
 * errno. */
bool become_job_user(uid_t id);

#endif
