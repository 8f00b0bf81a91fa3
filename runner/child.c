#include "child.h"

#include "limits.h"
#include "shield.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_END, WRITE_END, PIPES = 4, STATUS = 3 };

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes the program, and never the runner, the kernel's choice when memory runs out, even when all of it sits in
 * files and pipes and the program itself is tiny. Best effort: raising needs no privilege, but a writable /proc, and
 * a program may lower it again to what the container began with. */
static void volunteer_for_oom(void)
{
    prctl(PR_SET_DUMPABLE, 1); /* else /proc/self belongs to root */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "1000", 4) < 0)
        errno = 0;
    if (fd >= 0)
        close(fd);
}

/* execve along the PATH of the phase's own environment; unlike execvp it never hands a file to /bin/sh. */
static void exec_along_path(char **argv, char **env)
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

static bool become_phase(const struct phase *phase, int pipes[PIPES][2])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* for a runner that is not PID 1; there the kernel does it anyway */
    if (setsid() < 0 || dup2(pipes[0][READ_END], 0) < 0)
        return false;
    if (dup2(pipes[1][WRITE_END], 1) < 0 || dup2(pipes[2][WRITE_END], 2) < 0)
        return false;
    if (phase->cwd[0] != '\0' && chdir(phase->cwd) != 0)
        return false;
    volunteer_for_oom();
    reset_signals();
    return limits_apply(phase) && shield_runner();
}

static _Noreturn void run_phase(const struct phase *phase, int pipes[PIPES][2])
{
    if (become_phase(phase, pipes)) {
        if (strchr(phase->argv[0], '/') != NULL)
            execve(phase->argv[0], phase->argv, phase->env);
        else
            exec_along_path(phase->argv, phase->env);
    }
    int failure = errno;
    ssize_t written = write(pipes[STATUS][WRITE_END], &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

static void close_ends(int pipes[PIPES][2], int end_of_stdin, int end_of_others)
{
    for (int i = 0; i < PIPES; i++)
        child_close(&pipes[i][i == 0 ? end_of_stdin : end_of_others]);
}

static int open_pipes(int pipes[PIPES][2])
{
    for (int i = 0; i < PIPES; i++)
        if (pipe2(pipes[i], O_CLOEXEC) != 0)
            return errno;
    return 0;
}

/* The status pipe closes by itself on exec: end of file is success. */
static int wait_for_exec(int status_fd)
{
    int failure = 0;
    ssize_t got;
    do
        got = read(status_fd, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    return got == sizeof failure ? failure : 0;
}

static void keep_our_ends(struct child *child, int pipes[PIPES][2], bool gets_stdin)
{
    child->stdin_fd = pipes[0][WRITE_END];
    child->stdout_fd = pipes[1][READ_END];
    child->stderr_fd = pipes[2][READ_END];
    int ours[] = {child->stdin_fd, child->stdout_fd, child->stderr_fd};
    for (int i = 0; i < 3; i++)
        fcntl(ours[i], F_SETFL, O_NONBLOCK);
    if (!gets_stdin)
        child_close(&child->stdin_fd);
    child_close(&pipes[STATUS][READ_END]);
}

static int give_up(int pipes[PIPES][2], int failure)
{
    close_ends(pipes, READ_END, WRITE_END);
    close_ends(pipes, WRITE_END, READ_END);
    return failure;
}

int child_start(struct child *child, const struct phase *phase)
{
    int pipes[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    *child = (struct child){-1, -1, -1, -1};
    int failure = open_pipes(pipes);
    if (failure != 0)
        return give_up(pipes, failure);
    child->pid = fork();
    if (child->pid < 0)
        return give_up(pipes, errno);
    if (child->pid == 0)
        run_phase(phase, pipes);
    close_ends(pipes, READ_END, WRITE_END);
    failure = wait_for_exec(pipes[STATUS][READ_END]);
    if (failure != 0) {
        waitpid(child->pid, NULL, 0);
        return give_up(pipes, failure);
    }
    keep_our_ends(child, pipes, phase->gets_stdin);
    return 0;
}

void child_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
