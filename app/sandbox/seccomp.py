"""The seccomp profile: the system calls that compilers, interpreters and virtual machines need.

All other system calls fail with EPERM. These are left out deliberately although some programs use them, because
attacks use them: io_uring, ptrace, process_vm_*, pidfd_*, userfaultfd, the keyctl family, bpf, perf_event_open, mount
and the new mount API, unshare, setns, name_to_handle_at and open_by_handle_at, fanotify, mq_*, modify_ldt, vmsplice,
memfd_secret, personality, asynchronous I/O contexts (their number is limited for the whole host), and filters of BPF
or seccomp (they occupy kernel memory outside of the limits of a job). The runner installs its own filter with prctl
and then refuses that call as well; see runner/process/shield.h. A call of another ABI (32-bit or x32) kills the
process, because the profile names one architecture only.

The format is that of Docker's profiles (https://docs.docker.com/engine/security/seccomp/).
"""

from __future__ import annotations

import json
import platform
from functools import cache
from typing import Any, Final

__all__ = ["seccomp_profile"]

# The numbers below are those of Linux, where the engine runs; this host may be another system.
_EPERM: Final = 1
_ENOSYS: Final = 38
_AF_UNIX: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10
_SOCK_STREAM: Final = 1
_SOCK_DGRAM: Final = 2
_IPPROTO_TCP: Final = 6
_IPPROTO_UDP: Final = 17
_ARCHITECTURES: Final = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}

_FILES: Final = """
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
    fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr
    llistxattr lremovexattr lseek lsetxattr lstat memfd_create mkdir mkdirat mknod mknodat newfstatat open openat
    openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr
    rename renameat renameat2 rmdir sendfile setxattr splice stat statfs statx symlink symlinkat sync
    sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes write writev
"""
_MEMORY: Final = """
    brk madvise membarrier mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap
    pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages map_shadow_stack
"""
_PROCESSES: Final = """
    arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getegid geteuid
    getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid
    getuid ioprio_get kill prctl prlimit64 restart_syscall rseq sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list set_thread_area set_tid_address
    setfsgid setfsuid setgid setgroups setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid
    sysinfo tgkill times tkill uname vfork wait4 waitid
"""
_SIGNALS_AND_TIME: Final = """
    alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep pause rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo setitimer sigaltstack
    signalfd signalfd4 time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
    timerfd_gettime timerfd_settime
"""
_POLLING_AND_SOCKETS: Final = """
    accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 futex futex_requeue futex_wait futex_waitv futex_wake getpeername getrandom
    getsockname getsockopt listen pipe pipe2 poll ppoll pselect6 recvfrom recvmmsg recvmsg select sendmmsg sendmsg
    sendto shutdown
"""
_IPC_AND_LANDLOCK: Final = """
    landlock_add_rule landlock_create_ruleset landlock_restrict_self msgctl msgget msgrcv msgsnd semctl semget semop
    semtimedop shmat shmctl shmdt shmget
"""
_ALLOWED_SYSCALLS: Final = (_FILES, _MEMORY, _PROCESSES, _SIGNALS_AND_TIME, _POLLING_AND_SOCKETS, _IPC_AND_LANDLOCK)
# Protocols by type of an internet socket. Others (SCTP, DCCP, MPTCP, L2TP) would make the kernel load a module, even
# without a network.
_INTERNET_PROTOCOLS: Final = {_SOCK_STREAM: (0, _IPPROTO_TCP), _SOCK_DGRAM: (0, _IPPROTO_UDP)}
# Levels of setsockopt of which all options are allowed: IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6.
_OPTION_LEVELS: Final = (0, _IPPROTO_TCP, _IPPROTO_UDP, 41)
_SOL_SOCKET: Final = 1
# Allowed options of SOL_SOCKET (asm-generic/socket.h): SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF,
# SO_KEEPALIVE, SO_OOBINLINE, SO_PRIORITY, SO_LINGER, SO_REUSEPORT, SO_PASSCRED, SO_RCVLOWAT, SO_SNDLOWAT, SO_RCVTIMEO,
# SO_SNDTIMEO, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_RXQ_OVFL, SO_PEEK_OFF, SO_SELECT_ERR_QUEUE, and the 64-bit variants of
# the time options. The options that attach BPF programs are not among them.
_SOCKET_OPTIONS: Final = (2, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 20, 21, 29, 35, 40, 42, 45, 63, 64, 66, 67)
# The kernel compares the low 32 bits of an int argument.
_INT_MASK: Final = 0xFFFFFFFF
# The type without SOCK_NONBLOCK and SOCK_CLOEXEC (SOCK_TYPE_MASK in linux/net.h).
_SOCKET_TYPE_MASK: Final = 0xF
# All CLONE_NEW* flags of clone(2), CLONE_NEWTIME included (linux/sched.h).
_NAMESPACE_FLAGS: Final = 0x7E020080


@cache
def seccomp_profile(machine: str = "") -> str:
    """Return the profile as JSON, for the security option ``seccomp=`` of a container.

    Args:
        machine: Architecture as printed by ``uname -m``. Empty for that of this host.

    Raises:
        ValueError: The profile does not support the architecture.
    """
    name = machine or platform.machine()
    if name not in _ARCHITECTURES:
        raise ValueError(f"machine: {name!r} is not supported; must be one of {', '.join(sorted(_ARCHITECTURES))}")
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": [_ARCHITECTURES[name]],
        "syscalls": _rules(),
    }
    return json.dumps(profile, separators=(",", ":"))


def _rules() -> list[dict[str, Any]]:
    names = sorted({name for group in _ALLOWED_SYSCALLS for name in group.split()})
    return [
        {"names": names, "action": "SCMP_ACT_ALLOW"},
        _allow_if("socket", _equal(0, _AF_UNIX)),
        _allow_if("socketpair", _equal(0, _AF_UNIX)),
        *_internet_socket_rules(),
        *_socket_option_rules(),
        _allow_if("clone", _masked(0, _NAMESPACE_FLAGS, 0)),
        # A filter cannot read the flags of clone3, which are behind a pointer. On ENOSYS the C library uses clone.
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
    ]


def _internet_socket_rules() -> list[dict[str, Any]]:
    return [
        _allow_if("socket", _equal(0, family), _masked(1, _SOCKET_TYPE_MASK, socket_type), _equal(2, protocol))
        for family in (_AF_INET, _AF_INET6)
        for socket_type, protocols in _INTERNET_PROTOCOLS.items()
        for protocol in protocols
    ]


def _socket_option_rules() -> list[dict[str, Any]]:
    is_socket_level = _masked(1, _INT_MASK, _SOL_SOCKET)
    return [
        *(_allow_if("setsockopt", _masked(1, _INT_MASK, level)) for level in _OPTION_LEVELS),
        *(_allow_if("setsockopt", is_socket_level, _masked(2, _INT_MASK, option)) for option in _SOCKET_OPTIONS),
    ]


def _allow_if(name: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a rule that allows a system call if all conditions are true."""
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": list(conditions)}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    # For this operator, ``value`` is the mask and ``valueTwo`` the expected result.
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
