#include "usage/cgroup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_file(int root_fd, const char *path)
{
    return openat(root_fd, path, O_RDONLY | O_CLOEXEC);
}

static bool open_version_1(struct cgroup *cgroup, int root_fd)
{
    cgroup->memory_fd = open_file(root_fd, "memory/memory.usage_in_bytes");
    cgroup->memory_peak_fd = open_file(root_fd, "memory/memory.max_usage_in_bytes");
    cgroup->oom_fd = open_file(root_fd, "memory/memory.oom_control");
    cgroup->cpu_fd = open_file(root_fd, "cpuacct/cpuacct.usage");
    cgroup->cpu_key = "";
    cgroup->cpu_per_us = 1000;
    return cgroup->memory_fd >= 0 || cgroup->cpu_fd >= 0;
}

static void open_version_2(struct cgroup *cgroup, int root_fd)
{
    cgroup->memory_fd = open_file(root_fd, "memory.current");
    cgroup->memory_peak_fd = open_file(root_fd, "memory.peak");
    cgroup->oom_fd = open_file(root_fd, "memory.events");
    cgroup->cpu_fd = open_file(root_fd, "cpu.stat");
    cgroup->cpu_key = "usage_usec ";
    cgroup->cpu_per_us = 1;
}

void cgroup_open(struct cgroup *cgroup, const char *root)
{
    *cgroup = (struct cgroup){-1, -1, -1, -1, "", 1};
    int root_fd = root == NULL ? -1 : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return;
    if (!open_version_1(cgroup, root_fd))
        open_version_2(cgroup, root_fd);
    close(root_fd);
}

/* Returns the number after `key` at the start of a line; 0 if the file or the line does not exist. */
static uint64_t read_number(int fd, const char *key)
{
    char text[1024];
    ssize_t length = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, strlen(key)) == 0)
            return strtoull(line + strlen(key), NULL, 10);
    }
    return 0;
}

bool cgroup_has_cpu(const struct cgroup *cgroup)
{
    return cgroup->cpu_fd >= 0;
}

uint64_t cgroup_cpu_us(const struct cgroup *cgroup)
{
    return read_number(cgroup->cpu_fd, cgroup->cpu_key) / cgroup->cpu_per_us;
}

uint64_t cgroup_memory_bytes(const struct cgroup *cgroup)
{
    return read_number(cgroup->memory_fd, "");
}

uint64_t cgroup_memory_peak_bytes(const struct cgroup *cgroup)
{
    return read_number(cgroup->memory_peak_fd, "");
}

uint64_t cgroup_oom_kills(const struct cgroup *cgroup)
{
    return read_number(cgroup->oom_fd, "oom_kill ");
}
