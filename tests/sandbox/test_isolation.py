"""The template on a living container: what the engine says of it, and what a program inside can see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.sandbox.container import Container
from app.sandbox.template import MAX_STACK_BYTES, SANDBOX_UIDS
from tests.sandbox.arena import LANGUAGES, MIB, Arena, job

pytestmark = pytest.mark.docker

LOOK_AROUND = r"""
import json, os, resource, socket
status = dict(line.rstrip().split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
mounts = {}
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    mounts[fields[4]] = [fields[5], fields[fields.index("-") + 1]]
limits = ("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_STACK")
def can_write(folder):
    try:
        open(folder + "/probe", "w").close()
        return True
    except OSError:
        return False
print(json.dumps({
    "writable": [path for path in mounts if os.path.isdir(path) and can_write(path)],
    "readable": [path for path in ("/proc/kcore", "/proc/keys", "/sys/firmware") if os.path.exists(path)],
    "uid": os.getresuid(), "gid": os.getresgid(), "groups": os.getgroups(),
    "status": {key: status[key] for key in status if key.startswith(("Cap", "NoNew", "Seccomp"))},
    "mounts": mounts,
    "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line],
    "routes": open("/proc/net/route").read().splitlines()[1:],
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in limits},
    "hostname": socket.gethostname(),
    "cgroup": sorted({line.rstrip().split(":", 2)[2] for line in open("/proc/self/cgroup")}),
    "environment": dict(os.environ),
    "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    "devices": sorted(os.listdir("/dev")),
    "score": int(open("/proc/self/oom_score_adj").read()),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
    "cwd": os.getcwd(),
    "inodes": [os.statvfs(path).f_files for path in ("/work", "/tmp")],
    "sizes": {path: os.statvfs(path).f_blocks * os.statvfs(path).f_frsize for path in ("/work", "/tmp", "/dev/shm")},
}))
"""


@pytest.fixture(scope="module")
def inside(arena: Arena) -> dict[str, Any]:
    ran = arena.run(job("python", LOOK_AROUND, disk_bytes=8 * MIB, open_files=100))
    assert ran.outcome == "ok", ran.stderr
    seen: dict[str, Any] = json.loads(ran.text)
    return seen


@pytest.fixture
def container(arena: Arena) -> Iterator[Container]:
    launched = arena.launch("python")
    yield launched
    launched.discard()


def test_the_engine_says_what_the_template_says(arena: Arena, container: Container) -> None:
    told = arena.inspect(container.id)

    host = told["HostConfig"]
    assert told["Config"]["User"] == "21000:21000"
    assert [variable.split("=")[0] for variable in told["Config"]["Env"]] == ["PATH"]
    assert told["Config"]["StdinOnce"]
    assert told["Mounts"] == []
    assert not any(host[never] for never in ("Binds", "Devices", "CapAdd", "ExtraHosts", "VolumesFrom", "PortBindings"))
    assert host["CapDrop"] == ["ALL"]
    assert not host["Privileged"]
    assert host["ReadonlyRootfs"]
    assert host["NetworkMode"] == "none"
    assert host["IpcMode"] == "private"
    assert host["PidMode"] == host["UTSMode"] == ""
    assert host["CgroupnsMode"] == "private"
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (128 * MIB, 128 * MIB, 32)
    assert host["OomScoreAdj"] == 900
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware"} <= set(host["MaskedPaths"])
    assert {"/proc/sys", "/proc/sysrq-trigger"} <= set(host["ReadonlyPaths"])
    assert set(told["NetworkSettings"]["Networks"]) <= {"none"}
    assert told["NetworkSettings"]["IPAddress"] == ""
    assert not told["LogPath"]


def test_a_program_is_nobody_we_know_and_has_no_capability(inside: dict[str, Any]) -> None:
    (uid,) = set(inside["uid"])

    assert uid in SANDBOX_UIDS
    assert set(inside["gid"]) == {uid}
    assert set(inside["groups"]) <= {uid}
    assert {value for key, value in inside["status"].items() if key.startswith("Cap")} == {"0000000000000000"}


def test_a_program_is_filtered_and_cannot_gain_privileges(inside: dict[str, Any]) -> None:
    assert inside["status"]["NoNewPrivs"] == "1"
    assert inside["status"]["Seccomp"] == "2"
    assert int(inside["status"]["Seccomp_filters"]) >= 2


def test_two_jobs_do_not_share_a_user(arena: Arena) -> None:
    uids = {arena.run(job("bash", "echo $UID")).text for _ in range(3)}

    assert len(uids) > 1


def test_only_two_small_disks_and_shared_memory_can_be_written(inside: dict[str, Any]) -> None:
    options = {path: set(flags.split(",")) for path, (flags, _) in inside["mounts"].items()}

    assert "ro" in options["/"]
    # A file made among the message queues is one: the container's own, and of a user that no other job has.
    assert set(inside["writable"]) - {"/dev/mqueue"} == {"/work", "/tmp", "/dev/shm"}
    assert all({"nosuid", "nodev"} <= options[path] for path in ("/work", "/tmp", "/dev/shm"))
    assert inside["sizes"] == {"/work": 8 * MIB, "/tmp": 64 * MIB, "/dev/shm": 16 * MIB}
    assert inside["inodes"] == [16_384, 16_384]


def test_secrets_of_the_kernel_are_covered(inside: dict[str, Any]) -> None:
    assert "/proc/keys" in inside["readable"]
    assert set(inside["readable"]) <= set(inside["mounts"])  # what there is, is covered
    for path in ("/proc/sys", "/proc/irq", "/proc/bus", "/sys"):
        assert "ro" in inside["mounts"][path][0].split(",")


def test_no_folder_of_the_host_is_mounted_but_the_engines_three_files(inside: dict[str, Any]) -> None:
    of_the_host = {
        path
        for path, (_, kind) in inside["mounts"].items()
        if kind not in ("tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "overlay")
    }

    assert of_the_host <= {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}


def test_the_only_network_is_the_loop(inside: dict[str, Any]) -> None:
    assert set(inside["interfaces"]) <= {"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "erspan0", "gretap0", "ip_vti0"}
    assert "lo" in inside["interfaces"]
    assert inside["routes"] == []


def test_the_limits_of_a_process(inside: dict[str, Any]) -> None:
    assert inside["limits"]["RLIMIT_CORE"] == [0, 0]
    assert inside["limits"]["RLIMIT_NOFILE"] == [100, 100]
    assert inside["limits"]["RLIMIT_FSIZE"] == [8 * MIB, 8 * MIB]
    assert inside["limits"]["RLIMIT_STACK"] == [64 * MIB, MAX_STACK_BYTES]


def test_names_tell_nothing_of_the_host(inside: dict[str, Any]) -> None:
    assert inside["hostname"] == "sandbox"
    assert inside["cgroup"] == ["/"]
    assert inside["processes"][0] == 1
    assert len(inside["processes"]) == 2
    assert inside["cwd"] == "/work"


def test_the_environment_holds_nothing_but_what_a_program_needs(inside: dict[str, Any]) -> None:
    # What every program gets, what the catalogue says of Python, and what Python itself adds.
    given = {"PATH", "HOME", "LANG", "TMPDIR"} | set(LANGUAGES["python"].env)
    assert set(inside["environment"]) - {"LC_CTYPE"} == given


def test_a_program_has_its_three_streams_and_no_device_of_the_host(inside: dict[str, Any]) -> None:
    assert inside["descriptors"][:3] == [0, 1, 2]
    assert len(inside["descriptors"]) == 4  # the fourth is the one that lists them
    assert set(inside["devices"]) <= {
        *("core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty"),
        *("urandom", "zero", "console"),
    }


def test_a_program_dies_before_the_runner_and_the_runner_before_the_rest(inside: dict[str, Any]) -> None:
    assert inside["score"] == 1000


def test_numbers_of_its_own_reach_a_waiting_container(arena: Arena, container: Container) -> None:
    # Given a warm container, and a job that wants more of everything, then less
    for memory, processes in ((1024 * MIB, 200), (16 * MIB, 3)):
        numbers = arena.blueprint("python", memory_bytes=memory, processes=processes).resources

        container.update_resources(numbers)

        host = arena.inspect(container.id)["HostConfig"]
        assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (memory, memory, processes)
