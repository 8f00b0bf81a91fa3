"""The seccomp profile: the system calls that compilers, interpreters and virtual machines need.

All other system calls fail with EPERM. These are left out deliberately although some programs use them, because
attacks use them: io_uring, ptrace, process_vm_*, pidfd_*, userfaultfd, the keyctl family, bpf, perf_event_open, mount
and the new mount API, unshare, setns, name_to_handle_at and open_by_handle_at, fanotify, mq_*, modify_ldt, vmsplice,
memfd_secret, personality, asynchronous I/O contexts (their number is limited for the whole host), and filters of BPF
or seccomp (they occupy kernel memory outside of the limits of a job). The runner installs its own filter, which
refuses to install others and suspends calls that create sockets; see runner/process/shield.h. A call of another ABI
(32-bit or x32) kills the process, because the profile names one architecture only.

ioctl and setsockopt are limited to requests and options that programs in a sandbox use. Others load kernel modules
(line disciplines of terminals, bridges, VLANs), or occupy kernel memory outside of the limits of a job (multicast
groups of IPv6, keys of TCP).

The format is that of Docker's profiles (https://docs.docker.com/engine/security/seccomp/).
"""

from __future__ import annotations

import json
import platform
from functools import cache
from typing import Any, Final

__all__ = ["cell_profile", "seccomp_profile"]

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
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown lgetxattr link linkat listxattr
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
    getsockname getsockopt listen pipe pipe2 poll ppoll pselect6 recvfrom recvmmsg recvmsg select shutdown
"""
_IPC_AND_LANDLOCK: Final = """
    landlock_add_rule landlock_create_ruleset landlock_restrict_self msgctl msgget msgrcv msgsnd semctl semget semop
    semtimedop shmat shmctl shmdt shmget
"""
_ALLOWED_SYSCALLS: Final = (_FILES, _MEMORY, _PROCESSES, _SIGNALS_AND_TIME, _POLLING_AND_SOCKETS, _IPC_AND_LANDLOCK)
# Protocols by type of an internet socket. Others (SCTP, DCCP, MPTCP, L2TP) would make the kernel load a module, even
# without a network.
_INTERNET_PROTOCOLS: Final = {_SOCK_STREAM: (0, _IPPROTO_TCP), _SOCK_DGRAM: (0, _IPPROTO_UDP)}
_SOL_SOCKET: Final = 1
# Allowed options of setsockopt by level, from asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h and
# linux/udp.h.
_SOCKET_OPTIONS: Final = {
    # SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF (they have no effect for a program: see
    # runner/process/shield.h), SO_KEEPALIVE, SO_OOBINLINE, SO_PRIORITY, SO_LINGER, SO_REUSEPORT, SO_PASSCRED,
    # SO_RCVLOWAT, SO_SNDLOWAT, SO_RCVTIMEO, SO_SNDTIMEO, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_RXQ_OVFL, SO_PEEK_OFF,
    # SO_SELECT_ERR_QUEUE, and the 64-bit variants of the time options.
    _SOL_SOCKET: (2, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 20, 21, 29, 35, 40, 42, 45, 63, 64, 66, 67),
    # IPPROTO_IP: IP_TOS, IP_TTL, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_FREEBIND,
    # IP_BIND_ADDRESS_NO_PORT, IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP, IP_ADD_MEMBERSHIP (at most 20 per
    # socket), IP_DROP_MEMBERSHIP, IP_MULTICAST_ALL, IP_LOCAL_PORT_RANGE.
    0: (1, 2, 8, 10, 11, 12, 13, 15, 24, 32, 33, 34, 35, 36, 49, 51),
    # TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2,
    # TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_QUICKACK, TCP_CONGESTION, TCP_USER_TIMEOUT, TCP_FASTOPEN,
    # TCP_NOTSENT_LOWAT, TCP_FASTOPEN_CONNECT, TCP_INQ.
    _IPPROTO_TCP: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 18, 23, 25, 30, 36),
    # UDP_CORK, UDP_SEGMENT, UDP_GRO.
    _IPPROTO_UDP: (1, 103, 104),
    # IPPROTO_IPV6: IPV6_UNICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_MTU_DISCOVER,
    # IPV6_MTU, IPV6_RECVERR, IPV6_V6ONLY, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_TCLASS.
    41: (16, 17, 18, 19, 23, 24, 25, 26, 49, 51, 66, 67),
}
# MSG_FASTOPEN (linux/socket.h): sends connect without a call of connect, which the runner would count.
_MSG_FASTOPEN: Final = 0x20000000
# Argument with the flags of the calls that send to a socket.
_SEND_FLAGS_INDEX: Final = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}
# Allowed requests of ioctl, from asm-generic/ioctls.h, linux/sockios.h, linux/fs.h, linux/random.h and linux/seccomp.h.
_IOCTL_REQUESTS: Final = (
    # Terminals: TCGETS to TCFLSH, TIOCEXCL, TIOCNXCL, TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ, TIOCGWINSZ,
    # TIOCSWINSZ, TIOCPKT, TIOCNOTTY, TIOCGETD, TCSBRKP, TIOCSBRK, TIOCCBRK, TIOCGSID. Not TIOCSETD, which loads
    # modules, and TIOCSTI.
    *range(0x5401, 0x540C),
    *(0x540C, 0x540D, 0x540E, 0x540F, 0x5410, 0x5411, 0x5413, 0x5414, 0x5420, 0x5422, 0x5424, 0x5425, 0x5427, 0x5428),
    0x5429,
    # TCGETS2, TCSETS2, TCSETSW2, TCSETSF2.
    *(0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D),
    # TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER, TIOCGPKT, TIOCGPTLCK, TIOCSIG, TIOCGEXCL.
    *(0x80045430, 0x40045431, 0x5441, 0x80045438, 0x80045439, 0x40045436, 0x80045440),
    # Descriptors: FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC, FIOQSIZE.
    *(0x541B, 0x5421, 0x5450, 0x5451, 0x5452, 0x5460),
    # Sockets: FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP, SIOCATMARK, SIOCGSTAMP, SIOCGSTAMPNS, SIOCOUTQNSD.
    *(0x8901, 0x8902, 0x8903, 0x8904, 0x8905, 0x8906, 0x8907, 0x894B),
    # Interfaces: SIOCGIFNAME, SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFDSTADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK,
    # SIOCGIFMETRIC, SIOCGIFMTU, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFTXQLEN, SIOCGIFMAP.
    *(0x8910, 0x8912, 0x8913, 0x8915, 0x8917, 0x8919, 0x891B, 0x891D, 0x8921, 0x8927, 0x8933, 0x8942, 0x8970),
    # Files: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_GETVERSION, FS_IOC_FSGETXATTR, FS_IOC_FIEMAP, FICLONE,
    # FICLONERANGE, FIDEDUPERANGE.
    *(0x80086601, 0x40086602, 0x80087601, 0x801C581F, 0xC020660B, 0x40049409, 0x4020940D, 0xC0189436),
    # RNDGETENTCNT.
    0x80045200,
    # For the runner: SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND, SECCOMP_IOCTL_NOTIF_ADDFD,
    # SECCOMP_IOCTL_NOTIF_SET_FLAGS.
    *(0xC0502100, 0xC0182101, 0x40182103, 0x40082104),
)
# For the runner: SECCOMP_SET_MODE_FILTER with SECCOMP_FILTER_FLAG_NEW_LISTENER, alone or with
# SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_FLAGS: Final = (8, 8 | 32)
# The kernel compares the low 32 bits of an int argument.
_INT_MASK: Final = 0xFFFFFFFF
# The type without SOCK_NONBLOCK and SOCK_CLOEXEC (SOCK_TYPE_MASK in linux/net.h).
_SOCKET_TYPE_MASK: Final = 0xF
# For PID 1 of a cell, to create the namespaces of a job: clone with any flags, clone3 (into a cgroup), mounts, the user
# namespace of the cell, and SIOCSIFFLAGS, which enables the loopback interface.
_CELL_CALLS: Final = ("clone", "clone3", "mount", "umount2", "unshare")
_SIOCSIFFLAGS: Final = 0x8914
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
    return _render_profile(_rules(), machine)


@cache
def cell_profile(machine: str = "") -> str:
    """Return the profile of a cell: that of a sandbox, and what PID 1 needs to create the namespaces of a job.

    Only PID 1 runs under this profile alone. Each job installs the profile of a sandbox in addition
    (runner/cell/strict_filter.c).

    Args:
        machine: As for `seccomp_profile`.

    Raises:
        ValueError: The profile does not support the architecture.
    """
    rules = [
        *(rule for rule in _rules() if not set(rule["names"]) & set(_CELL_CALLS)),
        {"names": list(_CELL_CALLS), "action": "SCMP_ACT_ALLOW"},
        _allow_if("ioctl", _masked(1, _INT_MASK, _SIOCSIFFLAGS)),
    ]
    return _render_profile(rules, machine)


def _render_profile(rules: list[dict[str, Any]], machine: str) -> str:
    name = machine or platform.machine()
    if name not in _ARCHITECTURES:
        raise ValueError(f"machine: {name!r} is not supported; must be one of {', '.join(sorted(_ARCHITECTURES))}")
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": [_ARCHITECTURES[name]],
        "syscalls": rules,
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
        *(_allow_if(name, _masked(index, _MSG_FASTOPEN, 0)) for name, index in _SEND_FLAGS_INDEX.items()),
        *(_allow_if("ioctl", _masked(1, _INT_MASK, request)) for request in _IOCTL_REQUESTS),
        *(_allow_if("seccomp", _equal(0, _SECCOMP_SET_MODE_FILTER), _equal(1, flags)) for flags in _SECCOMP_FLAGS),
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
    return [
        _allow_if("setsockopt", _masked(1, _INT_MASK, level), _masked(2, _INT_MASK, option))
        for level, options in _SOCKET_OPTIONS.items()
        for option in options
    ]


def _allow_if(name: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a rule that allows a system call if all conditions are true."""
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": list(conditions)}


def _equal(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    # For this operator, ``value`` is the mask and ``valueTwo`` the expected result.
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
