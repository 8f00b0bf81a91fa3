/* A phase's main process: pipes, fork, exec. */
#ifndef RUNNER_CHILD_H
#define RUNNER_CHILD_H

#include "phase.h"

#include <sys/types.h>

struct child {
    pid_t pid; /* also its session and process group */
    int stdin_fd, stdout_fd, stderr_fd; /* our ends, non-blocking; -1 when closed */
};

/* Starts the phase and waits until exec has succeeded. Returns 0, or the errno of what failed; then nothing is left. */
int child_start(struct child *child, const struct phase *phase);

/* Closes one of the three ends. */
void child_close(int *fd);

#endif
