/* Keeps a phase from turning the runner's own limits and scheduling against it.
 *
 * Signals, ptrace and /proc/1 are closed to the program already (PID 1 without handlers, not dumpable), but a process of
 * the same uid may still lower another's rlimits (RLIMIT_CPU 0 kills), its CPU set or its priority. */
#ifndef RUNNER_SHIELD_H
#define RUNNER_SHIELD_H

#include <stdbool.h>

/* Called in the child, before exec; holds for everything it starts. Returns false with errno set. */
bool shield_runner(void);

#endif
