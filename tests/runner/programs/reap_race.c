/* The main process exits between the check whether it has ended and the first wait for any process. */
#include "job.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct job job;

int __real_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options);

/* After the first call, which reports no ended process, lets the main process exit and waits until it has. */
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    static bool is_first = true;
    int result = __real_waitid(type, id, info, options);
    if (is_first) {
        siginfo_t ended;
        is_first = false;
        kill(job.child.pid, SIGCONT);
        __real_waitid(P_PID, (id_t)job.child.pid, &ended, WEXITED | WNOWAIT);
    }
    return result;
}

int main(void)
{
    cgroup_open(&job.cgroup, NULL);
    usage_start(&job.usage, &job.cgroup);
    job.child = NO_CHILD;
    job.state = RUNNING;
    job.phase_count = 1;
    job.child.pid = fork();
    if (job.child.pid == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    siginfo_t stopped;
    __real_waitid(P_PID, (id_t)job.child.pid, &stopped, WSTOPPED | WNOWAIT);
    reap_children(&job);
    reap_children(&job);
    printf("%s %s\n", job.state == RUNNING ? "running" : "killing", job.main_reaped ? "reaped" : "unreaped");
    return 0;
}
