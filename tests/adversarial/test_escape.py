"""Programs that try to leave the sandbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.adversarial.attack import Attack, launch, table
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.sandbox.sandbox_fixture import job

pytestmark = pytest.mark.docker

# Each line is an attempt and its result; the last line is "done".
TRY = """
import errno, os, socket
def attempt(name, deed):
    try:
        deed()
        print(name, "WORKED", flush=True)
    except OSError as error:
        print(name, errno.errorcode.get(error.errno, error.errno), flush=True)
"""
READS = """
for path in ("/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/root/etc", "/proc/1/cwd", "/proc/1/fd",
             "/proc/1/exe", "/etc/shadow", "/etc/gshadow", "/root", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/sda",
             "/dev/vda", "/dev/kmsg", "/dev/fuse", "/dev/kvm", "/proc/kmsg", "/var/run/docker.sock",
             "/run/docker.sock", "/run/containerd/containerd.sock", "/sys/kernel/debug/tracing"):
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
"""
WRITES = """
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory",
             "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/1/mem", "/proc/1/oom_score_adj",
             "/proc/1/comm", "/proc/self/uid_map", "/sys/kernel/uevent_helper",
             "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup/memory/release_agent",
             "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
             "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/pids/pids.max", "/dev/sda", "/dev/mem",
             "/etc/passwd", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/ld.so.preload", "/usr/bin/x",
             "/pyxec-runner", "/x", "/root/x", "/home/x", "/var/x", "/var/tmp/x", "/run/x", "/dev/x", "/opt/x"):
    # crun mounts an empty tmpfs below /sys, in which a new file is harmless.
    create = 0 if os.path.exists(path) or path.startswith("/sys/") else os.O_CREAT
    attempt(path, lambda: os.write(os.open(path, os.O_WRONLY | create), b"1"))
"""
PRIVILEGES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *arguments):
    def deed():
        if getattr(libc, function)(*arguments) < 0:
            raise OSError(ctypes.get_errno(), "")
    return deed
def owned():
    open("mine", "w").close()
    os.chown("mine", 0, 0)
attempt("become root", lambda: os.setuid(0))
attempt("become another", lambda: os.setresuid(1000, 1000, 1000))
attempt("join a group", lambda: os.setgroups([0]))
attempt("become a group", lambda: os.setgid(0))
attempt("give a file to root", owned)
attempt("mount", call("mount", b"proc", b"/work", b"proc", 0, None))
attempt("unmount", call("umount2", b"/work", 2))
attempt("unshare", call("unshare", 0x10000000))
attempt("chroot", lambda: os.chroot("/work"))
attempt("reboot", call("reboot", 0x89abcdef))
attempt("trace the runner", call("ptrace", 16, 1, 0, 0))
attempt("make a device", lambda: os.mknod("device", 0o60666, os.makedev(254, 0)))
attempt("set the clock", lambda: __import__("time").clock_settime(0, 0))
attempt("go up in priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
attempt("the host's name", lambda: socket.sethostname("x"))
"""
# One call of each kind. Never call one of them in a loop: thousands of filters can deadlock the kernel of the host.
FILTERS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
allow = ctypes.create_string_buffer(b"\\x06\\0\\0\\0" + (0x7FFF0000).to_bytes(4, "little"), 8)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(1, ctypes.addressof(allow))
SETSOCKOPT, SECCOMP, PRCTL, BPF = {"x86_64": (54, 317, 157, 321), "aarch64": (208, 277, 167, 280)}[os.uname().machine]
def call(number, *arguments):
    def deed():
        if libc.syscall(*map(ctypes.c_long, (number, *arguments))) < 0:
            raise OSError(ctypes.get_errno(), "")
    return deed
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
pointer, length = ctypes.addressof(program), ctypes.sizeof(program)
for high in (0, 1 << 32):
    attempt(f"SO_ATTACH_FILTER {high}", call(SETSOCKOPT, udp.fileno(), 1 | high, 26 | high, pointer, length))
    attempt(f"SO_ATTACH_BPF {high}", call(SETSOCKOPT, udp.fileno(), 1, 50 | high, pointer, 4))
    attempt(f"SO_ATTACH_REUSEPORT_CBPF {high}", call(SETSOCKOPT, udp.fileno(), 1, 51 | high, pointer, length))
    attempt(f"SO_ATTACH_REUSEPORT_EBPF {high}", call(SETSOCKOPT, udp.fileno(), 1, 52 | high, pointer, 4))
    attempt(f"PR_SET_SECCOMP {high}", call(PRCTL, 22 | high, 2, pointer, 0, 0))
    attempt(f"seccomp {high}", call(SECCOMP, 1 | high, 0, pointer))
    attempt(f"seccomp strict {high}", call(SECCOMP, 0 | high, 0, 0))
    # The flags with which the runner installs its own filter, with and without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
    attempt(f"seccomp listener {high}", call(SECCOMP, 1 | high, 8, pointer))
    attempt(f"seccomp killable listener {high}", call(SECCOMP, 1 | high, 8 | 32, pointer))
    attempt(f"bpf {high}", call(BPF, 0 | high, pointer, length))
"""
NETWORK = """
socket.setdefaulttimeout(1)
for address in (("169.254.169.254", 80), ("172.17.0.1", 2375), ("10.0.0.1", 22), ("8.8.8.8", 53), ("192.0.2.1", 80)):
    attempt(address[0], lambda: socket.create_connection(address, 1))
    attempt("udp " + address[0], lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address))
attempt("ipv6", lambda: socket.create_connection(("2001:db8::1", 80), 1))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
attempt("vsock", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).connect((2, 1024)))
attempt("alg", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))
attempt("an abstract socket of the host", lambda: socket.socket(socket.AF_UNIX).connect("\\0/containerd-shim"))
try:
    socket.getaddrinfo("example.org", 80)
    print("dns WORKED")
except socket.gaierror:
    print("dns refused")
"""


@table(
    *(
        Attack(name, "python", f"{TRY}{source}\nprint('done')", "ok", settings={"wall_seconds": 8})
        for name, source in {
            "protected files are not readable": READS,
            "protected files are not writable": WRITES,
            "privileges": PRIVILEGES,
            "the network": NETWORK,
        }.items()
    )
)
def test_escape_is_refused(sandbox: BoundedSandbox, attack: Attack) -> None:
    ran = launch(sandbox, attack)

    assert ran.text.endswith("done\n"), ran.stderr
    assert [line for line in ran.text.splitlines() if "WORKED" in line] == []


def test_filters_of_bpf_and_seccomp_are_refused(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("python", f"{TRY}{FILTERS}\nprint('done')"))

    *attempts, done = ran.text.splitlines()
    assert done == "done", ran.stderr
    assert len(attempts) == 20
    assert [line for line in attempts if not line.endswith((" EPERM", " EACCES"))] == []


def test_socket_options_of_ordinary_programs_work(sandbox: BoundedSandbox) -> None:
    source = """
import socket
server = socket.create_server(("127.0.0.1", 0), reuse_port=True)
client = socket.create_connection(server.getsockname(), timeout=1)
for option in ("SO_REUSEADDR", "SO_KEEPALIVE", "SO_SNDBUF", "SO_RCVBUF", "SO_BROADCAST", "SO_RCVLOWAT"):
    client.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes(8))
print("fine")
"""
    assert sandbox.run(job("python", source)).text == "fine\n"


# Requests that load kernel modules or are not needed: TIOCSETD (SLIP, HDLC), SIOCGIFBR, SIOCBRADDBR, SIOCGIFVLAN,
# SIOCADDDLCI, SIOCWANDEV, SIOCETHTOOL, TIOCSTI, TIOCLINUX, TIOCCONS, BLKPG, NS_GET_USERNS.
IOCTLS = """
import fcntl, os
runner_end, program_end = os.openpty()
tcp = socket.socket()
discipline = (1).to_bytes(4, "little")
for high in (0, 1 << 32):
    for request in (0x5423, 0x5412, 0x541C, 0x541D):
        attempt(f"terminal {request | high:x}", lambda: ioctl(program_end, request | high, discipline))
    for request in (0x8940, 0x89A0, 0x8982, 0x8980, 0x894A, 0x8946):
        attempt(f"socket {request | high:x}", lambda: ioctl(tcp.fileno(), request | high, bytes(64)))
attempt("block device", lambda: ioctl(os.open("/dev/null", os.O_RDONLY), 0x1269, bytes(64)))
attempt("namespace", lambda: ioctl(os.open("/proc/self/ns/net", os.O_RDONLY), 0xB701, bytes(8)))
"""
CALL_IOCTL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def ioctl(descriptor, request, argument):
    number = {"x86_64": 16, "aarch64": 29}[os.uname().machine]
    if libc.syscall(ctypes.c_long(number), ctypes.c_long(descriptor), ctypes.c_long(request), argument) < 0:
        raise OSError(ctypes.get_errno(), "")
"""


def test_ioctls_that_programs_do_not_need_are_refused(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("python", f"{TRY}{CALL_IOCTL}{IOCTLS}\nprint('done')"))

    *attempts, done = ran.text.splitlines()
    assert done == "done", ran.stderr
    assert len(attempts) == 22
    assert [line for line in attempts if not line.endswith(" EPERM")] == []


def test_ioctls_of_ordinary_programs_work(sandbox: BoundedSandbox) -> None:
    source = """
import fcntl, os, pty, select, shutil, socket, struct, subprocess, termios, tty
runner_end, program_end = os.openpty()
tty.setraw(program_end)
termios.tcsetwinsize(program_end, (30, 90))
print(termios.tcgetwinsize(runner_end), os.isatty(program_end), os.isatty(0), os.ttyname(program_end))
os.write(program_end, b"12345")
select.select([runner_end], [], [])
print(struct.unpack("i", fcntl.ioctl(runner_end, termios.FIONREAD, bytes(4)))[0])
os.set_blocking(0, False)
fcntl.ioctl(0, termios.FIOCLEX)
shutil.copy("main.py", "copy.py")
print(socket.if_nametoindex("lo"))
print(subprocess.run(["cp", "--reflink=auto", "main.py", "other.py"]).returncode)
print(subprocess.run(["stty", "size"], stdin=program_end, capture_output=True).stdout)
pid, descriptor = pty.fork()
if pid == 0:
    os.execlp("sh", "sh", "-c", "tty; stty size")
print(os.read(descriptor, 100).startswith(b"/dev/pts/"), os.waitpid(pid, 0)[1])
"""
    expected = "(30, 90) True False /dev/pts/0|5|1|0|b'30 90\\n'|True 0"

    ran = sandbox.run(job("python", source))

    assert ran.text.splitlines() == expected.split("|"), ran.stderr


# IPV6_ADD_MEMBERSHIP, MCAST_JOIN_GROUP, IPV6_ADDRFORM, TCP_MD5SIG, TCP_ULP, TCP_REPAIR, UDP_ENCAP, IP_OPTIONS,
# SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_MARK, SO_TIMESTAMPING, SO_ZEROCOPY.
SOCKET_OPTIONS = """
for level, option in ((41, 20), (41, 42), (0, 42), (41, 1), (6, 14), (6, 31), (6, 19), (17, 100), (0, 4), (1, 32),
                      (1, 33), (1, 36), (1, 37), (1, 60), (255, 1)):
    kind = socket.SOCK_DGRAM if level == 17 else socket.SOCK_STREAM
    family = socket.AF_INET6 if level == 41 else socket.AF_INET
    attempt(f"{level} {option}", lambda: socket.socket(family, kind).setsockopt(level, option, bytes(64)))
"""


def test_socket_options_that_programs_do_not_need_are_refused(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("python", f"{TRY}{SOCKET_OPTIONS}\nprint('done')"))

    *attempts, done = ran.text.splitlines()
    assert done == "done", ran.stderr
    assert len(attempts) == 15
    assert [line for line in attempts if not line.endswith(" EPERM")] == []


def test_loopback_works_inside_the_sandbox(sandbox: BoundedSandbox) -> None:
    source = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.send(b"to myself")
print(server.accept()[0].recv(20).decode())
"""
    assert sandbox.run(job("python", source)).text == "to myself\n"


def test_image_has_no_program_that_changes_the_user(sandbox: BoundedSandbox) -> None:
    find = "find / -xdev -type f '(' -perm /6000 -o -writable ')' 2>/dev/null; true"

    for language, source in (("bash", find), ("python", f"import os; os.system({find!r})")):
        ran = sandbox.run(job(language, source, wall_seconds=60, cpu_seconds=30))

        assert (ran.outcome, ran.text) == ("ok", "")


def test_setuid_bit_has_no_effect(sandbox: BoundedSandbox) -> None:
    source = "cp /bin/bash mine && chmod 6755 mine && ./mine -p -c 'echo $EUID $UID'"

    effective, real = sandbox.run(job("bash", source)).text.split()

    assert effective == real


def test_job_leaves_nothing_for_the_next(sandbox: BoundedSandbox) -> None:
    sandbox.run(
        job("bash", "for folder in /work /tmp /dev/shm; do echo secret > $folder/left; done; ipcmk -M 4096 || true")
    )

    ran = sandbox.run(job("bash", "ls -A /tmp /dev/shm /dev/mqueue; ls -A /work; tail -n +2 /proc/sysvipc/shm"))

    assert ran.text.split() == ["/dev/mqueue:", "/dev/shm:", "/tmp:", "main.sh"]


def test_concurrent_jobs_are_isolated(sandbox: BoundedSandbox) -> None:
    # Given a job that creates files and listens on sockets
    hides = """
import os, socket, time
for folder in ("/work", "/tmp", "/dev/shm", "/dev/mqueue"):
    open(folder + "/trace", "w").close()
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0trace"); listener.listen()
server = socket.create_server(("127.0.0.1", 4711))
print("up", flush=True)
time.sleep(2)
"""
    seeks = """
import glob, os, socket, time
time.sleep(0.7)
found = glob.glob("/*/trace") + glob.glob("/dev/*/trace")
for family, address in ((socket.AF_UNIX, "\\0trace"), (socket.AF_INET, ("127.0.0.1", 4711))):
    try:
        socket.socket(family).connect(address)
        found.append(address)
    except OSError:
        pass
print(found, len([name for name in os.listdir("/proc") if name.isdigit()]))
"""
    with ThreadPoolExecutor(2) as both:
        hiding = both.submit(sandbox.run, job("python", hides))
        seeking = both.submit(sandbox.run, job("python", seeks))

        assert seeking.result().text == "[] 2\n"
        assert hiding.result().text == "up\n"


def test_per_user_kernel_limits_are_not_shared(sandbox: BoundedSandbox) -> None:
    # Given a job that uses all inotify instances of its user
    takes = """
import ctypes, time
libc = ctypes.CDLL(None)
taken = 0
while libc.inotify_init() >= 0:
    taken += 1
print(taken, flush=True)
time.sleep(2.5)
"""
    needs = "import ctypes, time\ntime.sleep(1)\nprint(ctypes.CDLL(None).inotify_init() >= 0)"
    with ThreadPoolExecutor(2) as both:
        taking = both.submit(sandbox.run, job("python", takes, open_files=1024))
        needing = both.submit(sandbox.run, job("python", needs))

        assert needing.result().text == "True\n"
        assert int(taking.result().text) > 10


DONE = b"\x86" + (84).to_bytes(4) + bytes(84) + b"\x87\0\0\0\2\1\1"
FORGED = {
    "end of the job": DONE,
    "header of the engine": b"\1\0\0\0" + len(DONE).to_bytes(4) + DONE,
    "READY and ACCEPTED": b"\x81\0\0\0\1\3\x8d\0\0\0\x10" + bytes(16),
    "END and CLEAN": b"\x0b\0\0\0\0\x8c\0\0\0\3\3\1\1",
}


@pytest.mark.parametrize("forged", [pytest.param(forged, id=name) for name, forged in FORGED.items()])
def test_forged_frames_are_only_output(sandbox: BoundedSandbox, forged: bytes) -> None:
    """Write frames of the runner and of PID 1 of a cell, or a header of the engine's stream, to every descriptor."""
    source = f"""
import glob, os
for path in [*glob.glob("/proc/[0-9]*/fd/*"), *glob.glob("/dev/std*"), "/dev/tty", "/dev/console"]:
    try:
        os.write(os.open(path, os.O_WRONLY), {forged!r})
    except OSError:
        pass
for descriptor in range(1024):
    try:
        os.write(descriptor, {forged!r})
    except OSError:
        pass
os._exit(7)
"""
    ran = sandbox.run(job("python", source, open_files=1024))

    assert (ran.outcome, ran.last.exit_code) == ("nonzero_exit", 7)
    assert forged in ran.stdout
    assert not (ran.stdout + ran.stderr).replace(forged, b"")
    # And the next job is not affected
    assert sandbox.run(job("bash", "echo fine")).text == "fine\n"


# The ways to the descriptors and the memory of a process: /proc, pidfd_getfd and ptrace.
REACH = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD = 434, 438
def count_reached(pid):
    reached = []
    for descriptor in range(64):
        for folder in (f"/proc/{pid}/fd", f"/proc/{pid}/task/{pid}/fd"):
            for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_PATH):
                try:
                    os.close(os.open(f"{folder}/{descriptor}", flags | os.O_NONBLOCK))
                    reached.append(descriptor)
                except OSError:
                    pass
    for path, flags in ((f"/proc/{pid}/mem", os.O_RDWR), (f"/proc/{pid}/maps", os.O_RDONLY),
                        (f"/proc/{pid}/environ", os.O_RDONLY), (f"/proc/{pid}/auxv", os.O_RDONLY)):
        try:
            os.close(os.open(path, flags))
            reached.append(path)
        except OSError:
            pass
    for path in (f"/proc/{pid}/fd", f"/proc/{pid}/fdinfo", f"/proc/{pid}/map_files"):
        try:
            reached += os.listdir(path)
        except OSError:
            pass
    handle = libc.syscall(PIDFD_OPEN, pid, 0)
    if handle >= 0 and libc.syscall(PIDFD_GETFD, handle, 1, 0) >= 0:
        reached.append("pidfd")
    if libc.ptrace(16, pid, 0, 0) >= 0:
        reached.append("ptrace")
    return len(reached)
child = os.fork()
if child == 0:
    time.sleep(60)
print(count_reached(1), count_reached(os.getpid()) > 0, count_reached(child) > 0)
print(len(set(os.listdir("/proc/self/fd")) - {"0", "1", "2"}))  # the descriptor that lists the folder
"""


def test_descriptors_and_memory_of_the_runner_are_not_reachable(sandbox: BoundedSandbox) -> None:
    """A report is what the runner writes to its stdout. The attempts succeed for a process of the program."""
    ran = sandbox.run(job("python", REACH))

    assert ran.text.splitlines() == ["0 True True", "1"], ran.stderr
