#include "process/shield.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

bool shield_runner(void)
{
    struct sock_filter filter[] = {
        /*  0 */ LOAD(arch),
        /*  1 */ IF_EQUAL(NATIVE_ARCH, 1, 0), /* other ABIs have other numbers */
        /*  2 */ ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        /*  3 */ LOAD(nr),
        /*  4 */ IF_LESS(X32_CALLS, 1, 0),
        /*  5 */ ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        /*  6 */ IF_EQUAL(SYS_prlimit64, 7, 0),
        /*  7 */ IF_EQUAL(SYS_sched_setscheduler, 6, 0),
        /*  8 */ IF_EQUAL(SYS_sched_setparam, 5, 0),
        /*  9 */ IF_EQUAL(SYS_sched_setattr, 4, 0),
        /* 10 */ IF_EQUAL(SYS_sched_setaffinity, 3, 0),
        /* 11 */ IF_EQUAL(SYS_setpriority, 4, 0),
        /* 12 */ IF_EQUAL(SYS_ioprio_set, 5, 0),
        /* 13 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 14 */ LOAD(args[0]), /* calls with a pid as first argument */
        /* 15 */ SKIP(5),
        /* 16 */ LOAD(args[0]), /* setpriority: PRIO_USER includes the runner */
        /* 17 */ IF_EQUAL(PRIO_USER, 5, 2),
        /* 18 */ LOAD(args[0]), /* ioprio_set: likewise */
        /* 19 */ IF_EQUAL(IOPRIO_WHO_USER, 3, 0),
        /* 20 */ LOAD(args[1]),
        /* 21 */ IF_EQUAL(getppid(), 1, 0),
        /* 22 */ ANSWER(SECCOMP_RET_ALLOW),
        /* 23 */ ANSWER(SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
