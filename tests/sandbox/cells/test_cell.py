"""What a job in a cell can see of earlier jobs, and what becomes of a cell that does not behave."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from app.core.errors import SandboxLost, SandboxUnavailable
from app.sandbox.cells.cell import Cell
from app.sandbox.cells.pool import CellPolicy
from app.sandbox.images.catalogue import load_languages
from app.sandbox.images.installed import installed_images
from app.sandbox.runner.encoder import encode_end, encode_go, encode_limits, encode_phase
from app.sandbox.runner.frames import Fault, LimitsResult, LimitsSet, PhaseEnd, PhaseSpec
from app.sandbox.seccomp import cell_profile
from tests.patience import patient
from tests.sandbox.cells.cell_fixture import (
    CELL_UID,
    JOB_RESOURCES,
    JOB_UID,
    first_process,
    launch_cell,
    read_events,
    require_local_engine,
    run_command,
)
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import (
    CELL_POLICY,
    MIB,
    RecordingSink,
    SandboxFixture,
    eventually,
    execute_as_root,
    job,
    open_sandbox_fixture,
)

pytestmark = pytest.mark.docker

ISOLATIONS = ("cell",)
DIRTY_JOBS = 20
SOAK_JOBS = 1000
CLONE_NEWUSER = 0x10000000  # linux/sched.h
MS_RDONLY, MS_REMOUNT = 1, 32  # linux/mount.h
WARM_UP_JOBS = 20
CATALOGUE = load_languages(Path(__file__).parents[3] / "languages")
# The files of the kernel that a job can read and that could show what happened before.
KERNEL_FILES = """
    /proc/self/cgroup /proc/self/limits /proc/self/uid_map /proc/self/gid_map /proc/self/oom_score_adj /proc/self/io
    /proc/self/coredump_filter /proc/self/environ /proc/self/timers /proc/self/sessionid /proc/self/loginuid
    /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/unix
    /proc/net/dev /proc/net/route /proc/net/if_inet6 /proc/net/sockstat /proc/net/sockstat6 /proc/net/snmp
    /proc/net/netstat /proc/net/arp /proc/net/netlink /proc/net/packet /proc/keys /proc/key-users
    /proc/sys/fs/mqueue/queues_max /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_local_port_range
    /proc/sys/kernel/shmmax /proc/sys/kernel/hostname /etc/hosts /etc/hostname /etc/passwd
    /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory.max
    /sys/fs/cgroup/pids.max
"""
# Of the whole host, as in a container, or the time at which the job itself creates an object.
NOT_OF_THE_CELL = {
    "/proc/net/sockstat": r"(?<=orphan )\d+|(?<=alloc )\d+|(?<=mem )\d+",
    "/proc/net/netlink": r"^\w{16}|\d+\s*$",
    "/proc/sysvipc/shm": r"\b\d{10}\b",
    "/proc/sysvipc/sem": r"\b\d{10}\b",
    "/proc/sysvipc/msg": r"\b\d{10}\b",
}
# Prints one section for each aspect. Times of fresh file systems differ, those of shared files must not.
LOOK = f"""
./leftovers look
section() {{ printf '## %s\\n' "$1"; }}
for file in {" ".join(KERNEL_FILES.split())}; do
    section "$file"; cat "$file" 2>&1; echo
done
section folders; ls -AlnR --time-style=+ /work /tmp /dev/shm /dev/mqueue
section devices; find /dev -xdev ! -type d -exec ls -dln --full-time {{}} +
section cgroups; ls -AlnR --time-style=+ /sys/fs/cgroup
section mounts; sed 's/^[0-9]* [0-9]* [0-9]*:[0-9]* //' /proc/self/mountinfo
section status; grep -E '^(Uid|Gid|Groups|Pid|PPid|NS|Sig|Shd|Cap|NoNew|Seccomp|Cpus|FDSize|Threads)' /proc/self/status
section processes; echo /proc/[0-9]*
section namespaces; for name in /proc/self/ns/*; do readlink "$name"; done
"""
LEAVE = """
for folder in /work /tmp /dev/shm; do
    mkdir -p $folder/a/b; head -c 100000 /dev/zero > $folder/a/b/left
done
for folder in /work /tmp /dev/shm /dev/mqueue; do
    touch $folder/left; chmod 0 $folder/left
done
ln -s /etc /work/link; mkfifo /tmp/pipe; cat /usr/bin/[a-d]* > /dev/null
exec ./leftovers leave
"""


@pytest.fixture(scope="module")
def leftovers(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    program = tmp_path_factory.mktemp("leftovers") / "leftovers"
    source = Path(__file__).parent / "probes" / "leftovers.c"
    subprocess.run(["gcc", "-O1", "-static", "-s", "-o", program, source], check=True)
    return program.read_bytes()


@contextmanager
def open_cells(policy: CellPolicy = CELL_POLICY) -> Iterator[SandboxFixture]:
    """Open a sandbox that launches cells for jobs only, and keeps them all."""
    with open_sandbox_fixture(0, 0, isolation="cell", policy=policy) as opened:
        # Without spare cells, a check of the pool would close the idle ones between two jobs.
        opened.container_sandbox._pool._trim = lambda: None  # type: ignore[method-assign]
        yield opened


@pytest.fixture
def cell(sandbox: SandboxFixture) -> Iterator[Cell]:
    with launch_cell(sandbox) as launched:
        yield launched


def look(cell: Cell, leftovers: bytes) -> tuple[dict[str, str], list[str]]:
    """Return what a job sees, by aspect, and its namespaces, which differ between jobs."""
    text = run_command(cell, ["bash", "-c", LOOK], {"leftovers": leftovers}).decode(errors="replace")
    process, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    aspects = dict(line.split("\t", 1) for line in process.splitlines())
    aspects |= dict(section.split("\n", 1) for section in sections)
    for name, pattern in NOT_OF_THE_CELL.items():
        aspects[name] = re.sub(pattern, "", aspects[name], flags=re.MULTILINE)
    return aspects, aspects.pop("namespaces").split()


def difference(first: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the aspects in which two jobs differ, with both values."""
    return {
        name: (first.get(name, ""), other.get(name, ""))
        for name in first.keys() | other.keys()
        if first.get(name) != other.get(name)
    }


def installed_languages(sandbox: SandboxFixture) -> list[str]:
    return sorted(set(installed_images(sandbox.engine.docker_client)) & set(CATALOGUE))


@pytest.mark.timeout(patient(400))
def test_job_sees_nothing_of_twenty_jobs_before_it(sandbox: SandboxFixture, leftovers: bytes) -> None:
    for language in installed_languages(sandbox):
        with launch_cell(sandbox, language) as cell:
            first, first_namespaces = look(cell, leftovers)
            second, _ = look(cell, leftovers)
            for _ in range(DIRTY_JOBS):
                left = run_command(cell, ["bash", "-c", LEAVE], {"leftovers": leftovers})
                assert left.endswith(b"left\n")
                assert b"WROTE" not in left
            last, last_namespaces = look(cell, leftovers)

        assert len(first) >= 60
        assert difference(first, second) == difference(first, last) == {}, language
        # Only the time namespace is that of the host, as in a container. The numbers of others may be used again.
        assert len(first_namespaces) == len(last_namespaces) >= 8


def test_job_can_neither_read_nor_change_the_counters_of_its_cell(cell: Cell) -> None:
    visible = run_command(cell, ["bash", "-c", "cd /sys/fs/cgroup; find . -type f | sort; find . -writable"]).decode()

    assert set(visible.split()) <= {
        *("./cpu/cpu.cfs_period_us", "./cpu/cpu.cfs_quota_us", "./cpu/cpu.shares", "./cpuset/cpuset.cpus"),
        *("./cpuset/cpuset.effective_cpus", "./cpuset/cpuset.mems", "./memory/memory.limit_in_bytes"),
        *("./memory/memory.memsw.limit_in_bytes", "./memory/memory.soft_limit_in_bytes"),
        *("./memory/memory.use_hierarchy", "./pids/pids.max"),
        *("./memory.max", "./memory.high", "./memory.swap.max", "./pids.max", "./cgroup.controllers", "./cpu.max"),
    }


def test_first_process_of_a_cell_has_no_privilege_outside_of_it(cell: Cell, sandbox: SandboxFixture) -> None:
    require_local_engine(sandbox)
    process = first_process(cell, sandbox)
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)

    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(CELL_UID)}
    assert status["Groups"].split() == []
    assert status["NoNewPrivs"] == "1"
    assert (process / "ns/user").readlink() != Path("/proc/self/ns/user").readlink()
    assert (process / "uid_map").read_text().split() == [str(CELL_UID)] * 2 + ["1"] + [str(JOB_UID)] * 2 + ["1"]
    # CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_NET_ADMIN and CAP_SYS_ADMIN, in its user namespace only.
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == sum(1 << bit for bit in (6, 7, 8, 12, 21))


PHASE = PhaseSpec(("sleep", "60"), (("PATH", "/bin"),), 60_000, 60_000, 100, 100, 100, 8 * MIB)


@pytest.mark.parametrize(
    ("frames", "fault"),
    [
        (encode_phase(PHASE) + encode_go() + encode_end(), "unknown frame, or not permitted after GO"),
        (encode_go(), "GO without a phase"),
        (encode_end(), "unknown frame, or not permitted before GO"),
        (encode_phase(PHASE) + encode_go() + encode_limits(), "LIMITS without a held phase"),
    ],
)
def test_cell_ends_when_the_runner_gets_a_frame_out_of_order(
    cell: Cell, sandbox: SandboxFixture, frames: bytes, fault: str
) -> None:
    cell.start_job(JOB_RESOURCES, JOB_RESOURCES)

    cell._send_all(frames)

    events = []
    while not any(isinstance(event, Fault) for event in events):
        cell._wait_readable(10)
        events += cell.receive() or []
    assert events[-1] == Fault(fault)
    assert eventually(lambda: not cell.is_alive())
    assert "the runner has failed" in cell.read_stderr()
    assert eventually(lambda: cell.id not in sandbox.containers())


def test_cell_is_not_used_shortly_before_its_first_process_exits(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cell.is_alive()
    monkeypatch.setattr("app.sandbox.cells.cell.MAX_IDLE_SECONDS", 0.0)
    assert not cell.is_alive()


def test_jobs_share_the_user_namespace_of_their_cell_where_the_host_restricts_them(
    sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sandbox.engine.docker_client.info().get("CgroupVersion") == "2":
        pytest.skip("with cgroup v2, a cell uses clone3, whose flags a filter cannot read")
    # Given a host on which only root may create user namespaces: PID 1 is root when it creates that of the cell
    profile = json.loads(cell_profile())
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name not in ("clone", "clone3")]
    no_user_namespace = {"index": 0, "value": CLONE_NEWUSER, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    profile["syscalls"].append({"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [no_user_namespace]})
    monkeypatch.setattr("app.sandbox.template.cell_profile", lambda: json.dumps(profile))
    script = "grep ^Cap /proc/self/status; id -u; readlink /proc/self/ns/user; cat /proc/self/uid_map"

    with launch_cell(sandbox) as restricted:
        first, second = (run_command(restricted, ["bash", "-c", script]).decode().split() for _ in range(2))
        restricted._await_clean()

    assert not restricted.has_job_user_namespaces
    assert {value for name, value in zip(first[:10:2], first[1:10:2], strict=True)} == {"0" * 16}
    assert first[10] == str(JOB_UID)
    assert first[11] == second[11]
    assert first[12:18] == [str(CELL_UID)] * 2 + ["1"] + [str(JOB_UID)] * 2 + ["1"]


def test_jobs_have_their_limits_where_the_cgroups_are_not_writable(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a host on which a mount cannot become writable, for example one with a rootless engine
    profile = json.loads(cell_profile())
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != "mount"]
    both = MS_REMOUNT | MS_RDONLY
    for mask, value in ((MS_REMOUNT, 0), (both, both)):
        flags = {"index": 3, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
        profile["syscalls"].append({"names": ["mount"], "action": "SCMP_ACT_ALLOW", "args": [flags]})
    monkeypatch.setattr("app.sandbox.template.cell_profile", lambda: json.dumps(profile))
    show = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>&-; true"
    allocate = (
        "int main(void) { static volatile char bytes[90 << 20]; for (int i = 0; i < 90 << 20; i++) bytes[i] = 1; }"
    )

    with open_cells() as sandbox:
        limits = [sandbox.run(job("bash", show, **memory)).text for memory in ({}, {"memory_bytes": 64 * MIB}, {})]
        too_large = sandbox.run(job("c", allocate, memory_bytes=48 * MIB))
        # A cell serves the jobs with its own limits, and no job after the engine has changed its limits for a program.
        assert eventually(lambda: len(sandbox.containers()) == 2)

    default = CATALOGUE["bash"].limits.memory_bytes or 256 * MIB
    assert limits == [f"{default}\n", f"{64 * MIB}\n", f"{default}\n"]
    assert too_large.outcome == "memory_limit"


@pytest.mark.parametrize("message", [b"\x0e" + bytes(4), b"\x0d\0\0\0\x01x", b"\x0d\0\0\0\x30" + bytes(48)])
def test_cell_ends_when_its_first_process_gets_an_invalid_message(
    cell: Cell, sandbox: SandboxFixture, message: bytes
) -> None:
    cell._send_all(message)

    assert eventually(lambda: not cell.is_alive())
    assert eventually(lambda: cell.id not in sandbox.containers())


def test_cell_ends_when_bytes_follow_the_end_of_a_job(cell: Cell, sandbox: SandboxFixture) -> None:
    cell.start_job(JOB_RESOURCES, JOB_RESOURCES)
    cell._send_all(encode_phase(PHASE) + b"\x08" + bytes(4))  # CANCEL
    read_events(cell)

    cell.end_job([])
    cell._send_all(b"\x0d")

    # The runner may have read END alone; then its first process gets an incomplete JOB
    assert eventually(lambda: not cell.is_alive() or cell._clean is not None)
    with suppress(SandboxLost):  # the cell has ended already
        cell._send_all(b"\x0d" + bytes(60))
    assert eventually(lambda: cell.id not in sandbox.containers())


def test_limits_of_the_program_cannot_be_raised(cell: Cell, sandbox: SandboxFixture) -> None:
    higher = sandbox.container_spec("bash", memory_bytes=JOB_RESOURCES.memory_bytes + 1).resources

    cell.start_job(JOB_RESOURCES, higher)
    cell.send(b"")

    while cell.receive() is not None:
        cell._wait_readable(10)
    assert "the limits of the program exceed the initial ones" in cell.read_stderr()


def test_limits_of_the_program_are_applied_once(cell: Cell) -> None:
    program = dataclasses.replace(JOB_RESOURCES, memory_bytes=64 * MIB)
    quick = dataclasses.replace(PHASE, argv=("true",))
    cell.start_job(JOB_RESOURCES, program)
    cell._send_all(encode_phase(quick) + encode_phase(dataclasses.replace(quick, held=True)) + encode_go())
    read_events(cell, PhaseEnd)

    cell._send_all(encode_limits())
    assert read_events(cell, LimitsSet)[-1] == LimitsSet(LimitsResult.APPLIED)
    cell._send_all(encode_limits())

    assert read_events(cell, Fault)[-1] == Fault("the cell does not change its limits")


def test_leftover_stdin_does_not_reach_the_next_job() -> None:
    with open_cells() as sandbox:
        for size in (100, 300_000, 10 * MIB):
            unread = sandbox.run(job("bash", "exit 0", stdin=b"s" * size))
            following = sandbox.run(job("bash", "cat", stdin=b"mine"))

            assert (unread.outcome, following.text) == ("ok", "mine")
        assert len(sandbox.containers()) == 1


def find_runner(cell_process: Path) -> int:
    """Return the pid of the runner of the current job."""
    (children,) = ((task / "children").read_text().split() for task in (cell_process / "task").iterdir())
    (pid,) = map(int, children)
    return pid


def test_killed_runner_ends_its_cell_and_the_next_job_runs() -> None:
    def kill(_: RecordingSink) -> None:
        (container,) = sandbox.containers()
        os.kill(find_runner(Path("/proc") / str(sandbox.inspect(container)["State"]["Pid"])), signal.SIGKILL)

    with open_cells() as sandbox:
        require_local_engine(sandbox)
        # The engine does not tell this from an OOM kill, neither in a container nor in a cell
        killed = sandbox.run(job("bash", "echo up; sleep 60", wall_seconds=60), RecordingSink(kill))

        assert killed.outcome == "memory_limit"
        assert sandbox.run(job("bash", "echo fine")).text == "fine\n"


def test_oom_killed_runner_is_a_memory_limit_and_the_next_job_runs() -> None:
    def prefer_runner(_: RecordingSink) -> None:
        (container,) = sandbox.containers()
        runner = find_runner(Path("/proc") / str(sandbox.inspect(container)["State"]["Pid"]))
        execute_as_root(sandbox.engine, "host", f"echo 1000 > /proc/{runner}/oom_score_adj")

    # Files on a tmpfs stay when their writers have ended
    fill = "echo up; read; echo 0 > /proc/self/oom_score_adj; head -c 100m /dev/zero > big; echo $?"
    with open_cells() as sandbox:
        require_local_engine(sandbox)
        filled = sandbox.run(
            job("bash", fill.replace("read; ", "sleep 2; "), memory_bytes=16 * MIB, disk_bytes=512 * MIB),
            RecordingSink(prefer_runner),
        )

        assert filled.outcome == "memory_limit"
        assert sandbox.run(job("bash", "echo fine")).text == "fine\n"


def test_processes_that_outlive_the_program_are_gone_before_the_next_job(cell: Cell, sandbox: SandboxFixture) -> None:
    outlive = "for i in 1 2 3; do (trap '' TERM HUP; setsid sleep 1000 & ) ; done; echo up"

    assert run_command(cell, ["bash", "-c", outlive]) == b"up\n"

    cell._await_clean()
    processes = sandbox.engine.docker_client.top(cell.id, "-o pid,comm")["Processes"]
    # PID 1, and the process that waits for the next job
    assert [name for _, name in processes] == ["pyxec-runner", "pyxec-runner"]
    assert first_process(cell, sandbox).name in [pid for pid, _ in processes]


@pytest.mark.parametrize("recycling", [False, True])
def test_next_job_runs_when_its_cell_was_killed(recycling: bool) -> None:
    with open_cells() as sandbox:
        assert sandbox.run(job("bash", "echo first")).text == "first\n"
        (cell,) = sandbox.containers()
        if not recycling:
            assert eventually(lambda: all(is_clean(idle) for idle in idle_cells(sandbox)))

        sandbox.engine.docker_client.kill(cell)

        assert sandbox.run(job("bash", "echo second")).text == "second\n"


def test_next_cell_is_created_while_a_job_runs() -> None:
    idle_during_job: list[bool] = []

    def await_idle_cell(_: RecordingSink) -> None:
        idle_during_job.append(eventually(lambda: sandbox.count_idle() == 1))

    with open_sandbox_fixture(0, 1, isolation="cell", policy=CELL_POLICY) as sandbox:
        sandbox.run(job("bash", "echo up; sleep 1"), RecordingSink(await_idle_cell))

    assert idle_during_job == [True]


def test_job_whose_cell_ends_before_its_runner_is_ready_has_not_run() -> None:
    with open_cells() as sandbox, closing(InMemoryInbox()) as inbox:

        def kill_cells() -> None:
            for cell in sandbox.containers():
                sandbox.engine.docker_client.kill(cell)

        # The job waits in the queue, and has used none of its attempts
        with pytest.raises(SandboxUnavailable, match="sandbox ended"):
            sandbox.container_sandbox.run("j", 1, job("bash", "echo up"), RecordingSink(), inbox, kill_cells)

        assert sandbox.run(job("bash", "echo fine")).text == "fine\n"


def test_cell_that_stops_while_it_removes_a_job_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.cells.cell._CLEAN_TIMEOUT_SECONDS", 1.0)
    with open_cells() as sandbox:
        require_local_engine(sandbox)
        stopped: list[int] = []

        def stop(_: RecordingSink) -> None:
            (container,) = sandbox.containers()
            stopped.append(int(sandbox.inspect(container)["State"]["Pid"]))
            os.kill(stopped[0], signal.SIGSTOP)

        sandbox.run(job("bash", "echo first"), RecordingSink(stop))

        assert sandbox.run(job("bash", "echo second")).text == "second\n"
        assert eventually(lambda: not Path(f"/proc/{stopped[0]}").exists())


def idle_cells(sandbox: SandboxFixture) -> list[Cell]:
    pools = sandbox.container_sandbox._pool._languages.values()
    return [cell for pool in pools for cell in pool._idle if isinstance(cell, Cell)]


def is_clean(cell: Cell) -> bool:
    return cell.is_alive() and cell._clean is not None


def run_uids(sandbox: SandboxFixture, callers: list[str | None]) -> list[str]:
    """Run a job for each caller; return the cell of each, as the id of its user."""

    def run(caller: str | None) -> str:
        sink = RecordingSink()
        spec = job("bash", "echo $UID")
        with closing(InMemoryInbox()) as inbox:
            sandbox.container_sandbox.run("j", 1, spec, sink, inbox, caller=caller)
        return sink.stdout.decode()

    return [run(caller) for caller in callers]


@pytest.mark.parametrize(
    ("policy", "callers", "cells"),
    [
        (CellPolicy(1000, 3600, "any"), ["a", "b", None, "a"], 1),
        (CellPolicy(1000, 3600, "caller"), ["a", "a", "a"], 1),
        (CellPolicy(1000, 3600, "caller"), ["a", "b", "a"], 3),
        (CellPolicy(1000, 3600, "caller"), [None, None], 2),
        (CellPolicy(2, 3600, "any"), ["a"] * 4, 2),
        (CellPolicy(1000, 0, "any"), ["a"] * 2, 2),
    ],
)
def test_cell_is_replaced_according_to_the_policy(policy: CellPolicy, callers: list[str | None], cells: int) -> None:
    with open_cells(policy) as sandbox:
        assert len(set(run_uids(sandbox, callers))) == cells


class KernelObjects:
    """Objects of the kernel that jobs create, on the whole machine."""

    def __init__(self, process: Path) -> None:
        self.memory_kib = int(re.findall(r"^VmRSS:\s+(\d+)", (process / "status").read_text(), re.MULTILINE)[0])
        self.descriptors = len(list((process / "fd").iterdir()))
        self.cell_mounts = len((process / "mountinfo").read_text().splitlines())
        slab = {line.split()[0]: int(line.split()[1]) for line in read_slab()}
        self.slab = {
            name: slab.get(name, 0) for name in ("net_namespace", "pid_namespace", "mnt_cache", "shmem_inode_cache")
        }


def read_slab() -> list[str]:
    return Path("/proc/slabinfo").read_text().splitlines()[2:]


@pytest.mark.timeout(patient(300))
def test_cell_does_not_grow_over_its_thousand_jobs(cell: Cell, sandbox: SandboxFixture) -> None:
    require_local_engine(sandbox)
    process = first_process(cell, sandbox)
    command = partial(run_command, cell, ["/bin/echo", "fine"])
    for _ in range(WARM_UP_JOBS):
        command()
    cell._await_clean()
    before = KernelObjects(process)

    for _ in range(SOAK_JOBS - WARM_UP_JOBS):
        assert command() == b"fine\n"

    cell._await_clean()
    after = KernelObjects(process)
    assert cell.jobs == SOAK_JOBS
    assert after.memory_kib <= before.memory_kib + 64
    assert (after.descriptors, after.cell_mounts) == (before.descriptors, before.cell_mounts)
    # The kernel frees namespaces a little later, and other processes of the machine have some as well
    assert eventually(lambda: all(KernelObjects(process).slab[name] < before.slab[name] + 300 for name in before.slab))


def test_lost_cell_is_an_error_of_the_service(cell: Cell, sandbox: SandboxFixture) -> None:
    sandbox.engine.remove_container(cell.id)

    with pytest.raises(SandboxLost):
        cell.try_job(JOB_RESOURCES)
