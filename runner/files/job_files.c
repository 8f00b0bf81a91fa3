#include "files/job_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPONENT_MAX = 255, DEPTH_MAX = 8, MODE_MASK = 0777 };

static bool component_is_safe(const char *at, size_t length)
{
    if (length == 0 || length > COMPONENT_MAX)
        return false;
    return !(at[0] == '.' && (length == 1 || (length == 2 && at[1] == '.')));
}

bool path_is_safe(const char *path)
{
    for (int depth = 1; depth <= DEPTH_MAX; depth++) {
        size_t length = strcspn(path, "/");
        if (!component_is_safe(path, length))
            return false;
        if (path[length] == '\0')
            return true;
        path += length + 1;
    }
    return false;
}

/* Opens the folder `name` below `parent_fd` and creates it if necessary. Closes parent_fd. */
static int enter_folder(int parent_fd, const char *name)
{
    int fd = -1;
    if (mkdirat(parent_fd, name, 0755) == 0 || errno == EEXIST)
        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    close(parent_fd);
    return fd;
}

/* Opens each component separately: O_NOFOLLOW applies only to the last component of a path. */
static int create_below(int root_fd, const char *path)
{
    int folder = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
    const char *slash;
    while (folder >= 0 && (slash = strchr(path, '/')) != NULL) {
        char name[COMPONENT_MAX + 1] = {0};
        memcpy(name, path, (size_t)(slash - path));
        folder = enter_folder(folder, name);
        path = slash + 1;
    }
    if (folder < 0)
        return -1;
    int fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    close(folder);
    return fd;
}

static const char *write_all(int fd, const unsigned char *at, size_t left)
{
    while (left > 0) {
        ssize_t written = write(fd, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return errno == ENOSPC ? "no space left for the files" : "cannot write a file";
        at += written;
        left -= (size_t)written;
    }
    return NULL;
}

const char *files_open(struct file_writer *writer, const struct frame *frame)
{
    files_close(writer);
    struct cursor cursor = {frame->payload, frame->length, false};
    mode_t mode = (mode_t)take_uint(&cursor, 2);
    const char *path = take_string(&cursor);
    if (cursor.broken || (mode & ~(mode_t)MODE_MASK) != 0)
        return "malformed FILE";
    if (!path_is_safe(path))
        return "unsafe file path";
    writer->fd = create_below(writer->root_fd, path);
    if (writer->fd < 0)
        return errno == EEXIST ? "two files of one path" : "cannot create a file";
    if (fchmod(writer->fd, mode) != 0)
        return "cannot set a file's mode";
    return write_all(writer->fd, cursor.at, cursor.left);
}

const char *files_append(struct file_writer *writer, const struct frame *frame)
{
    if (writer->fd < 0)
        return "FILE_DATA without FILE";
    return write_all(writer->fd, frame->payload, frame->length);
}

void files_close(struct file_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
}
