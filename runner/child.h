/* A phase's main process: fork, exec, and our ends of its standard streams. */
#ifndef RUNNER_CHILD_H
#define RUNNER_CHILD_H

#include "phase.h"

#include <sys/types.h>

struct child {
    pid_t pid; /* also its session and process group */
    int stdin_fd, stdout_fd, stderr_fd; /* our ends, non-blocking; -1 when closed. A terminal has no stderr of its own */
    int terminal_fd;                    /* the program's end of its terminal, held open; -1: it has none */
};

#define NO_CHILD ((struct child){-1, -1, -1, -1, -1})

/* Starts the phase and waits until exec has succeeded; its output is watched by the epoll. Returns 0, or the errno of what failed; then nothing is left. */
int child_start(struct child *child, const struct phase *phase, int output_epoll_fd);

#endif
