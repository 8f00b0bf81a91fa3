#include "process/limits.h"

#include <sys/resource.h>

static rlim_t clamp(rlim_t value, rlim_t hard)
{
    return value < hard ? value : hard; /* RLIM_INFINITY is the largest rlim_t */
}

static bool set_limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return false;
    limit.rlim_max = clamp(hard, limit.rlim_max);
    limit.rlim_cur = clamp(soft, limit.rlim_max);
    return setrlimit(resource, &limit) == 0;
}

/* A backstop: RLIMIT_CPU counts per process and in seconds. The runner enforces the limit for the sum of all processes. */
static bool set_cpu_backstop(uint32_t cpu_ms)
{
    rlim_t soft = ((rlim_t)cpu_ms + 999) / 1000 + 1;
    return set_limit(RLIMIT_CPU, soft, soft + 1);
}

/* RLIMIT_CORE 1 prevents core dumps. Unlike 0, it also prevents a piped core_pattern; see core(5). */
bool limits_apply(const struct phase *phase)
{
    return set_limit(RLIMIT_CORE, 1, 1) && set_cpu_backstop(phase->cpu_ms) &&
           set_limit(RLIMIT_NOFILE, phase->open_files, phase->open_files) &&
           set_limit(RLIMIT_FSIZE, phase->file_bytes, phase->file_bytes) &&
           set_limit(RLIMIT_STACK, phase->stack_bytes, RLIM_INFINITY);
}
