#include "cell/namespaces.h"

#include "close_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif

enum { JOB_NAMESPACES = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET };
enum { THIS_END, OTHER_END };

static bool write_map(pid_t pid, const char *name, const struct cell_users *users)
{
    char path[64], map[96];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int length = snprintf(map, sizeof map, "%u %u 1\n%u %u 1\n", users->cell_id, users->cell_id, users->job_id, users->job_id);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, map, (size_t)length) == length;
    int failure = errno;
    close_fd(&fd);
    errno = failure;
    return written;
}

/* Only a process outside of a user namespace can map a user other than its own. */
static _Noreturn void run_mapper(int sync_fd, pid_t cell_pid, const struct cell_users *users)
{
    unsigned char byte;
    bool mapped = read(sync_fd, &byte, 1) == 1 && write_map(cell_pid, "gid_map", users) && write_map(cell_pid, "uid_map", users);
    _exit(mapped ? 0 : errno);
}

static bool await_mapper(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        return false;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *enter_cell_namespaces(const struct cell_users *users)
{
    int ends[2];
    pid_t cell_pid = getpid();
    if (prctl(PR_SET_DUMPABLE, 1) != 0) /* otherwise the maps belong to root */
        return "cannot become dumpable";
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return "cannot create a socket pair";
    pid_t mapper = fork();
    if (mapper == 0) {
        close(ends[THIS_END]);
        run_mapper(ends[OTHER_END], cell_pid, users);
    }
    const char *fault = NULL;
    close(ends[OTHER_END]);
    if (mapper < 0)
        fault = "cannot create a process";
    else if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        fault = "cannot create a user namespace";
    else if (write(ends[THIS_END], "", 1) != 1)
        fault = "cannot define the users of the cell";
    int failure = errno;
    close(ends[THIS_END]);
    if (mapper > 0 && !await_mapper(mapper) && fault == NULL) {
        fault = "cannot define the users of the cell";
        failure = errno;
    }
    errno = failure;
    return fault;
}

static pid_t clone_into(unsigned long flags, int cgroup_fd)
{
    if (cgroup_fd < 0)
        return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    /* The fields of struct clone_args (linux/sched.h, version 2), as older headers have fewer. */
    const uint64_t arguments[11] = {[0] = flags | CLONE_INTO_CGROUP, [4] = SIGCHLD, [10] = (uint64_t)cgroup_fd};
    return (pid_t)syscall(SYS_clone3, arguments, sizeof arguments);
}

bool clone_job(struct job_process *process, int cgroup_fd, bool *has_user_namespace)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    unsigned long flags = JOB_NAMESPACES | (*has_user_namespace ? CLONE_NEWUSER : 0u);
    process->pid = clone_into(flags, cgroup_fd);
    if (process->pid < 0 && *has_user_namespace && (errno == EPERM || errno == ENOSPC)) {
        *has_user_namespace = false;
        process->pid = clone_into(JOB_NAMESPACES, cgroup_fd);
    }
    int failure = errno;
    process->sync_fd = ends[process->pid == 0 ? OTHER_END : THIS_END];
    close(ends[process->pid == 0 ? THIS_END : OTHER_END]);
    if (process->pid < 0)
        close(process->sync_fd);
    errno = failure;
    return process->pid >= 0;
}

const char *map_job_users(const struct job_process *process, const struct cell_users *users, bool has_user_namespace)
{
    if (has_user_namespace && (!write_map(process->pid, "gid_map", users) || !write_map(process->pid, "uid_map", users)))
        return "uid_map";
    return write(process->sync_fd, "", 1) == 1 ? NULL : "socket pair";
}

bool await_users(const struct job_process *process)
{
    unsigned char byte;
    return read(process->sync_fd, &byte, 1) == 1;
}

void start_job(const struct job_process *process, const struct job_start *start)
{
    if (send(process->sync_fd, start, sizeof *start, MSG_NOSIGNAL) != sizeof *start)
        kill(process->pid, SIGKILL);
}

bool await_job_start(const struct job_process *process, struct job_start *start)
{
    return read(process->sync_fd, start, sizeof *start) == sizeof *start;
}
