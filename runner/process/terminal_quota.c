#include "process/terminal_quota.h"

#include <ctype.h>
#include <dirent.h>
#include <stdalign.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <unistd.h>

static const char FOLDER[] = "/dev/pts";

void terminal_quota_open(struct terminal_quota *quota)
{
    quota->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (quota->fd >= 0)
        inotify_add_watch(quota->fd, FOLDER, IN_CREATE | IN_DELETE);
}

/* The names of terminals are numbers. */
static unsigned count_terminals(void)
{
    unsigned count = 0;
    DIR *folder = opendir(FOLDER);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += isdigit((unsigned char)entry->d_name[0]) != 0;
    if (folder != NULL)
        closedir(folder);
    return count;
}

bool terminal_quota_check(struct terminal_quota *quota)
{
    alignas(struct inotify_event) char events[4096];
    ssize_t length = read(quota->fd, events, sizeof events);
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(events + at);
        if (event->mask & IN_Q_OVERFLOW)
            quota->count = count_terminals();
        else if (event->mask & IN_CREATE)
            quota->count++;
        else if (event->mask & IN_DELETE && quota->count > 0)
            quota->count--;
        at += (ssize_t)(sizeof *event + event->len);
    }
    return quota->count <= TERMINALS_MAX;
}

bool terminal_quota_count(void)
{
    return count_terminals() <= TERMINALS_MAX;
}
