/* A seccomp filter that protects the runner and the kernel of the host.
 *
 * The program cannot install BPF or seccomp filters: they occupy kernel memory outside of its limits, and a kernel can
 * deadlock when it frees thousands of them. It cannot signal or trace the runner (PID 1 without handlers, not dumpable).
 * Without this filter, a process with the same uid could lower the rlimits (RLIMIT_CPU 0 kills), the CPU set or the
 * priority of the runner. Calls that create internet sockets or connections are suspended until the runner decides. SO_SNDBUF and
 * SO_RCVBUF succeed without effect, as the kernel limits them to its own maximum without an error.
 *
 * Changes of stdout and stderr to non-blocking mode also succeed without effect. Node.js makes such a change and loses what
 * the pipe does not take before it exits; and the mode is shared with all other processes that have the pipe. */
#ifndef RUNNER_SHIELD_H
#define RUNNER_SHIELD_H

#include <stdbool.h>

/* Call it in the child before exec. All descendants inherit the filter. `*notify_fd` becomes the close-on-exec descriptor
 * that receives the suspended calls; see process/socket_quota.h. Returns false and sets errno. */
bool shield_runner(int *notify_fd);

#endif
