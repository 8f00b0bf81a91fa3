#include "usage/cgroup.h"

#include "close_fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct counter open_counter(int root_fd, const char *path, const char *key)
{
    return (struct counter){openat(root_fd, path, O_RDONLY | O_CLOEXEC), key};
}

static bool open_version_1(struct cgroup *cgroup, int root_fd)
{
    cgroup->cpu = open_counter(root_fd, "cpuacct/cpuacct.usage", "");
    cgroup->cpu_per_us = 1000;
    cgroup->memory = open_counter(root_fd, "memory/memory.usage_in_bytes", "");
    cgroup->memory_peak = open_counter(root_fd, "memory/memory.max_usage_in_bytes", "");
    cgroup->memory_limit = open_counter(root_fd, "memory/memory.limit_in_bytes", "");
    cgroup->oom_kills = open_counter(root_fd, "memory/memory.oom_control", "oom_kill ");
    cgroup->process_limit_hits = open_counter(root_fd, "pids/pids.events", "max ");
    return cgroup->memory.fd >= 0 || cgroup->cpu.fd >= 0;
}

void cgroup_open_folder(struct cgroup *cgroup, int folder_fd)
{
    cgroup->cpu = open_counter(folder_fd, "cpu.stat", "usage_usec ");
    cgroup->cpu_per_us = 1;
    cgroup->memory = open_counter(folder_fd, "memory.current", "");
    cgroup->memory_peak = open_counter(folder_fd, "memory.peak", "");
    cgroup->memory_limit = open_counter(folder_fd, "memory.max", "");
    cgroup->oom_kills = open_counter(folder_fd, "memory.events", "oom_kill ");
    cgroup->process_limit_hits = open_counter(folder_fd, "pids.events", "max ");
}

void cgroup_open(struct cgroup *cgroup, const char *root)
{
    static const struct counter NONE = {-1, ""};
    *cgroup = (struct cgroup){NONE, NONE, NONE, NONE, NONE, NONE, 1};
    int root_fd = root == NULL ? -1 : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return;
    if (!open_version_1(cgroup, root_fd))
        cgroup_open_folder(cgroup, root_fd);
    close(root_fd);
}

void cgroup_close(struct cgroup *cgroup)
{
    struct counter *counters[] = {&cgroup->cpu,       &cgroup->memory,    &cgroup->memory_peak, &cgroup->memory_limit,
                                  &cgroup->oom_kills, &cgroup->process_limit_hits};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        close_fd(&counters[i]->fd);
}

static uint64_t read_counter(const struct counter *counter)
{
    char text[1024];
    ssize_t length = counter->fd < 0 ? -1 : pread(counter->fd, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, counter->key, strlen(counter->key)) == 0)
            return strtoull(line + strlen(counter->key), NULL, 10);
    }
    return 0;
}

bool cgroup_has_cpu(const struct cgroup *cgroup)
{
    return cgroup->cpu.fd >= 0;
}

uint64_t cgroup_cpu_us(const struct cgroup *cgroup)
{
    return read_counter(&cgroup->cpu) / cgroup->cpu_per_us;
}

uint64_t cgroup_memory_bytes(const struct cgroup *cgroup)
{
    return read_counter(&cgroup->memory);
}

uint64_t cgroup_memory_peak_bytes(const struct cgroup *cgroup)
{
    return read_counter(&cgroup->memory_peak);
}

uint64_t cgroup_memory_limit_bytes(const struct cgroup *cgroup)
{
    return read_counter(&cgroup->memory_limit);
}

uint64_t cgroup_oom_kills(const struct cgroup *cgroup)
{
    return read_counter(&cgroup->oom_kills);
}

uint64_t cgroup_process_limit_hits(const struct cgroup *cgroup)
{
    return read_counter(&cgroup->process_limit_hits);
}
