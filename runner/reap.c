#include "job.h"

#include <sys/wait.h>

enum { REAP_MAX = 256 }; /* bounds one call, so that limits are checked in time */

static bool main_has_ended(const struct job *job)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)job->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static void record_main_exit(struct job *job, int status)
{
    job->main_reaped = true;
    job->ending = WIFSIGNALED(status) ? SIGNALLED : EXITED;
    job->ending_value = (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static bool reap_one(struct job *job)
{
    struct rusage rusage;
    int status;
    pid_t pid = wait4(-1, &status, WNOHANG, &rusage);
    if (pid <= 0) {
        job->all_reaped = pid < 0;
        return false;
    }
    usage_add_reaped(&job->usage, &rusage);
    if (pid == job->child.pid)
        record_main_exit(job, status);
    return true;
}

void reap_children(struct job *job)
{
    /* Kill before reaping: until then the process group id cannot be reused. */
    if (job->state == RUNNING && main_has_ended(job))
        phase_stop(job, REASON_NONE);
    job->more_to_reap = true;
    for (int i = 0; i < REAP_MAX && job->more_to_reap; i++)
        job->more_to_reap = reap_one(job);
}
