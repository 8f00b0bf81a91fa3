#include "limits.h"

#include <sys/resource.h>

static rlim_t at_most(rlim_t wanted, rlim_t hard)
{
    return wanted < hard ? wanted : hard; /* RLIM_INFINITY is the largest rlim_t */
}

static bool set_limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return false;
    limit.rlim_max = at_most(hard, limit.rlim_max);
    limit.rlim_cur = at_most(soft, limit.rlim_max);
    return setrlimit(resource, &limit) == 0;
}

/* Per process, in whole seconds, and later than the runner's own watch over the sum of all processes: only a backstop. */
static bool set_cpu_backstop(uint32_t cpu_ms)
{
    rlim_t soft = ((rlim_t)cpu_ms + 999) / 1000 + 1;
    return set_limit(RLIMIT_CPU, soft, soft + 1);
}

/* No core dump: 1 byte is too small for a file and, unlike 0, also keeps the kernel from starting a piped handler. */
bool limits_apply(const struct phase *phase)
{
    return set_limit(RLIMIT_CORE, 1, 1) && set_cpu_backstop(phase->cpu_ms) &&
           set_limit(RLIMIT_NOFILE, phase->open_files, phase->open_files) &&
           set_limit(RLIMIT_FSIZE, phase->file_bytes, phase->file_bytes) &&
           set_limit(RLIMIT_STACK, phase->stack_bytes, RLIM_INFINITY);
}
