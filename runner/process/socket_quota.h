/* Limits the internet sockets of a job.
 *
 * The kernel does not count the queues of TCP and UDP sockets, nor connections that wait to be accepted, in the memory of
 * a cgroup (version 1). The shield of a phase therefore suspends each call of socket(2) for an internet socket and of
 * connect(2) until the runner decides (seccomp_unotify(2)). The runner creates the socket itself, with small buffers whose
 * size the program cannot change, and refuses both calls with ENOBUFS if the sandbox has SOCKETS_MAX internet sockets,
 * those that wait to be accepted included.
 *
 * A signal that arrives before the runner has received the call interrupts it. It is restarted, or fails with EINTR if the
 * handler of the signal was installed without SA_RESTART. */
#ifndef RUNNER_SOCKET_QUOTA_H
#define RUNNER_SOCKET_QUOTA_H

/* Together at most 24 MiB: the kernel doubles the buffer sizes to account for its overhead; see socket(7). */
enum { SOCKETS_MAX = 256, RECEIVE_BUFFER_BYTES = 32 * 1024, SEND_BUFFER_BYTES = 16 * 1024 };

struct socket_quota {
    int used_fd, protocols_fd; /* of /proc/net; -1: sockets cannot be counted, all are refused */
    unsigned counted, approved; /* sockets at the last count; calls that were approved since then */
};

/* Call it before the first program runs. */
void socket_quota_open(struct socket_quota *quota);

/* Makes a suspended call switch to the runner at once, which shortens its time to a few microseconds (Linux 6.6). */
void socket_quota_watch(int notify_fd);

/* Decides about one call that waits at `notify_fd`, if there is one. */
void socket_quota_decide(struct socket_quota *quota, int notify_fd);

#endif
