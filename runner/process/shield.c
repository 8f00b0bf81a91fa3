#include "process/shield.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
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
#define IF_ANY_BIT(mask, skip_if, skip_else) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(mask), skip_if, skip_else)
#define SKIP(count) BPF_STMT(BPF_JMP | BPF_JA, (count))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* Offset of a jump from the instruction `here` to the instruction `target`. */
#define TO(target, here) ((target) - (here) - 1)

enum {
    FIRST_ARGUMENT = 21,
    PRIORITY = 23,
    IO_PRIORITY = 25,
    PRCTL = 30,
    SOCKET = 32,
    SOCKET_OPTION = 35,
    IOCTL = 44,
    FCNTL = 46,
    STANDARD_OUTPUT = 50,
    ALLOW = 53,
    DENY = 54,
    SUSPEND = 55,
    IGNORE = 56,
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
        /* 18 */ IF_EQUAL(SYS_ioctl, TO(IOCTL, 18), 0),
        /* 19 */ IF_EQUAL(SYS_fcntl, TO(FCNTL, 19), 0),
        /* 20 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 21 */ LOAD(args[0]), /* calls with a pid as first argument */
        /* 22 */ SKIP(TO(28, 22)),
        /* 23 */ LOAD(args[0]), /* setpriority: PRIO_USER includes the runner */
        /* 24 */ IF_EQUAL(PRIO_USER, TO(DENY, 24), TO(27, 24)),
        /* 25 */ LOAD(args[0]), /* ioprio_set: likewise */
        /* 26 */ IF_EQUAL(IOPRIO_WHO_USER, TO(DENY, 26), 0),
        /* 27 */ LOAD(args[1]),
        /* 28 */ IF_EQUAL(getppid(), TO(DENY, 28), 0),
        /* 29 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 30 */ LOAD(args[0]), /* prctl */
        /* 31 */ IF_EQUAL(PR_SET_SECCOMP, TO(DENY, 31), TO(ALLOW, 31)),
        /* 32 */ LOAD(args[0]), /* socket */
        /* 33 */ IF_EQUAL(AF_INET, TO(SUSPEND, 33), 0),
        /* 34 */ IF_EQUAL(AF_INET6, TO(SUSPEND, 34), TO(ALLOW, 34)),
        /* 35 */ LOAD(args[1]), /* setsockopt */
        /* 36 */ IF_EQUAL(SOL_SOCKET, 0, TO(ALLOW, 36)),
        /* 37 */ LOAD(args[2]),
        /* 38 */ IF_EQUAL(SO_ATTACH_FILTER, TO(DENY, 38), 0),
        /* 39 */ IF_EQUAL(SO_ATTACH_BPF, TO(DENY, 39), 0),
        /* 40 */ IF_EQUAL(SO_ATTACH_REUSEPORT_CBPF, TO(DENY, 40), 0),
        /* 41 */ IF_EQUAL(SO_ATTACH_REUSEPORT_EBPF, TO(DENY, 41), 0),
        /* 42 */ IF_EQUAL(SO_SNDBUF, TO(IGNORE, 42), 0),
        /* 43 */ IF_EQUAL(SO_RCVBUF, TO(IGNORE, 43), 0),
        /* 44 */ LOAD(args[1]), /* ioctl */
        /* 45 */ IF_EQUAL(FIONBIO, TO(STANDARD_OUTPUT, 45), TO(ALLOW, 45)),
        /* 46 */ LOAD(args[1]), /* fcntl */
        /* 47 */ IF_EQUAL(F_SETFL, 0, TO(ALLOW, 47)),
        /* 48 */ LOAD(args[2]),
        /* 49 */ IF_ANY_BIT(O_NONBLOCK, 0, TO(ALLOW, 49)),
        /* 50 */ LOAD(args[0]), /* a change of stdout or stderr to non-blocking mode */
        /* 51 */ IF_EQUAL(STDOUT_FILENO, TO(IGNORE, 51), 0),
        /* 52 */ IF_EQUAL(STDERR_FILENO, TO(IGNORE, 52), TO(ALLOW, 52)),
        /* 53 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 54 */ ANSWER(SECCOMP_RET_ERRNO | EPERM),
        /* 55 */ ANSWER(SECCOMP_RET_USER_NOTIF),
        /* 56 */ ANSWER(SECCOMP_RET_ERRNO), /* returns 0 */
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
