#include "job.h"

#include "monotonic.h"

#include <signal.h>

void kill_everything(const struct job *job)
{
    if (job->contained)
        kill(-1, SIGKILL);
    else if (job->child.pid > 0 && !job->main_reaped)
        kill(-job->child.pid, SIGKILL); /* not reaped: its number cannot be anyone else's */
}

/* The first reason stays: what follows from a kill is not a reason of its own. */
void phase_stop(struct job *job, enum reason reason)
{
    if (job->reason == REASON_NONE)
        job->reason = reason;
    if (job->state != RUNNING)
        return;
    job->usage.ended_ns = monotonic_ns();
    job->kill_deadline_ns = job->usage.ended_ns + 5ull * NS_PER_S;
    job->state = KILLING;
    kill_everything(job);
}
