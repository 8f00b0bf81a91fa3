/* Resource limits (setrlimit) of a phase. */
#ifndef RUNNER_LIMITS_H
#define RUNNER_LIMITS_H

#include "process/phase.h"

/* Sets the limits of the calling process, clamped to the hard limits of the container. Returns false and sets errno. */
bool limits_apply(const struct phase *phase);

#endif
