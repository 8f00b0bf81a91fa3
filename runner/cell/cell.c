#include "cell/cell.h"

#include "cell/cell_cgroup.h"
#include "cell/host.h"
#include "cell/mounts.h"
#include "cell/namespaces.h"
#include "cell/privileges.h"
#include "cell/strict_filter.h"
#include "close_fd.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_ENDED = 0, EXIT_FAULT = 1, EXIT_KILLED = 128, IDS = 2, REASON_MAX = 256 };

static struct strict_filter filter;

struct cell {
    struct cell_users users;
    struct cell_cgroup cgroup;
    char *const *masked_paths;
    bool has_job_user_namespaces;
};

struct next_job {
    struct job_process process;
    int reason_fd; /* why the process has failed */
};

static const char *describe_error(const char *subject)
{
    static char text[REASON_MAX];
    snprintf(text, sizeof text, "%s: %s", subject, strerror(errno));
    return text;
}

static bool parse_id(uid_t *id, const char *text)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *id = (uid_t)number;
    return errno == 0 && *text != '\0' && *end == '\0' && number > 0 && number < 65536;
}

/* Returns NULL, or a description of the fault. */
static const char *set_up_cell(struct cell *cell)
{
    const char *failed;
    if (geteuid() != 0)
        return "a cell must be started as root";
    if (!compile_strict_filter(&filter))
        return "the system call filter is too long";
    umask(0);
    cell_cgroup_open(&cell->cgroup, cell->users.cell_id);
    if (!become_cell_user(cell->users.cell_id))
        return describe_error("cannot change to the user of the cell");
    if ((failed = enter_cell_namespaces(&cell->users)) != NULL)
        return describe_error(failed);
    if ((failed = prepare_cell_mounts()) != NULL || (failed = cell_cgroup_hide(&cell->cgroup)) != NULL)
        return describe_error(failed);
    if (!keep_cell_capabilities())
        return describe_error("cannot drop capabilities");
    return NULL;
}

/* The reason reaches the host through PID 1 of the cell, as stderr is not a descriptor of jobs. */
static void check_step(const char *failed)
{
    if (failed != NULL)
        refuse_to_start(describe_error(failed));
}

/* Everything that takes time. It does not depend on the job, so that it is done before the job arrives. */
static void set_up_namespaces(const struct cell *cell)
{
    check_step(job_cgroup_hide(&cell->cgroup));
    check_step(mount_shared_folders(cell->masked_paths));
    check_step(set_up_network());
    check_step(protect_proc());
}

static void set_up_job(const struct cell *cell, uint64_t disk_bytes)
{
    const struct rlimit file_size = {disk_bytes, disk_bytes};
    check_step(mount_working_folder(disk_bytes));
    check_step(setrlimit(RLIMIT_FSIZE, &file_size) == 0 ? NULL : "RLIMIT_FSIZE");
    check_step(become_job_user(cell->users.job_id) ? NULL : "cannot drop capabilities");
    check_step(install_strict_filter(&filter) ? NULL : "system call filter");
}

static void close_cell_descriptors(const struct cell_cgroup *cgroup)
{
    int fds[] = {cgroup->memory_limit_fd, cgroup->swap_limit_fd,    cgroup->memory_peak_fd, cgroup->memory_usage_fd,
                 cgroup->memory_drop_fd,  cgroup->process_limit_fd, cgroup->jobs_fd,        cgroup->job_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close_fd(&fds[i]);
}

/* PID 1 of the namespaces of a job: becomes a runner as soon as the job arrives. */
static _Noreturn void serve_job(const struct cell *cell, const struct job_process *process, int reason_fd)
{
    struct job_start start;
    const struct cell_link link = {process->sync_fd, start.nonce, cell->cgroup.counters};
    if (dup2(reason_fd, STDERR_FILENO) < 0 || !await_users(process))
        _exit(EXIT_FAULT);
    close(reason_fd);
    set_up_namespaces(cell);
    if (!await_job_start(process, &start))
        _exit(EXIT_FAULT);
    set_up_job(cell, start.disk_bytes);
    close_cell_descriptors(&cell->cgroup);
    int status = run_job("/work", &link);
    if (status == 0 && !await_end())
        refuse_to_start("expected END after the job");
    _exit(status);
}

/* Waits for the end of the runner. It may ask once for the limits of the program, which are not higher than its own. */
static int await_job(struct cell *cell, const struct job_order *order, const struct job_process *process)
{
    unsigned char byte;
    int status = 0;
    if (read(process->sync_fd, &byte, 1) == 1) {
        unsigned char result = (unsigned char)job_cgroup_set_limits(&cell->cgroup, &order->program);
        shutdown(process->sync_fd, SHUT_RD); /* before the answer, so that the next request fails instead of waiting */
        if (send(process->sync_fd, &result, sizeof result, MSG_NOSIGNAL) != sizeof result)
            kill(process->pid, SIGKILL);
    }
    while (waitpid(process->pid, &status, 0) != process->pid)
        continue;
    return status;
}

/* Returns EXIT_ENDED if the job has ended in order, or the exit status of the cell. */
static int check_end(int status, int reason_fd)
{
    char reason[REASON_MAX] = "";
    if (WIFSIGNALED(status))
        return EXIT_KILLED + WTERMSIG(status);
    if (WEXITSTATUS(status) == 0)
        return EXIT_ENDED;
    if (read(reason_fd, reason, sizeof reason - 1) > 0)
        reason[strcspn(reason, "\n")] = '\0';
    report_fault("the runner has failed", reason);
    return EXIT_FAULT;
}

/* Creates the process of the next job, which waits for the job. Returns false after it has reported the fault. */
static bool create_next_job(struct cell *cell, struct next_job *next)
{
    int reason_ends[2];
    if (!job_cgroup_create(&cell->cgroup) || pipe2(reason_ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        report_fault(describe_error("cannot create the cgroup of a job"), "");
        return false;
    }
    if (!clone_job(&next->process, cell->cgroup.job_fd, &cell->has_job_user_namespaces)) {
        report_fault(describe_error("cannot create the namespaces of a job"), "");
        return false;
    }
    if (next->process.pid == 0) {
        close(reason_ends[0]);
        serve_job(cell, &next->process, reason_ends[1]);
    }
    close(reason_ends[1]);
    next->reason_fd = reason_ends[0];
    const char *failed = map_job_users(&next->process, &cell->users, cell->has_job_user_namespaces);
    if (failed != NULL)
        report_fault(describe_error(failed), "");
    return failed == NULL; /* the end of PID 1 kills the process */
}

static int run_next_job(struct cell *cell, const struct next_job *next, const struct job_order *order)
{
    struct job_start start = {.disk_bytes = order->disk_bytes};
    memcpy(start.nonce, order->nonce, sizeof start.nonce);
    if (!job_cgroup_start(&cell->cgroup, &order->initial)) {
        report_fault(describe_error("cannot set the limits of a job"), "");
        return EXIT_FAULT;
    }
    start_job(&next->process, &start); /* if the process has ended, `await_job` returns its status */
    int status = check_end(await_job(cell, order, &next->process), next->reason_fd);
    close(next->process.sync_fd);
    close(next->reason_fd);
    if (status == EXIT_ENDED && !job_cgroup_remove(&cell->cgroup)) {
        report_fault(describe_error("cannot remove the cgroup of a job"), "");
        return EXIT_FAULT;
    }
    return status;
}

int run_cell(int argc, char **argv)
{
    struct cell cell = {.has_job_user_namespaces = true};
    if (argc < IDS || !parse_id(&cell.users.cell_id, argv[0]) || !parse_id(&cell.users.job_id, argv[1]))
        refuse_to_start("usage: runner --cell CELL_ID JOB_ID [PATH...]");
    cell.masked_paths = argv + IDS;
    const char *fault = set_up_cell(&cell);
    int status = EXIT_ENDED;
    while (fault == NULL && status == EXIT_ENDED) {
        struct next_job next;
        struct job_order order;
        bool ended;
        if (!create_next_job(&cell, &next) || !report_clean(cell.cgroup.support, cell.has_job_user_namespaces))
            return EXIT_FAULT;
        fault = read_job(&order, &ended);
        if (ended)
            return EXIT_ENDED;
        if (fault == NULL)
            status = run_next_job(&cell, &next, &order);
    }
    if (fault != NULL)
        report_fault(fault, "");
    return fault != NULL ? EXIT_FAULT : status;
}
