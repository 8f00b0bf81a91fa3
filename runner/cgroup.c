#include "cgroup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup/"

static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool open_version_1(struct cgroup *cgroup)
{
    cgroup->memory_fd = open_file(ROOT "memory/memory.usage_in_bytes");
    cgroup->memory_peak_fd = open_file(ROOT "memory/memory.max_usage_in_bytes");
    cgroup->oom_fd = open_file(ROOT "memory/memory.oom_control");
    cgroup->cpu_fd = open_file(ROOT "cpuacct/cpuacct.usage");
    cgroup->cpu_key = "";
    cgroup->cpu_per_us = 1000;
    return cgroup->memory_fd >= 0 || cgroup->cpu_fd >= 0;
}

static void open_version_2(struct cgroup *cgroup)
{
    cgroup->memory_fd = open_file(ROOT "memory.current");
    cgroup->memory_peak_fd = open_file(ROOT "memory.peak");
    cgroup->oom_fd = open_file(ROOT "memory.events");
    cgroup->cpu_fd = open_file(ROOT "cpu.stat");
    cgroup->cpu_key = "usage_usec ";
    cgroup->cpu_per_us = 1;
}

void cgroup_open(struct cgroup *cgroup, bool contained)
{
    *cgroup = (struct cgroup){-1, -1, -1, -1, "", 1};
    if (contained && !open_version_1(cgroup))
        open_version_2(cgroup);
}

/* The number behind the line that starts with `key`; 0 if the file or the line is not there. */
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
