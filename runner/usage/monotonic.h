/* Clocks in nanoseconds. Limits use CLOCK_MONOTONIC. */
#ifndef RUNNER_MONOTONIC_H
#define RUNNER_MONOTONIC_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

#endif
