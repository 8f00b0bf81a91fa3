#include "job.h"

#include <sys/wait.h>

enum { REAP_MAX = 256 }; /* bounds one call, so that limits are checked in time */

static void record_main_exit(struct job *job, int status)
{
    job->main_reaped = true;
    job->ending = WIFSIGNALED(status) ? SIGNALLED : EXITED;
    job->ending_value = (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Returns a process that has ended and is not reaped yet; 0 if there is none, -1 if no process is left. */
static pid_t find_ended(void)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : -1;
}

/* Finds an ended process with WNOWAIT before it reaps it. The main process must not be reaped while the phase is RUNNING: all
 * processes are killed first, because its process group id can be reused after reaping, and because nothing else ends the phase. */
static bool reap_one(struct job *job)
{
    struct rusage rusage;
    int status;
    pid_t pid = find_ended();
    if (pid <= 0) {
        job->all_reaped = pid < 0;
        return false;
    }
    if (pid == job->child.pid && job->state == RUNNING)
        phase_stop(job, REASON_NONE);
    if (wait4(pid, &status, 0, &rusage) != pid)
        return false;
    usage_add_reaped(&job->usage, &rusage);
    if (pid == job->child.pid)
        record_main_exit(job, status);
    return true;
}

static bool main_has_ended(const struct job *job)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)job->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

void reap_children(struct job *job)
{
    /* First, so that many other ended processes do not delay it. */
    if (job->state == RUNNING && main_has_ended(job))
        phase_stop(job, REASON_NONE);
    job->more_to_reap = true;
    for (int i = 0; i < REAP_MAX && job->more_to_reap; i++)
        job->more_to_reap = reap_one(job);
}
