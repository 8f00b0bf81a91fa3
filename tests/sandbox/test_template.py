"""Request bodies for containers: a request can only set resources, within their allowed ranges."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.job.spec import JobSpec, SourceFile
from app.core.limits import LIMITS, Limits
from app.sandbox.resources import RUNNER_PROCESSES, ContainerResources, resources_by_stage
from app.sandbox.template import SANDBOX_UIDS, creation_body, update_body
from tests.sandbox.sandbox_fixture import LANGUAGES

MIB = 1024 * 1024
RESOURCES = ContainerResources(memory_bytes=256 * MIB, processes=66, disk_bytes=64 * MIB, nano_cpus=10**9)
LABELS = {"org.pyxec": "here", "org.pyxec.worker": "w1"}

# Contains a letter that does not occur in the template.
foreign_text = st.text(string.printable, max_size=40).map(lambda text: f"ä{text}")
any_number = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda x: int(x))
)
specs = st.builds(
    JobSpec,
    language=foreign_text,
    files=st.lists(st.builds(SourceFile, foreign_text, foreign_text.map(str.encode)), min_size=1, max_size=3).map(
        tuple
    ),
    entrypoint=foreign_text,
    stdin=foreign_text.map(str.encode),
    args=st.lists(foreign_text, max_size=3).map(tuple),
    env=st.dictionaries(foreign_text, foreign_text, max_size=3),
    limits=st.builds(
        Limits,
        wall_seconds=st.floats(),
        cpu_seconds=st.floats(),
        memory_bytes=any_number,
        processes=any_number,
        output_bytes=any_number,
        disk_bytes=any_number,
        open_files=any_number,
    ),
    interactive=st.booleans(),
)


def create_body(resources: ContainerResources = RESOURCES, runtime: str = "") -> dict[str, Any]:
    return creation_body("sha256:1", resources, LABELS, runtime, SANDBOX_UIDS[0])


def blank_resources(body: dict[str, Any], resources: ContainerResources) -> dict[str, Any]:
    """Return the body without the values that may depend on a job."""
    blank = json.loads(json.dumps(body))
    host = blank["HostConfig"]
    for name in update_body(resources):
        host[name] = None
    host["Tmpfs"]["/work"] = host["Tmpfs"]["/work"].replace(f"size={resources.disk_bytes},", "size=,")
    for limit in host["Ulimits"]:
        if limit["Name"] == "fsize":
            limit["Soft"] = limit["Hard"] = None
    return blank


def find_strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in find_strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in find_strings(part)]
    return [value] if isinstance(value, str) else []


@given(specs, st.sampled_from(["bash", "c", "java"]), st.integers(0, 1))
def test_only_clamped_limits_of_a_request_reach_the_engine(spec: JobSpec, language: str, stage: int) -> None:
    stages = resources_by_stage(spec, LANGUAGES[language], 1.0)
    resources = stages[stage] or stages.initial
    body = create_body(resources)

    assert blank_resources(body, resources) == blank_resources(create_body(), RESOURCES)
    # The resources are within their allowed ranges
    assert LIMITS["memory_bytes"].minimum <= body["HostConfig"]["Memory"] <= LIMITS["memory_bytes"].maximum
    assert LIMITS["disk_bytes"].minimum <= resources.disk_bytes <= LIMITS["disk_bytes"].maximum
    assert 1 < body["HostConfig"]["PidsLimit"] <= LIMITS["processes"].maximum + RUNNER_PROCESSES
    assert body["HostConfig"]["NanoCpus"] == 10**9
    # No text of the job is in the body
    sent = {spec.language, spec.entrypoint, *spec.args, *spec.env, *spec.env.values(), spec.stdin.decode()}
    sent |= {file.name for file in spec.files} | {file.content.decode() for file in spec.files}
    assert not [text for text in find_strings(body) if any(value in text for value in sent)]


@pytest.mark.parametrize("value", [0, -1, 1.5, "64", True, None])
def test_resources_reject_invalid_values(value: Any) -> None:
    with pytest.raises(ValueError, match="memory_bytes: must be a positive integer"):
        ContainerResources(memory_bytes=value, processes=1, disk_bytes=1, nano_cpus=1)


def test_update_body_contains_only_resources() -> None:
    assert update_body(RESOURCES) == {
        "Memory": 256 * MIB,
        "MemorySwap": 256 * MIB,
        "PidsLimit": 66,
        "NanoCpus": 10**9,
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("NetworkDisabled", True),
        ("OpenStdin", True),
        ("StdinOnce", True),
        ("Tty", False),
        ("StopSignal", "SIGKILL"),
        ("Env", []),
        ("Hostname", "sandbox"),
        ("WorkingDir", "/work"),
        ("User", "20000:20000"),
        ("Labels", LABELS),
        ("HostConfig.NetworkMode", "none"),
        ("HostConfig.AutoRemove", True),
        ("HostConfig.CapDrop", ["ALL"]),
        ("HostConfig.Privileged", False),
        ("HostConfig.ReadonlyRootfs", True),
        ("HostConfig.IpcMode", "private"),
        ("HostConfig.ShmSize", 16 * MIB),
        ("HostConfig.Memory", 256 * MIB),
        ("HostConfig.MemorySwap", 256 * MIB),
        ("HostConfig.PidsLimit", 66),
        ("HostConfig.NanoCpus", 10**9),
        ("HostConfig.OomKillDisable", False),
        ("HostConfig.OomScoreAdj", 900),
        ("HostConfig.CgroupnsMode", "private"),
        ("HostConfig.LogConfig", {"Type": "none"}),
        ("HostConfig.RestartPolicy", {"Name": "no"}),
        ("HostConfig.Sysctls", {"net.core.somaxconn": "128", "net.ipv4.tcp_max_tw_buckets": "0"}),
    ],
)
def test_creation_body_contains_setting(path: str, expected: Any) -> None:
    value: Any = create_body()
    for key in path.split("."):
        value = value[key]

    assert value == expected


def test_security_options_forbid_new_privileges_and_set_the_seccomp_profile() -> None:
    options = create_body()["HostConfig"]["SecurityOpt"]

    assert options[0] == "no-new-privileges"
    assert json.loads(options[1].removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    assert len(options) == 2


def test_tmpfs_mounts_are_limited() -> None:
    disks = create_body()["HostConfig"]["Tmpfs"]

    assert set(disks) == {"/work", "/tmp"}
    for options in disks.values():
        assert {"rw", "nosuid", "nodev", "exec", "nr_inodes=16384"} <= set(options.split(","))
    assert f"size={64 * MIB}" in disks["/work"].split(",")


def test_creation_body_contains_no_dangerous_setting() -> None:
    body = create_body()

    dangerous = {
        *("Binds", "Mounts", "Devices", "DeviceRequests", "DeviceCgroupRules", "VolumesFrom", "Volumes"),
        *("CapAdd", "ExtraHosts", "Links", "PortBindings", "PublishAllPorts", "PidMode", "UTSMode", "UsernsMode"),
        *("ReadonlyPaths", "GroupAdd", "Dns", "CgroupParent", "Cgroup", "Runtime"),
    }
    assert not dangerous & (set(body) | set(body["HostConfig"]))


def test_masked_paths_contain_other_processes_and_hardware() -> None:
    masked = create_body()["HostConfig"]["MaskedPaths"]

    assert {"/proc/cmdline", "/proc/locks", "/proc/key-users", "/proc/pressure", "/sys/module"} <= set(masked)
    assert len(set(masked)) == len(masked)


def test_creation_body_contains_the_runtime() -> None:
    assert create_body(runtime="crun")["HostConfig"]["Runtime"] == "crun"


def test_sandbox_uids_fit_into_user_namespaces() -> None:
    assert min(SANDBOX_UIDS) >= 20_000
    assert max(SANDBOX_UIDS) < 60_000
