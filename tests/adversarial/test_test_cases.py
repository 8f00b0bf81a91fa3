"""Programs that leave information for the next test case of their job, which has hidden input."""

from __future__ import annotations

import msgspec
import pytest

from app.core.job.spec import CaseSpec
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.sandbox.sandbox_fixture import JobRun, job

pytestmark = pytest.mark.docker

# Prints what the test finds, and leaves all it can.
LEAVE_AND_LOOK = r"""
import ctypes, mmap, os, socket, struct, sys, termios
libc = ctypes.CDLL(None, use_errno=True)
def attempt(deed):
    try:
        return deed()
    except OSError:
        return None
def look_at_sysv():
    return [line for kind in ("shm", "msg", "sem") for line in open(f"/proc/sysvipc/{kind}").readlines()[1:]]
def look_at_sockets():
    names = ("tcp", "tcp6", "udp", "udp6", "unix")
    return [line for name in names for line in open(f"/proc/net/{name}").readlines()[1:]]
found = {
    "sysv": look_at_sysv(),
    "files": [name for folder in ("/dev/shm", "/dev/mqueue", "/tmp", "/dev/pts") for name in os.listdir(folder)
              if name != "ptmx"],
    "sockets": look_at_sockets(),
    "processes": [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())],
    "abstract": attempt(lambda: socket.socket(socket.AF_UNIX).connect("\0left") or "connected"),
    "port": attempt(lambda: socket.create_connection(("127.0.0.1", 4711)) and "connected"),
    "streams": [os.path.exists(f"/proc/self/fd/{fd}") for fd in range(3, 6)][1:],
}
print({name: value for name, value in found.items() if value and value != [False, False]})

for mode in (0, 0o600):
    libc.shmget(0x4711 + mode, 4096, 0o1000 | mode)
    libc.semget(0x4711 + mode, 1, 0o1000 | mode)
    libc.msgget(0x4711 + mode, 0o1000 | mode)
for folder in ("/dev/shm", "/dev/mqueue", "/tmp", "/work"):
    attempt(lambda: open(folder + "/left", "w").write("hidden input"))
    attempt(lambda: os.chmod(folder + "/left", 0))
libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o600, None)
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0left")
abstract.listen()
server = socket.create_server(("127.0.0.1", 4711))
for _ in range(20):
    client = socket.create_connection(server.getsockname())
    accepted = server.accept()[0]
    accepted.sendall(b"hidden input")
    (client if _ % 2 else accepted).close()
unaccepted = socket.create_connection(server.getsockname())
terminal = os.openpty()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time
        time.sleep(60)
    os._exit(0)
"""


def run_cases(sandbox: BoundedSandbox, source: str, count: int = 3) -> JobRun:
    spec = job("python", source)
    cases = tuple(
        CaseSpec(name=f"case {n}", stdin=b"", args=(), expected_output=None, limits=spec.limits) for n in range(count)
    )
    return sandbox.run(msgspec.structs.replace(spec, tests=cases))


def test_test_case_finds_nothing_of_the_case_before(sandbox: BoundedSandbox) -> None:
    ran = run_cases(sandbox, LEAVE_AND_LOOK)

    assert ran.text == "{}\n" * 3, ran.stderr


def test_test_case_sees_no_value_of_the_case_before_in_its_own_limits(sandbox: BoundedSandbox) -> None:
    source = """
import os, resource, signal
print(os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0) == os.sched_getaffinity(1), os.umask(0o077),
      resource.getrlimit(resource.RLIMIT_NOFILE), open("/proc/self/oom_score_adj").read().strip())
os.setpriority(os.PRIO_PROCESS, 0, 5)
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
open("/proc/self/oom_score_adj", "w").write("900")
"""
    first, *others = run_cases(sandbox, source).text.splitlines()

    assert others == [first, first]
