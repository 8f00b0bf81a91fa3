/* A phase's resource limits, set by the child on itself. */
#ifndef RUNNER_LIMITS_H
#define RUNNER_LIMITS_H

#include "phase.h"

/* Sets them, each clamped to the hard limit the container came with. Returns false with errno set. */
bool limits_apply(const struct phase *phase);

#endif
