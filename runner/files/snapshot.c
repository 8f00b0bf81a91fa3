#include "files/snapshot.h"

#include "files/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void snapshot_add_folder(struct snapshot *snapshot, int folder_fd)
{
    if (folder_fd >= 0 && snapshot->folder_count < SNAPSHOT_FOLDERS_MAX)
        snapshot->folder_fds[snapshot->folder_count++] = folder_fd;
}

/* Reads or writes exactly `length` bytes. */
static int transfer(int fd, unsigned char *bytes, size_t length, bool writes)
{
    while (length > 0) {
        ssize_t done = writes ? write(fd, bytes, length) : read(fd, bytes, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : EIO;
        bytes += done;
        length -= (size_t)done;
    }
    return 0;
}

/* The content is kept in anonymous memory: a file in memory (memfd) is subject to the file size limit of the container. */
static int store_file(struct snapshot *snapshot, int folder_fd, struct snapshot_entry *entry)
{
    size_t length = (size_t)entry->status.st_size;
    if (entry->status.st_size > SNAPSHOT_BYTES_MAX - snapshot->stored_bytes)
        return EFBIG;
    if (length == 0)
        return 0;
    int fd = openat(folder_fd, entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno;
    void *content = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int failure = content == MAP_FAILED ? errno : transfer(fd, content, length, false);
    entry->content = content == MAP_FAILED ? NULL : content;
    snapshot->stored_bytes += entry->status.st_size;
    close(fd);
    return failure;
}

static int store_link(int folder_fd, struct snapshot_entry *entry)
{
    char target[PATH_MAX] = {0};
    if (readlinkat(folder_fd, entry->path, target, sizeof target - 1) < 0)
        return errno;
    entry->target = strdup(target);
    return entry->target == NULL ? ENOMEM : 0;
}

static int save_folder(struct snapshot *snapshot, unsigned folder, const char *path, unsigned depth);

static int save_entry(struct snapshot *snapshot, unsigned folder, const char *path, unsigned depth)
{
    int folder_fd = snapshot->folder_fds[folder];
    struct snapshot_entry *entry = &snapshot->entries[snapshot->entry_count];
    *entry = (struct snapshot_entry){.folder = folder};
    if (fstatat(folder_fd, path, &entry->status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (!S_ISREG(entry->status.st_mode) && !S_ISDIR(entry->status.st_mode) && !S_ISLNK(entry->status.st_mode))
        return 0; /* a socket or FIFO of a process that has exited */
    entry->path = strdup(path);
    if (entry->path == NULL)
        return ENOMEM;
    snapshot->entry_count++;
    if (S_ISLNK(entry->status.st_mode))
        return store_link(folder_fd, entry);
    if (S_ISREG(entry->status.st_mode))
        return store_file(snapshot, folder_fd, entry);
    return save_folder(snapshot, folder, path, depth + 1);
}

static int save_entries(struct snapshot *snapshot, unsigned folder, DIR *directory, const char *path, unsigned depth)
{
    struct dirent *entry;
    int failure = 0;
    while (failure == 0 && (entry = readdir(directory)) != NULL) {
        char inner[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int length = snprintf(inner, sizeof inner, "%s%s%s", path, *path == '\0' ? "" : "/", entry->d_name);
        if (length >= (int)sizeof inner || snapshot->entry_count == SNAPSHOT_ENTRIES_MAX)
            return EFBIG;
        failure = save_entry(snapshot, folder, inner, depth);
    }
    return failure;
}

static int save_folder(struct snapshot *snapshot, unsigned folder, const char *path, unsigned depth)
{
    if (depth > SNAPSHOT_DEPTH_MAX)
        return EFBIG;
    const char *here = *path == '\0' ? "." : path;
    int fd = openat(snapshot->folder_fds[folder], here, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL)
        return errno;
    int failure = save_entries(snapshot, folder, directory, path, depth);
    closedir(directory);
    return failure;
}

static int save(struct snapshot *snapshot)
{
    snapshot->entries = calloc(SNAPSHOT_ENTRIES_MAX, sizeof *snapshot->entries);
    if (snapshot->entries == NULL)
        return ENOMEM;
    for (unsigned folder = 0; folder < snapshot->folder_count; folder++) {
        int failure = save_folder(snapshot, folder, "", 0);
        if (failure != 0)
            return failure;
    }
    return 0;
}

static int restore_file(const struct snapshot *snapshot, const struct snapshot_entry *entry)
{
    int folder_fd = snapshot->folder_fds[entry->folder];
    int fd = openat(folder_fd, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int failure = transfer(fd, entry->content, (size_t)entry->status.st_size, true);
    close(fd);
    return failure;
}

static int restore_entry(const struct snapshot *snapshot, const struct snapshot_entry *entry)
{
    int folder_fd = snapshot->folder_fds[entry->folder];
    if (S_ISREG(entry->status.st_mode))
        return restore_file(snapshot, entry);
    if (S_ISLNK(entry->status.st_mode))
        return symlinkat(entry->target, folder_fd, entry->path) == 0 ? 0 : errno;
    return mkdirat(folder_fd, entry->path, 0700) == 0 ? 0 : errno;
}

/* Modes and times are restored last, those of a folder after its contents: its mode may deny access. */
static int restore_attributes(const struct snapshot *snapshot, const struct snapshot_entry *entry)
{
    int folder_fd = snapshot->folder_fds[entry->folder];
    const struct timespec times[] = {entry->status.st_atim, entry->status.st_mtim};
    if (utimensat(folder_fd, entry->path, times, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (S_ISLNK(entry->status.st_mode))
        return 0;
    return fchmodat(folder_fd, entry->path, entry->status.st_mode & 07777, 0) == 0 ? 0 : errno;
}

static int restore(const struct snapshot *snapshot)
{
    int failure = 0;
    for (unsigned folder = 0; folder < snapshot->folder_count && failure == 0; folder++)
        failure = empty_folder(snapshot->folder_fds[folder]);
    for (size_t i = 0; i < snapshot->entry_count && failure == 0; i++)
        failure = restore_entry(snapshot, &snapshot->entries[i]);
    for (size_t i = snapshot->entry_count; i-- > 0 && failure == 0;)
        failure = restore_attributes(snapshot, &snapshot->entries[i]);
    if (snapshot->removes_ipc)
        remove_ipc();
    return failure;
}

int snapshot_apply(struct snapshot *snapshot)
{
    if (snapshot->saved)
        return snapshot->save_failure == 0 ? restore(snapshot) : snapshot->save_failure;
    snapshot->saved = true;
    snapshot->save_failure = save(snapshot);
    return snapshot->save_failure;
}
