/* Tries every call that one process may aim at another of its own user, at PID 1. One line for each. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void tell(const char *what, long result)
{
    printf("%s %s\n", what, result < 0 ? "refused" : "WORKED");
}

int main(void)
{
    static char bytes[64];
    struct rlimit none = {0, 0};
    struct sched_param idle = {0};
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)0x400000, sizeof bytes};
    unsigned attributes[12] = {48, 5};
    unsigned long one_cpu = 1, list = 0, list_length = 0;
    int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

    tell("ptrace attach", ptrace(PTRACE_ATTACH, 1, 0, 0));
    tell("ptrace seize", ptrace(PTRACE_SEIZE, 1, 0, 0));
    tell("process_vm_readv", process_vm_readv(1, &here, 1, &there, 1, 0));
    tell("process_vm_writev", process_vm_writev(1, &here, 1, &there, 1, 0));
    tell("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 1, 0));
    tell("prlimit cpu", prlimit(1, RLIMIT_CPU, &none, NULL));
    tell("prlimit files", prlimit(1, RLIMIT_NOFILE, &none, NULL));
    tell("sched_setscheduler", sched_setscheduler(1, SCHED_IDLE, &idle));
    tell("sched_setparam", sched_setparam(1, &idle));
    tell("sched_setattr", syscall(SYS_sched_setattr, 1, attributes, 0));
    tell("sched_setaffinity", syscall(SYS_sched_setaffinity, 1, sizeof one_cpu, &one_cpu));
    tell("setpriority process", setpriority(PRIO_PROCESS, 1, 19));
    tell("setpriority group", setpriority(PRIO_PGRP, 1, 19));
    tell("setpriority user", setpriority(PRIO_USER, getuid(), 19));
    tell("ioprio_set process", syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 1, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
    tell("ioprio_set user", syscall(SYS_ioprio_set, IOPRIO_WHO_USER, getuid(), IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
    tell("get_robust_list", syscall(SYS_get_robust_list, 1, &list, &list_length));
    return 0;
}
