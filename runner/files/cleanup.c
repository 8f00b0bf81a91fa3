#include "files/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_folder(int parent_fd, const char *name)
{
    struct stat status;
    return fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

static DIR *open_folder(int parent_fd, const char *name)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL && fd >= 0)
        close(fd);
    return folder;
}

/* Moves a folder to the top under an unused name. */
static int move_to_top(int parent_fd, const char *name, int top_fd)
{
    static unsigned long serial;
    char fresh[32];
    do {
        snprintf(fresh, sizeof fresh, "%lu", serial++);
        if (renameat(parent_fd, name, top_fd, fresh) == 0)
            return 0;
    } while (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR);
    return errno;
}

/* Subfolders are moved to the top instead of being entered, so that depth requires neither descriptors nor stack. */
static int clear_folder(DIR *folder, int top_fd)
{
    struct dirent *entry;
    int failure = 0;
    while (failure == 0 && (entry = readdir(folder)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        if (!is_folder(dirfd(folder), entry->d_name))
            failure = unlinkat(dirfd(folder), entry->d_name, 0) == 0 ? 0 : errno;
        else if (fchmodat(dirfd(folder), entry->d_name, 0700, 0) != 0)
            failure = errno;
        else
            failure = move_to_top(dirfd(folder), entry->d_name, top_fd);
    }
    return failure;
}

static int remove_folder(int top_fd, const char *name)
{
    if (fchmodat(top_fd, name, 0700, 0) != 0)
        return errno;
    DIR *folder = open_folder(top_fd, name);
    if (folder == NULL)
        return errno;
    int failure = clear_folder(folder, top_fd);
    closedir(folder);
    if (failure == 0 && unlinkat(top_fd, name, AT_REMOVEDIR) != 0)
        failure = errno;
    return failure;
}

/* Removes the entries of the top once; sets *found if there were any. */
static int remove_entries(int top_fd, bool *found)
{
    struct dirent *entry;
    DIR *top = open_folder(top_fd, ".");
    int failure = top == NULL ? errno : 0;
    while (failure == 0 && (entry = readdir(top)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        *found = true;
        if (is_folder(top_fd, entry->d_name))
            failure = remove_folder(top_fd, entry->d_name);
        else
            failure = unlinkat(top_fd, entry->d_name, 0) == 0 ? 0 : errno;
    }
    if (top != NULL)
        closedir(top);
    return failure;
}

int empty_folder(int folder_fd)
{
    bool found = true;
    int failure = 0;
    while (failure == 0 && found) {
        found = false;
        failure = remove_entries(folder_fd, &found);
    }
    return failure;
}

/* The *_STAT_ANY commands (Linux 4.17) also find objects without read permission. */
void remove_ipc(void)
{
    struct shmid_ds segment;
    struct msqid_ds queue;
    struct semid_ds semaphores;
    int id, last;
    last = shmctl(0, SHM_INFO, &segment);
    for (int i = 0; i <= last; i++)
        if ((id = shmctl(i, SHM_STAT_ANY, &segment)) >= 0)
            shmctl(id, IPC_RMID, NULL);
    last = msgctl(0, MSG_INFO, &queue);
    for (int i = 0; i <= last; i++)
        if ((id = msgctl(i, MSG_STAT_ANY, &queue)) >= 0)
            msgctl(id, IPC_RMID, NULL);
    last = semctl(0, 0, SEM_INFO, &semaphores);
    for (int i = 0; i <= last; i++)
        if ((id = semctl(i, 0, SEM_STAT_ANY, &semaphores)) >= 0)
            semctl(id, 0, IPC_RMID);
}
