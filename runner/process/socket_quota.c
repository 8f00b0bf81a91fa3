#include "process/socket_quota.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* An approved call creates at most a socket and the connection that waits at the other end. */
enum { SOCKETS_PER_CALL = 2 };

void socket_quota_open(struct socket_quota *quota)
{
    quota->used_fd = open("/proc/self/net/sockstat", O_RDONLY | O_CLOEXEC);
    quota->protocols_fd = open("/proc/self/net/protocols", O_RDONLY | O_CLOEXEC);
    quota->counted = SOCKETS_MAX;
}

void socket_quota_watch(int notify_fd)
{
    ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

static bool read_text(int fd, char *text, size_t size)
{
    ssize_t length = pread(fd, text, size - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Returns the sockets of all families in the network namespace; proc_net(5) does not say that the number is per namespace. */
static bool count_all(const struct socket_quota *quota, unsigned *count)
{
    static const char PREFIX[] = "sockets: used ";
    char text[1024];
    if (!read_text(quota->used_fd, text, sizeof text) || strncmp(text, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    *count = (unsigned)strtoul(text + sizeof PREFIX - 1, NULL, 10);
    return true;
}

/* Adds up the third column, the number of sockets, of the lines "UNIX" and "UNIX-STREAM". */
static unsigned count_unix(const struct socket_quota *quota)
{
    char text[16384];
    unsigned count = 0;
    if (!read_text(quota->protocols_fd, text, sizeof text))
        return 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "UNIX", 4) != 0)
            continue;
        char *column = (char *)line + strcspn(line, " ");
        strtoul(column, &column, 10); /* the size of a socket */
        count += (unsigned)strtoul(column, NULL, 10);
    }
    return count;
}

/* Unix sockets are counted in the memory of the job. Both numbers are read only if the sum of the last count and of what
 * was approved since then reaches the limit. */
static bool has_room(struct socket_quota *quota)
{
    unsigned all;
    if (quota->counted + (quota->approved + 1) * SOCKETS_PER_CALL > SOCKETS_MAX) {
        if (!count_all(quota, &all))
            return false;
        unsigned local = count_unix(quota);
        quota->counted = all > local ? all - local : 0;
        quota->approved = 0;
    }
    if (quota->counted + SOCKETS_PER_CALL > SOCKETS_MAX)
        return false;
    quota->approved++;
    return true;
}

/* Fixed sizes: the kernel neither enlarges them with the use of the connection nor for its accepted connections. */
static int open_socket(const struct seccomp_data *call)
{
    int receive_bytes = RECEIVE_BUFFER_BYTES, send_bytes = SEND_BUFFER_BYTES;
    int fd = socket((int)call->args[0], (int)call->args[1] | SOCK_CLOEXEC, (int)call->args[2]);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void answer(int notify_fd, const struct seccomp_notif *request, int failure, unsigned flags)
{
    struct seccomp_notif_resp response = {.id = request->id, .error = -failure, .flags = flags};
    ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &response); /* fails if the process was killed */
}

static void provide_socket(int notify_fd, const struct seccomp_notif *request)
{
    int fd = open_socket(&request->data);
    struct seccomp_notif_addfd added = {
        .id = request->id,
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .srcfd = (unsigned)fd,
        .newfd_flags = request->data.args[1] & SOCK_CLOEXEC ? O_CLOEXEC : 0,
    };
    int failure = fd < 0 || ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &added) < 0 ? errno : 0;
    if (failure == EINVAL) /* before Linux 5.14: the program creates the socket, with buffers of the usual size */
        answer(notify_fd, request, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    else if (failure != 0)
        answer(notify_fd, request, failure, 0);
    if (fd >= 0)
        close(fd);
}

void socket_quota_decide(struct socket_quota *quota, int notify_fd)
{
    struct seccomp_notif request = {0};
    if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0)
        return; /* the process was killed */
    if (!has_room(quota))
        answer(notify_fd, &request, ENOBUFS, 0);
    else if (request.data.nr == SYS_socket)
        provide_socket(notify_fd, &request);
    else /* the decision does not depend on memory of the program, which could change meanwhile */
        answer(notify_fd, &request, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}
