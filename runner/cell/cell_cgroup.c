#include "cell/cell_cgroup.h"

#include "cell/mounts.h"
#include "close_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Version 1: PID 1 of the cell is in the same cgroup as the job. */
enum { CELL_PROCESSES = 1 };
/* Version 1: the page cache of the files that a job has read stays charged to the cell. If it is larger, it is dropped, so
 * that the next job starts with less than this. A Python program reads 10 to 20 MiB. */
enum { MAX_CARRIED_BYTES = 48 * 1024 * 1024 };
enum { REMOVE_ATTEMPTS = 200, REMOVE_WAIT_NS = 5 * 1000 * 1000 };

/* These files show the limits of the job; runtimes like the JVM read them. */
static const struct visible_file {
    const char *origin, *name; /* below CGROUP_ROOT; the second one is where the job sees it */
} VISIBLE_V1[] = {
    {"memory/memory.limit_in_bytes", "memory/memory.limit_in_bytes"},
    {"memory/memory.memsw.limit_in_bytes", "memory/memory.memsw.limit_in_bytes"},
    {"memory/memory.soft_limit_in_bytes", "memory/memory.soft_limit_in_bytes"},
    {"memory/memory.use_hierarchy", "memory/memory.use_hierarchy"},
    {"cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_quota_us"},
    {"cpu/cpu.cfs_period_us", "cpu/cpu.cfs_period_us"},
    {"cpu/cpu.shares", "cpu/cpu.shares"},
    {"cpuset/cpuset.cpus", "cpuset/cpuset.cpus"},
    {"cpuset/cpuset.mems", "cpuset/cpuset.mems"},
    {"cpuset/cpuset.effective_cpus", "cpuset/cpuset.effective_cpus"},
    {"pids/pids.max", "pids/pids.max"},
}, VISIBLE_V2[] = {
    {"jobs/job/memory.max", "memory.max"},
    {"jobs/job/memory.high", "memory.high"},
    {"jobs/job/memory.swap.max", "memory.swap.max"},
    {"jobs/job/pids.max", "pids.max"},
    {"cgroup.controllers", "cgroup.controllers"},
    {"cpu.max", "cpu.max"},
}, VISIBLE_V2_WITHOUT_JOBS[] = {
    {"memory.max", "memory.max"},
    {"memory.swap.max", "memory.swap.max"},
    {"pids.max", "pids.max"},
    {"cgroup.controllers", "cgroup.controllers"},
    {"cpu.max", "cpu.max"},
};

enum { VISIBLE_MAX = 16 };
#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool write_text(int fd, const char *text)
{
    return pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text);
}

static bool write_number(int fd, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return write_text(fd, text);
}

static bool write_file(int folder_fd, const char *name, const char *text)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write_text(fd, text);
    int failure = errno;
    close_fd(&fd);
    errno = failure;
    return written;
}

static bool write_number_file(int folder_fd, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return write_file(folder_fd, name, text);
}

static uint64_t read_number(int fd)
{
    char text[32] = "";
    return pread(fd, text, sizeof text - 1, 0) > 0 ? strtoull(text, NULL, 10) : 0;
}

/* The engine mounts the cgroups read-only. A second mount on top becomes writable, and is detached again: a file or folder
 * that was opened through it stays writable. */
static int open_writable(const char *folder, const char *name)
{
    const unsigned long flags = MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char path[PATH_MAX + 64];
    int fd = -1;
    if (mount(folder, folder, NULL, MS_BIND, NULL) != 0)
        return -1;
    if (mount(NULL, folder, NULL, flags, NULL) == 0) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        fd = open(path, *name == '\0' ? O_RDONLY | O_DIRECTORY | O_CLOEXEC : O_RDWR | O_CLOEXEC);
        if (fd < 0 && errno == EACCES) /* a file that can only be written */
            fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    if (umount2(folder, MNT_DETACH) != 0)
        close_fd(&fd);
    return fd;
}

/* `controller` may be a link, for example from cpu to cpu,cpuacct. */
static int open_version_1_file(const char *controller, const char *name)
{
    char path[64], folder[PATH_MAX];
    snprintf(path, sizeof path, CGROUP_ROOT "/%s", controller);
    return realpath(path, folder) == NULL ? -1 : open_writable(folder, name);
}

static bool open_version_1(struct cell_cgroup *cgroup)
{
    cgroup->memory_limit_fd = open_version_1_file("memory", "memory.limit_in_bytes");
    cgroup->swap_limit_fd = open_version_1_file("memory", "memory.memsw.limit_in_bytes"); /* absent without swap accounting */
    cgroup->memory_peak_fd = open_version_1_file("memory", "memory.max_usage_in_bytes");
    cgroup->memory_usage_fd = open(CGROUP_ROOT "/memory/memory.usage_in_bytes", O_RDONLY | O_CLOEXEC);
    cgroup->memory_drop_fd = open_version_1_file("memory", "memory.force_empty");
    cgroup->process_limit_fd = open_version_1_file("pids", "pids.max");
    cgroup_open(&cgroup->counters, CGROUP_ROOT);
    cgroup->highest_memory_bytes = read_number(cgroup->memory_limit_fd);
    cgroup->highest_processes = read_number(cgroup->process_limit_fd);
    return cgroup->memory_limit_fd >= 0 && cgroup->memory_peak_fd >= 0 && cgroup->memory_usage_fd >= 0 &&
           cgroup->memory_drop_fd >= 0 && cgroup->process_limit_fd >= 0;
}

/* A cgroup with processes cannot have children with controllers: PID 1 moves to a cgroup of its own first. The owner of
 * cgroup.procs of the common ancestor may move processes, and clone3 checks this too. */
static bool delegate_subtree(struct cell_cgroup *cgroup, int root_fd, uid_t id)
{
    if (mkdirat(root_fd, "runner", 0755) != 0 || mkdirat(root_fd, "jobs", 0755) != 0)
        return false;
    if (!write_file(root_fd, "runner/cgroup.procs", "0") ||
        !write_file(root_fd, "cgroup.subtree_control", "+memory +pids") ||
        !write_file(root_fd, "jobs/cgroup.subtree_control", "+memory +pids"))
        return false;
    if (fchownat(root_fd, "jobs", id, id, 0) != 0 || fchownat(root_fd, "jobs/cgroup.procs", id, id, 0) != 0 ||
        fchownat(root_fd, "cgroup.procs", id, id, 0) != 0)
        return false;
    cgroup->jobs_fd = openat(root_fd, "jobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return cgroup->jobs_fd >= 0;
}

static bool open_version_2(struct cell_cgroup *cgroup, uid_t id)
{
    int root_fd = open_writable(CGROUP_ROOT, "");
    bool delegated = root_fd >= 0 && delegate_subtree(cgroup, root_fd, id);
    close_fd(&root_fd);
    return delegated;
}

void cell_cgroup_open(struct cell_cgroup *cgroup, uid_t id)
{
    *cgroup = (struct cell_cgroup){CGROUP_NONE, -1, -1, -1, -1, -1, -1, 0, 0, -1, -1, {.cpu_per_us = 1}};
    if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0)
        cgroup->support = open_version_2(cgroup, id) ? CGROUP_VERSION_2 : CGROUP_NONE;
    else
        cgroup->support = open_version_1(cgroup) ? CGROUP_VERSION_1 : CGROUP_NONE;
    if (cgroup->support == CGROUP_NONE)
        cgroup_open(&cgroup->counters, CGROUP_ROOT);
}

/* Creates an empty file below CGROUP_ROOT, in a folder that may exist. */
static bool create_file(const char *name)
{
    char path[PATH_MAX];
    const char *slash = strchr(name, '/');
    snprintf(path, sizeof path, CGROUP_ROOT "/%.*s", slash == NULL ? 0 : (int)(slash - name), name);
    if (slash != NULL && mkdir(path, 0755) != 0 && errno != EEXIST)
        return false;
    snprintf(path, sizeof path, CGROUP_ROOT "/%s", name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    bool created = fd >= 0;
    close_fd(&fd);
    return created;
}

static bool bind_file(int fd, const char *name)
{
    char path[PATH_MAX], source[64];
    snprintf(path, sizeof path, CGROUP_ROOT "/%s", name);
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    return create_file(name) && mount(source, path, NULL, MS_BIND, NULL) == 0;
}

/* Binds the files that exist onto an empty tmpfs. Their descriptors keep them reachable after they are covered. */
static const char *cover(const struct visible_file *files, size_t count)
{
    int fds[VISIBLE_MAX], failure = 0;
    const char *failed = NULL;
    char path[PATH_MAX];
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, CGROUP_ROOT "/%s", files[i].origin);
        fds[i] = open(path, O_PATH | O_CLOEXEC);
    }
    if (mount("tmpfs", CGROUP_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k,nr_inodes=64") != 0)
        failed = CGROUP_ROOT;
    for (size_t i = 0; i < count; i++) {
        if (failed == NULL && fds[i] >= 0 && !bind_file(fds[i], files[i].name))
            failed = files[i].name;
        failure = failed != NULL && failure == 0 ? errno : failure;
        close_fd(&fds[i]);
    }
    errno = failure;
    if (failed == NULL && !make_read_only(CGROUP_ROOT))
        failed = CGROUP_ROOT;
    return failed;
}

const char *cell_cgroup_hide(const struct cell_cgroup *cgroup)
{
    if (cgroup->support == CGROUP_VERSION_2 || access(CGROUP_ROOT, F_OK) != 0)
        return NULL;
    if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0)
        return cover(VISIBLE_V2_WITHOUT_JOBS, COUNT(VISIBLE_V2_WITHOUT_JOBS));
    return cover(VISIBLE_V1, COUNT(VISIBLE_V1));
}

const char *job_cgroup_hide(const struct cell_cgroup *cgroup)
{
    return cgroup->support == CGROUP_VERSION_2 ? cover(VISIBLE_V2, COUNT(VISIBLE_V2)) : NULL;
}

/* The kernel requires that the limit of memory and swap is never below that of memory. */
static bool set_memory_version_1(struct cell_cgroup *cgroup, uint64_t bytes)
{
    bool is_lower = bytes < read_number(cgroup->memory_limit_fd);
    if (cgroup->swap_limit_fd < 0)
        return write_number(cgroup->memory_limit_fd, bytes);
    if (is_lower)
        return write_number(cgroup->memory_limit_fd, bytes) && write_number(cgroup->swap_limit_fd, bytes);
    return write_number(cgroup->swap_limit_fd, bytes) && write_number(cgroup->memory_limit_fd, bytes);
}

/* A lower limit would kill processes: memory.high first reclaims what can be reclaimed. */
static enum limits_result set_memory_version_2(int job_fd, uint64_t bytes)
{
    int usage_fd = openat(job_fd, "memory.current", O_RDONLY | O_CLOEXEC);
    if (usage_fd < 0 || !write_number_file(job_fd, "memory.high", bytes))
        return LIMITS_FAILED;
    uint64_t used_bytes = read_number(usage_fd);
    close(usage_fd);
    if (!write_file(job_fd, "memory.high", "max"))
        return LIMITS_FAILED;
    if (used_bytes > bytes)
        return LIMITS_MEMORY_IN_USE;
    return write_number_file(job_fd, "memory.max", bytes) ? LIMITS_APPLIED : LIMITS_FAILED;
}

enum limits_result job_cgroup_set_limits(struct cell_cgroup *cgroup, const struct resource_limits *limits)
{
    if (cgroup->support == CGROUP_VERSION_1) {
        if (!write_number(cgroup->process_limit_fd, limits->processes + CELL_PROCESSES))
            return LIMITS_FAILED;
        if (!set_memory_version_1(cgroup, limits->memory_bytes))
            return errno == EBUSY ? LIMITS_MEMORY_IN_USE : LIMITS_FAILED;
        return LIMITS_APPLIED;
    }
    if (cgroup->support == CGROUP_VERSION_2) {
        if (!write_number_file(cgroup->job_fd, "pids.max", limits->processes))
            return LIMITS_FAILED;
        return set_memory_version_2(cgroup->job_fd, limits->memory_bytes);
    }
    return LIMITS_FAILED;
}

/* Its limits are those of the cell until a job arrives. */
static bool create_version_2(struct cell_cgroup *cgroup)
{
    if (mkdirat(cgroup->jobs_fd, "job", 0755) != 0)
        return false;
    cgroup->job_fd = openat(cgroup->jobs_fd, "job", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup->job_fd < 0)
        return false;
    if (!write_file(cgroup->job_fd, "memory.swap.max", "0") && errno != ENOENT) /* absent without swap accounting */
        return false;
    cgroup_open_folder(&cgroup->counters, cgroup->job_fd);
    return true;
}

/* The limits of the previous job may be too low for the creation of namespaces. */
static bool raise_limits_version_1(struct cell_cgroup *cgroup)
{
    bool raised = cgroup->highest_processes == 0 ? write_text(cgroup->process_limit_fd, "max")
                                                 : write_number(cgroup->process_limit_fd, cgroup->highest_processes);
    return raised && set_memory_version_1(cgroup, cgroup->highest_memory_bytes);
}

bool job_cgroup_create(struct cell_cgroup *cgroup)
{
    if (cgroup->support == CGROUP_VERSION_2)
        return create_version_2(cgroup);
    return cgroup->support == CGROUP_NONE || raise_limits_version_1(cgroup);
}

bool job_cgroup_start(struct cell_cgroup *cgroup, const struct resource_limits *limits)
{
    if (cgroup->support == CGROUP_NONE)
        return true; /* the host sends only jobs with the limits of the container */
    if (job_cgroup_set_limits(cgroup, limits) != LIMITS_APPLIED)
        return false;
    return cgroup->support == CGROUP_VERSION_2 || write_text(cgroup->memory_peak_fd, "0");
}

/* The kernel removes a cgroup only after the last process has left it completely. */
static bool remove_version_2(struct cell_cgroup *cgroup)
{
    const struct timespec wait = {0, REMOVE_WAIT_NS};
    cgroup_close(&cgroup->counters);
    write_file(cgroup->job_fd, "cgroup.kill", "1"); /* absent before Linux 5.14; the end of PID 1 has killed all */
    close_fd(&cgroup->job_fd);
    for (int attempt = 0; attempt < REMOVE_ATTEMPTS; attempt++) {
        if (unlinkat(cgroup->jobs_fd, "job", AT_REMOVEDIR) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        nanosleep(&wait, NULL);
    }
    return false;
}

bool job_cgroup_remove(struct cell_cgroup *cgroup)
{
    if (cgroup->support == CGROUP_VERSION_2)
        return remove_version_2(cgroup);
    if (cgroup->support == CGROUP_VERSION_1 && read_number(cgroup->memory_usage_fd) > MAX_CARRIED_BYTES)
        write_text(cgroup->memory_drop_fd, "0"); /* fails if some of it is in use, which is not an error */
    return true;
}
