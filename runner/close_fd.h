/* Closing of a file descriptor that may be closed already. */
#ifndef RUNNER_CLOSE_FD_H
#define RUNNER_CLOSE_FD_H

#include <unistd.h>

/* Closes `*fd` and sets it to -1, which stands for a closed descriptor. */
static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

#endif
