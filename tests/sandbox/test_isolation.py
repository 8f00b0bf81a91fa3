"""The isolation of a container, as reported by the engine and as seen by a program inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.sandbox.container import Container
from app.sandbox.template import LABEL, MAX_STACK_BYTES, SANDBOX_UIDS
from tests.sandbox.sandbox_fixture import LANGUAGES, MIB, RUNTIME, SandboxFixture, job

pytestmark = pytest.mark.docker

INSPECTION_PROGRAM = r"""
import json, os, resource, socket
status = {key: value.strip() for key, _, value in (line.partition(":") for line in open("/proc/self/status"))}
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
    "empty": [path for path in mounts if os.path.isdir(path) and os.access(path, os.R_OK) and not os.listdir(path)],
    "inodes": [os.statvfs(path).f_files for path in ("/work", "/tmp")],
    "sizes": {path: os.statvfs(path).f_blocks * os.statvfs(path).f_frsize for path in ("/work", "/tmp", "/dev/shm")},
    "cgroup_folder_bytes": os.statvfs("/sys/fs/cgroup").f_blocks * os.statvfs("/sys/fs/cgroup").f_frsize,
}))
"""


@pytest.fixture(scope="module")
def inside(sandbox: SandboxFixture) -> dict[str, Any]:
    result = sandbox.run(job("python", INSPECTION_PROGRAM, disk_bytes=8 * MIB, open_files=100))
    assert result.outcome == "ok", result.stderr
    seen: dict[str, Any] = json.loads(result.text)
    return seen


@pytest.fixture
def container(sandbox: SandboxFixture) -> Iterator[Container]:
    launched = sandbox.launch("python")
    yield launched
    launched.discard()


def test_engine_applies_the_settings_of_the_template(sandbox: SandboxFixture, container: Container) -> None:
    details = sandbox.inspect(container.id)

    host = details["HostConfig"]
    assert details["Config"]["User"] == "21000:21000"
    assert [variable.split("=")[0] for variable in details["Config"]["Env"]] == ["PATH"]
    assert details["Config"]["StdinOnce"]
    assert details["Mounts"] == []
    assert not any(host[field] for field in ("Binds", "Devices", "CapAdd", "ExtraHosts", "VolumesFrom", "PortBindings"))
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
    assert set(details["NetworkSettings"]["Networks"]) <= {"none"}
    # API 1.52 has no longer an address outside the networks.
    addresses = [network["IPAddress"] for network in details["NetworkSettings"]["Networks"].values()]
    assert not any(addresses)
    assert not details["NetworkSettings"].get("IPAddress")
    assert not details["LogPath"]


def test_program_runs_as_an_unprivileged_user_without_capabilities(inside: dict[str, Any]) -> None:
    (uid,) = set(inside["uid"])

    assert uid in SANDBOX_UIDS
    assert set(inside["gid"]) == {uid}
    assert set(inside["groups"]) <= {uid}
    assert {value for key, value in inside["status"].items() if key.startswith("Cap")} == {"0000000000000000"}


def test_program_has_a_seccomp_filter_and_no_new_privileges(inside: dict[str, Any]) -> None:
    assert inside["status"]["NoNewPrivs"] == "1"
    assert inside["status"]["Seccomp"] == "2"
    assert int(inside["status"]["Seccomp_filters"]) >= 2


def test_concurrent_jobs_run_as_different_users(sandbox: SandboxFixture) -> None:
    with ThreadPoolExecutor(3) as workers:
        running = [workers.submit(sandbox.run, job("bash", "echo $UID; sleep 1")) for _ in range(3)]
        uids = {future.result().text for future in running}

    assert len(uids) > 1


def test_only_work_tmp_and_shared_memory_are_writable(inside: dict[str, Any]) -> None:
    options = {path: set(flags.split(",")) for path, (flags, _) in inside["mounts"].items()}

    assert "ro" in options["/"]
    # A file in /dev/mqueue is a message queue. It belongs to the IPC namespace of the container.
    writable = set(inside["writable"]) - {"/dev/mqueue"}
    if RUNTIME == "crun" and "/sys/fs/cgroup" in writable:
        # On cgroup v1, crun mounts a tmpfs here, and no option prevents it. The hierarchies in it are not writable.
        assert inside["cgroup_folder_bytes"] <= MIB
        assert {"noexec", "nosuid", "nodev"} <= options["/sys/fs/cgroup"]
        writable.remove("/sys/fs/cgroup")
    assert writable == {"/work", "/tmp", "/dev/shm"}
    assert all({"nosuid", "nodev"} <= options[path] for path in ("/work", "/tmp", "/dev/shm"))
    assert inside["sizes"] == {"/work": 8 * MIB, "/tmp": 64 * MIB, "/dev/shm": 16 * MIB}
    assert inside["inodes"] == [16_384, 16_384]


def test_kernel_secrets_are_masked(inside: dict[str, Any]) -> None:
    assert "/proc/keys" in inside["readable"]
    assert set(inside["readable"]) <= set(inside["mounts"])  # existing files are masked by a mount
    for path in ("/proc/sys", "/proc/irq", "/proc/bus", "/sys"):
        assert "ro" in inside["mounts"][path][0].split(",")


def test_masked_paths_include_the_defaults_of_the_engine(sandbox: SandboxFixture, container: Container) -> None:
    image = sandbox.container_spec("bash").image.image_id
    unconfigured = sandbox.engine.create_container({"Image": image, "Labels": {LABEL: sandbox.namespace}})
    try:
        defaults = sandbox.inspect(unconfigured)["HostConfig"]["MaskedPaths"]
    finally:
        sandbox.engine.remove_container(unconfigured)

    assert set(defaults) <= set(sandbox.inspect(container.id)["HostConfig"]["MaskedPaths"])


def test_activity_of_the_host_is_masked(sandbox: SandboxFixture) -> None:
    source = """
import os
for path in ("/proc/locks", "/proc/cmdline", "/proc/key-users", "/proc/interrupts", "/proc/diskstats", "/proc/modules"):
    print(open(path).read() if os.path.exists(path) else "", end="")
print([name for path in ("/proc/pressure", "/sys/module") if os.path.exists(path) for name in os.listdir(path)])
"""
    assert sandbox.run(job("python", source)).text == "[]\n"


def test_network_namespace_has_small_queues(sandbox: SandboxFixture) -> None:
    source = "cd /proc/sys/net; cat ipv4/tcp_max_tw_buckets core/somaxconn"

    queues = sandbox.run(job("bash", source)).text

    # Some kernels do not show the second one in a user namespace.
    assert queues in ({"0\n128\n", "0\n"} if sandbox.isolation == "cell" else {"0\n128\n"})


def test_only_the_three_files_of_the_engine_are_mounted_from_the_host(inside: dict[str, Any]) -> None:
    from_host = {
        path
        for path, (_, kind) in inside["mounts"].items()
        if kind not in ("tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "overlay")
    }

    # Since version 1.21, crun masks a folder with an empty folder of the host instead of a tmpfs.
    masked = {path for path in from_host if path in inside["empty"] and path.startswith(("/proc/", "/sys/"))}
    assert all("ro" in inside["mounts"][path][0].split(",") for path in masked)
    assert not masked or RUNTIME == "crun"
    assert from_host - masked <= {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}


def test_only_the_loopback_interface_exists(inside: dict[str, Any]) -> None:
    assert set(inside["interfaces"]) <= {"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "erspan0", "gretap0", "ip_vti0"}
    assert "lo" in inside["interfaces"]
    assert inside["routes"] == []


def test_process_has_its_resource_limits(inside: dict[str, Any]) -> None:
    assert inside["limits"]["RLIMIT_CORE"] == [0, 0]
    assert inside["limits"]["RLIMIT_NOFILE"] == [100, 100]
    assert inside["limits"]["RLIMIT_FSIZE"] == [8 * MIB, 8 * MIB]
    assert inside["limits"]["RLIMIT_STACK"] == [256 * MIB, MAX_STACK_BYTES]


def test_host_is_not_visible_in_names(inside: dict[str, Any]) -> None:
    assert inside["hostname"] == "sandbox"
    assert inside["cgroup"] == ["/"]
    assert inside["processes"][0] == 1
    assert len(inside["processes"]) == 2
    assert inside["cwd"] == "/work"


def test_environment_contains_only_documented_variables(inside: dict[str, Any]) -> None:
    # Base variables and those of the catalogue; Python itself sets LC_CTYPE
    documented = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR"} | set(LANGUAGES["python"].env)
    assert set(inside["environment"]) - {"LC_CTYPE"} == documented


def test_program_has_three_streams_and_no_host_device(inside: dict[str, Any]) -> None:
    assert inside["descriptors"][:3] == [0, 1, 2]
    assert len(inside["descriptors"]) == 4  # the fourth lists the folder
    assert set(inside["devices"]) <= {
        *("core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty"),
        *("urandom", "zero", "console"),
    }


def test_program_has_the_highest_oom_score(inside: dict[str, Any]) -> None:
    assert inside["score"] == 1000


def test_idle_container_accepts_new_resources(sandbox: SandboxFixture, container: Container) -> None:
    for memory, processes in ((1024 * MIB, 200), (16 * MIB, 3)):
        resources = sandbox.container_spec("python", memory_bytes=memory, processes=processes).resources

        container.update_resources(resources)

        host = sandbox.inspect(container.id)["HostConfig"]
        assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (memory, memory, processes)
