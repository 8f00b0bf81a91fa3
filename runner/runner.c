#include "runner.h"

#include "job.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RESET_ON_FORK = 1, TIME_SLICE_NS = 100000 }; /* SCHED_FLAG_RESET_ON_FORK, the shortest slice; see sched_setattr(2) */

static struct job job; /* in .bss: unused buffers occupy no memory */

_Noreturn void refuse_to_start(const char *reason)
{
    const char *parts[] = {"runner: ", reason, "\n"};
    for (int i = 0; i < 3; i++)
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
            break;
    _exit(1);
}

void set_up_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            refuse_to_start("stdin, stdout and stderr must be open");
    if (syscall(SYS_close_range, 3, ~0u, 0) != 0) /* not every C library declares close_range */
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK) != 0)
        refuse_to_start("cannot write to stdout without blocking");
}

/* No handlers: the kernel drops signals from inside the namespace that PID 1 does not handle; see pid_namespaces(7). */
static int open_signal_fd(void)
{
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_SETMASK, &watched, NULL) != 0)
        return -1;
    return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void enter_folder(const char *folder)
{
    job.files.fd = -1;
    job.files.root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (job.files.root_fd < 0 || fchdir(job.files.root_fd) != 0)
        refuse_to_start("cannot enter the working folder");
    umask(022);
}

/* Selects the folders that are restored between tests: all writable ones. Outside of a container the shared folders are
 * not touched. */
static void select_snapshot_folders(void)
{
    static const char *const SHARED[] = {"/tmp", "/dev/shm", "/dev/mqueue"};
    snapshot_add_folder(&job.snapshot, job.files.root_fd);
    for (size_t i = 0; job.contained && i < sizeof SHARED / sizeof *SHARED; i++)
        snapshot_add_folder(&job.snapshot, open(SHARED[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    job.snapshot.removes_ipc = job.contained;
}

/* In a cell, PID 1 has opened the counters: the cgroup of the cell also has those of earlier jobs. */
static void open_counters(const struct cell_link *cell)
{
    if (cell != NULL)
        job.cgroup = cell->cgroup;
    else
        cgroup_open(&job.cgroup, job.contained ? CGROUP_ROOT : NULL);
}

/* Since Linux 6.12, a task that wakes up preempts a task with longer time slices: the runner enforces the limit of terminals
 * while the program opens them. Earlier kernels ignore the value. The program has normal time slices. */
static void request_short_time_slices(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attributes = {.size = sizeof attributes, .policy = SCHED_OTHER, .flags = RESET_ON_FORK, .runtime_ns = TIME_SLICE_NS};
    attributes.nice = getpriority(PRIO_PROCESS, 0);
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int run_job(const char *folder, const struct cell_link *cell)
{
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        refuse_to_start("cannot make the runner non-dumpable");
    job.signal_fd = open_signal_fd();
    job.output_epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (job.signal_fd < 0 || job.output_epoll_fd < 0)
        refuse_to_start("cannot watch for children and output");
    enter_folder(folder);
    job.child = NO_CHILD;
    job.contained = getpid() == 1;
    job.limits_fd = cell == NULL ? -1 : cell->limits_fd;
    select_snapshot_folders();
    job.cpu_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    open_counters(cell);
    socket_quota_open(&job.socket_quota);
    job.terminal_quota.fd = -1;
    if (job.contained && cell == NULL) { /* otherwise, the terminals are those of the host, or are counted */
        terminal_quota_open(&job.terminal_quota);
        request_short_time_slices();
    }
    report_ready(&job, cell == NULL ? NULL : cell->nonce);
    return run_event_loop(&job);
}

bool await_end(void)
{
    for (;;) {
        struct frame frame;
        const char *fault = NULL;
        while (inbox_next(&job.inbox, &frame, &fault))
            if (frame.type == FRAME_END)
                return frame.length == 0 && job.inbox.consumed == job.inbox.filled;
        if (fault != NULL || !inbox_read(&job.inbox, STDIN_FILENO))
            return false;
    }
}
