/* The main process of a phase: fork, exec, and the runner's ends of its standard streams. */
#ifndef RUNNER_CHILD_H
#define RUNNER_CHILD_H

#include "process/phase.h"

#include <sys/types.h>

struct child {
    pid_t pid; /* also its session and process group */
    int stdin_fd, stdout_fd, stderr_fd; /* runner's ends, non-blocking; -1: closed. A terminal has no separate stderr */
    int terminal_fd;                    /* program's end of the terminal, kept open; -1: no terminal */
    int notify_fd;                      /* receives the suspended calls; see process/socket_quota.h; -1: closed */
};

#define NO_CHILD ((struct child){-1, -1, -1, -1, -1, -1})

/* Starts the phase, waits for exec, and adds its output to the epoll instance. Returns 0, or an errno after clean-up. */
int child_start(struct child *child, const struct phase *phase, int output_epoll_fd);

#endif
