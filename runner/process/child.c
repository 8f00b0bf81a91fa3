#include "process/child.h"

#include "close_fd.h"
#include "process/limits.h"
#include "process/shield.h"
#include "process/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNNER_END, CHILD_END };
enum { LAST_SIGNAL = 64 };

/* Uses the system call: the C library reserves signals 32 and 33 and skips them, but an ignored signal is inherited
 * across exec. */
static void reset_signals(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } default_action = {0};
    sigset_t none;
    for (int number = 1; number <= LAST_SIGNAL; number++)
        syscall(SYS_rt_sigaction, number, &default_action, NULL, sizeof default_action.mask);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes the OOM killer choose the program instead of the runner, even if the memory is in files and pipes. Best effort:
 * it requires a writable /proc, and the program can lower the value again to that of the container. */
static void raise_oom_score(void)
{
    prctl(PR_SET_DUMPABLE, 1); /* otherwise /proc/self belongs to root */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "1000", 4) < 0)
        errno = 0;
    if (fd >= 0)
        close(fd);
}

/* Like execvpe with the PATH of the phase's environment, but without the fallback to /bin/sh. */
static void exec_in_path(char **argv, char **env)
{
    environ = env;
    const char *path = getenv("PATH");
    int failure = ENOENT;
    while (path != NULL && *path != '\0') {
        int length = (int)strcspn(path, ":");
        char file[4096];
        errno = ENOENT;
        if (length > 0 && snprintf(file, sizeof file, "%.*s/%s", length, path, argv[0]) < (int)sizeof file)
            execve(file, argv, env);
        if (errno != ENOENT && errno != ENOTDIR)
            failure = errno;
        path += length + (path[length] == ':');
    }
    errno = failure;
}

/* Large enough for one descriptor, and aligned for the header. */
union rights {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Sends the descriptor for the suspended calls to the runner; see unix(7), SCM_RIGHTS. */
static bool send_notify_fd(int status_fd, int notify_fd)
{
    int none = 0;
    union rights rights = {.header = {CMSG_LEN(sizeof notify_fd), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec data = {&none, sizeof none};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    memcpy(CMSG_DATA(&rights.header), &notify_fd, sizeof notify_fd);
    return notify_fd < 0 || sendmsg(status_fd, &message, 0) == sizeof none;
}

static bool set_up_phase(const struct phase *phase, const struct streams *streams, int status_fd)
{
    int notify_fd;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* for a runner that is not PID 1 */
    if (setsid() < 0 || !streams_adopt(streams, phase))
        return false;
    if (phase->cwd[0] != '\0' && chdir(phase->cwd) != 0)
        return false;
    raise_oom_score();
    reset_signals();
    /* The limits last: the descriptor of the shield would be above the limit of open files, because those of the runner are
     * still open. */
    return shield_runner(&notify_fd) && send_notify_fd(status_fd, notify_fd) && limits_apply(phase);
}

static _Noreturn void run_phase(const struct phase *phase, const struct streams *streams, int status_fd)
{
    if (set_up_phase(phase, streams, status_fd)) {
        if (strchr(phase->argv[0], '/') != NULL)
            execve(phase->argv[0], phase->argv, phase->env);
        else
            exec_in_path(phase->argv, phase->env);
    }
    int failure = errno;
    ssize_t written = write(status_fd, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

/* Receives an errno, or 0 with the descriptor for the suspended calls. Returns false at end of file. */
static bool receive_status(int status_fd, int *failure, int *notify_fd)
{
    union rights rights;
    struct iovec data = {failure, sizeof *failure};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    ssize_t got;
    do
        got = recvmsg(status_fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got > 0 && message.msg_controllen >= sizeof rights.header)
        memcpy(notify_fd, CMSG_DATA(&rights.header), sizeof *notify_fd);
    return got > 0;
}

/* exec closes the child's end: end of file means success. */
static int wait_for_exec(int status_fd, int *notify_fd)
{
    int failure = 0;
    while (failure == 0 && receive_status(status_fd, &failure, notify_fd))
        continue;
    return failure;
}

/* Returns 0 after exec, or an errno after the child has been reaped. */
static int spawn(struct child *child, const struct phase *phase, const struct streams *streams)
{
    int status[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) != 0)
        return errno;
    child->pid = fork();
    int failure = child->pid < 0 ? errno : 0;
    if (child->pid == 0)
        run_phase(phase, streams, status[CHILD_END]);
    close(status[CHILD_END]);
    if (child->pid > 0)
        failure = wait_for_exec(status[RUNNER_END], &child->notify_fd);
    close(status[RUNNER_END]);
    if (child->pid > 0 && failure != 0)
        waitpid(child->pid, NULL, 0);
    if (failure != 0)
        close_fd(&child->notify_fd);
    return failure;
}

/* The runner keeps the program's end of a terminal open, so that the terminal does not hang up when the program closes it. */
static void keep_ends(struct child *child, struct streams *streams, const struct phase *phase)
{
    child->stdin_fd = streams->runner_ends[STDIN_FILENO];
    child->stdout_fd = streams->runner_ends[STDOUT_FILENO];
    child->stderr_fd = streams->runner_ends[STDERR_FILENO];
    if (phase->has_terminal) {
        child->terminal_fd = streams->program_ends[STDIN_FILENO];
        streams->program_ends[STDIN_FILENO] = -1;
    } else if (!phase->gets_stdin) {
        close_fd(&child->stdin_fd);
    }
    streams_close(streams->program_ends);
}

int child_start(struct child *child, const struct phase *phase, int output_epoll_fd)
{
    struct streams streams;
    *child = NO_CHILD;
    int failure = streams_open(&streams, phase);
    if (failure != 0)
        return failure;
    streams_watch(&streams, output_epoll_fd);
    failure = spawn(child, phase, &streams);
    if (failure != 0) {
        streams_close(streams.program_ends);
        streams_close(streams.runner_ends);
        return failure;
    }
    keep_ends(child, &streams, phase);
    return 0;
}
