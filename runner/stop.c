#include "job.h"

#include "usage/monotonic.h"

#include <signal.h>

void kill_everything(const struct job *job)
{
    if (job->contained)
        kill(-1, SIGKILL);
    else if (job->child.pid > 0 && !job->main_reaped)
        kill(-job->child.pid, SIGKILL); /* not reaped yet: its process group id cannot be reused */
}

/* The first reason is final: later ones are consequences of the kill. */
void phase_stop(struct job *job, enum reason reason)
{
    if (job->reason == REASON_NONE)
        job->reason = reason;
    if (job->state != RUNNING)
        return;
    job->usage.ended_ns = monotonic_ns();
    usage_sample_memory(&job->usage, job->usage.ended_ns);
    job->kill_deadline_ns = job->usage.ended_ns + 5ull * NS_PER_S;
    job->state = KILLING;
    kill_everything(job);
}
