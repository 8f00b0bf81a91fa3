#include "process/shield.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "unsupported architecture: only x86-64 and AArch64"
#endif

enum { X32_CALLS = 0x40000000 };

/* Loads the low 32 bits of an argument: both architectures are little-endian, and a pid is an int. */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, skip_if, skip_else) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), skip_if, skip_else)
#define IF_LESS(value, skip_if, skip_else) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)(value), skip_else, skip_if)
#define SKIP(count) BPF_STMT(BPF_JMP | BPF_JA, (count))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* Offset of a jump from the instruction `here` to the instruction `target`. */
#define TO(target, here) ((target) - (here) - 1)

enum {
    FIRST_ARGUMENT = 19,
    PRIORITY = 21,
    IO_PRIORITY = 23,
    PRCTL = 28,
    SOCKET = 30,
    SOCKET_OPTION = 33,
    ALLOW = 42,
    DENY = 43,
    SUSPEND = 44,
    IGNORE = 45,
};

/* Returns the descriptor for the suspended calls, or -1. WAIT_KILLABLE_RECV (Linux 5.19): once the runner has received a
 * call, only a fatal signal interrupts it. */
static int install_with_listener(const struct sock_fprog *program)
{
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);
    return fd >= 0 ? fd : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

bool shield_runner(int *notify_fd)
{
    struct sock_filter filter[] = {
        /*  0 */ LOAD(arch),
        /*  1 */ IF_EQUAL(NATIVE_ARCH, 1, 0), /* other ABIs have other numbers */
        /*  2 */ ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        /*  3 */ LOAD(nr),
        /*  4 */ IF_LESS(X32_CALLS, 1, 0),
        /*  5 */ ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        /*  6 */ IF_EQUAL(SYS_seccomp, TO(DENY, 6), 0),
        /*  7 */ IF_EQUAL(SYS_prctl, TO(PRCTL, 7), 0),
        /*  8 */ IF_EQUAL(SYS_setsockopt, TO(SOCKET_OPTION, 8), 0),
        /*  9 */ IF_EQUAL(SYS_socket, TO(SOCKET, 9), 0),
        /* 10 */ IF_EQUAL(SYS_connect, TO(SUSPEND, 10), 0),
        /* 11 */ IF_EQUAL(SYS_prlimit64, TO(FIRST_ARGUMENT, 11), 0),
        /* 12 */ IF_EQUAL(SYS_sched_setscheduler, TO(FIRST_ARGUMENT, 12), 0),
        /* 13 */ IF_EQUAL(SYS_sched_setparam, TO(FIRST_ARGUMENT, 13), 0),
        /* 14 */ IF_EQUAL(SYS_sched_setattr, TO(FIRST_ARGUMENT, 14), 0),
        /* 15 */ IF_EQUAL(SYS_sched_setaffinity, TO(FIRST_ARGUMENT, 15), 0),
        /* 16 */ IF_EQUAL(SYS_setpriority, TO(PRIORITY, 16), 0),
        /* 17 */ IF_EQUAL(SYS_ioprio_set, TO(IO_PRIORITY, 17), 0),
        /* 18 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 19 */ LOAD(args[0]), /* calls with a pid as first argument */
        /* 20 */ SKIP(TO(26, 20)),
        /* 21 */ LOAD(args[0]), /* setpriority: PRIO_USER includes the runner */
        /* 22 */ IF_EQUAL(PRIO_USER, TO(DENY, 22), TO(25, 22)),
        /* 23 */ LOAD(args[0]), /* ioprio_set: likewise */
        /* 24 */ IF_EQUAL(IOPRIO_WHO_USER, TO(DENY, 24), 0),
        /* 25 */ LOAD(args[1]),
        /* 26 */ IF_EQUAL(getppid(), TO(DENY, 26), 0),
        /* 27 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 28 */ LOAD(args[0]), /* prctl */
        /* 29 */ IF_EQUAL(PR_SET_SECCOMP, TO(DENY, 29), TO(ALLOW, 29)),
        /* 30 */ LOAD(args[0]), /* socket */
        /* 31 */ IF_EQUAL(AF_INET, TO(SUSPEND, 31), 0),
        /* 32 */ IF_EQUAL(AF_INET6, TO(SUSPEND, 32), TO(ALLOW, 32)),
        /* 33 */ LOAD(args[1]), /* setsockopt */
        /* 34 */ IF_EQUAL(SOL_SOCKET, 0, TO(ALLOW, 34)),
        /* 35 */ LOAD(args[2]),
        /* 36 */ IF_EQUAL(SO_ATTACH_FILTER, TO(DENY, 36), 0),
        /* 37 */ IF_EQUAL(SO_ATTACH_BPF, TO(DENY, 37), 0),
        /* 38 */ IF_EQUAL(SO_ATTACH_REUSEPORT_CBPF, TO(DENY, 38), 0),
        /* 39 */ IF_EQUAL(SO_ATTACH_REUSEPORT_EBPF, TO(DENY, 39), 0),
        /* 40 */ IF_EQUAL(SO_SNDBUF, TO(IGNORE, 40), 0),
        /* 41 */ IF_EQUAL(SO_RCVBUF, TO(IGNORE, 41), 0),
        /* 42 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 43 */ ANSWER(SECCOMP_RET_ERRNO | EPERM),
        /* 44 */ ANSWER(SECCOMP_RET_USER_NOTIF),
        /* 45 */ ANSWER(SECCOMP_RET_ERRNO), /* returns 0 */
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    *notify_fd = install_with_listener(&program);
    if (*notify_fd >= 0 || (errno != EINVAL && errno != EPERM))
        return *notify_fd >= 0;
    filter[SUSPEND] = filter[ALLOW]; /* before Linux 5.0, or in a container of an earlier version of the worker */
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
