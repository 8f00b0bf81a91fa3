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

enum { FIRST_ARGUMENT = 17, PRIORITY = 19, IO_PRIORITY = 21, PRCTL = 26, SOCKET_OPTION = 28, ALLOW = 35, DENY = 36 };

bool shield_runner(void)
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
        /*  9 */ IF_EQUAL(SYS_prlimit64, TO(FIRST_ARGUMENT, 9), 0),
        /* 10 */ IF_EQUAL(SYS_sched_setscheduler, TO(FIRST_ARGUMENT, 10), 0),
        /* 11 */ IF_EQUAL(SYS_sched_setparam, TO(FIRST_ARGUMENT, 11), 0),
        /* 12 */ IF_EQUAL(SYS_sched_setattr, TO(FIRST_ARGUMENT, 12), 0),
        /* 13 */ IF_EQUAL(SYS_sched_setaffinity, TO(FIRST_ARGUMENT, 13), 0),
        /* 14 */ IF_EQUAL(SYS_setpriority, TO(PRIORITY, 14), 0),
        /* 15 */ IF_EQUAL(SYS_ioprio_set, TO(IO_PRIORITY, 15), 0),
        /* 16 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 17 */ LOAD(args[0]), /* calls with a pid as first argument */
        /* 18 */ SKIP(TO(24, 18)),
        /* 19 */ LOAD(args[0]), /* setpriority: PRIO_USER includes the runner */
        /* 20 */ IF_EQUAL(PRIO_USER, TO(DENY, 20), TO(23, 20)),
        /* 21 */ LOAD(args[0]), /* ioprio_set: likewise */
        /* 22 */ IF_EQUAL(IOPRIO_WHO_USER, TO(DENY, 22), 0),
        /* 23 */ LOAD(args[1]),
        /* 24 */ IF_EQUAL(getppid(), TO(DENY, 24), 0),
        /* 25 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 26 */ LOAD(args[0]), /* prctl */
        /* 27 */ IF_EQUAL(PR_SET_SECCOMP, TO(DENY, 27), TO(ALLOW, 27)),
        /* 28 */ LOAD(args[1]), /* setsockopt */
        /* 29 */ IF_EQUAL(SOL_SOCKET, 0, TO(ALLOW, 29)),
        /* 30 */ LOAD(args[2]),
        /* 31 */ IF_EQUAL(SO_ATTACH_FILTER, TO(DENY, 31), 0),
        /* 32 */ IF_EQUAL(SO_ATTACH_BPF, TO(DENY, 32), 0),
        /* 33 */ IF_EQUAL(SO_ATTACH_REUSEPORT_CBPF, TO(DENY, 33), 0),
        /* 34 */ IF_EQUAL(SO_ATTACH_REUSEPORT_EBPF, TO(DENY, 34), 0),
        /* 35 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 36 */ ANSWER(SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
