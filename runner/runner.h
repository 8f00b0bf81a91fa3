/* The runner as a function: PID 1 of a container calls it, and so does the first process of each job of a cell. */
#ifndef RUNNER_RUNNER_H
#define RUNNER_RUNNER_H

#include "usage/cgroup.h"

#include <stdbool.h>

/* How long a runner, and PID 1 of a cell, wait for a silent host. A test sets a shorter time. */
#ifndef SILENCE_LIMIT_S
#define SILENCE_LIMIT_S 1800
#endif

/* What a runner in a cell gets from PID 1 of the cell. */
struct cell_link {
    int limits_fd; /* a socket: the runner writes a byte to ask for the limits of the program, and reads the result */
    const unsigned char *nonce; /* NONCE_BYTES of the job, which the runner repeats in ACCEPTED */
    struct cgroup cgroup;
};

/* Writes the reason to stderr and exits with 1. */
_Noreturn void refuse_to_start(const char *reason);

/* Closes descriptors inherited from the engine, and ensures that no new descriptor becomes 0, 1 or 2. */
void set_up_descriptors(void);

/* Runs one job in the working folder `folder`. `cell` is NULL outside of a cell. Returns the exit status. */
int run_job(const char *folder, const struct cell_link *cell);

/* In a cell, after DONE: drops what the host had sent for this job, up to its END. Returns false if the connection ends
 * first, or if bytes follow. */
bool await_end(void);

#endif
