/* Limits the pseudo-terminals of a job. Their number is limited for all containers of the host together (kernel.pty.max),
 * not for a container. */
#ifndef RUNNER_TERMINAL_QUOTA_H
#define RUNNER_TERMINAL_QUOTA_H

#include <stdbool.h>

enum { TERMINALS_MAX = 16 }; /* that of the phase included */

struct terminal_quota {
    int fd; /* reports the creation and removal of terminals; see inotify(7). -1: nothing is counted */
    unsigned count;
};

/* Call it before the first terminal is opened. */
void terminal_quota_open(struct terminal_quota *quota);

/* Reads the next reports. Returns false if there are more than TERMINALS_MAX terminals. */
bool terminal_quota_check(struct terminal_quota *quota);

/* For a cell: counts the terminals instead of watching them, because the kernel needs 13 ms to close a watch, during which the
 * cell could not be used. Returns false if there are more than TERMINALS_MAX. */
bool terminal_quota_count(void);

#endif
