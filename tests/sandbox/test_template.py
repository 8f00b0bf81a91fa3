"""What a container is created with: nothing of a client's but numbers between the server's bounds."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.limits import LIMITS, Limits
from app.core.spec import JobSpec, SourceFile
from app.sandbox.resources import ContainerResources, resources_by_stage
from app.sandbox.template import SANDBOX_UIDS, creation_body, update_body
from tests.sandbox.arena import LANGUAGES

MIB = 1024 * 1024
NUMBERS = ContainerResources(memory_bytes=256 * MIB, processes=66, disk_bytes=64 * MIB, nano_cpus=10**9)
LABELS = {"org.pyxec": "here", "org.pyxec.worker": "w1"}

# With a letter that no body has of itself.
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


def body_of(numbers: ContainerResources = NUMBERS, runtime: str = "") -> dict[str, Any]:
    return creation_body("sha256:1", numbers, LABELS, runtime, SANDBOX_UIDS[0])


def holes(body: dict[str, Any], numbers: ContainerResources) -> dict[str, Any]:
    """The body with every place blanked where a number of the job may stand."""
    blank = json.loads(json.dumps(body))
    host = blank["HostConfig"]
    for name in update_body(numbers):
        host[name] = None
    host["Tmpfs"]["/work"] = host["Tmpfs"]["/work"].replace(f"size={numbers.disk_bytes},", "size=,")
    for limit in host["Ulimits"]:
        if limit["Name"] == "fsize":
            limit["Soft"] = limit["Hard"] = None
    return blank


def strings_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings_in(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings_in(part)]
    return [value] if isinstance(value, str) else []


@given(specs, st.sampled_from(["bash", "c", "java"]), st.integers(0, 1))
def test_nothing_a_client_sends_reaches_the_engine_but_clamped_numbers(spec: JobSpec, language: str, at: int) -> None:
    stages = resources_by_stage(spec, LANGUAGES[language], 1.0)
    numbers = stages[at] or stages.initial
    body = body_of(numbers)

    # Given any job at all, the body differs from that of another job in the numbers only
    assert holes(body, numbers) == holes(body_of(), NUMBERS)
    # and those lie between the server's bounds
    assert LIMITS["memory_bytes"].minimum <= body["HostConfig"]["Memory"] <= LIMITS["memory_bytes"].maximum
    assert LIMITS["disk_bytes"].minimum <= numbers.disk_bytes <= LIMITS["disk_bytes"].maximum
    assert 1 < body["HostConfig"]["PidsLimit"] <= LIMITS["processes"].maximum + 2
    assert body["HostConfig"]["NanoCpus"] == 10**9
    # and no text of the job stands anywhere in it
    sent = {spec.language, spec.entrypoint, *spec.args, *spec.env, *spec.env.values(), spec.stdin.decode()}
    sent |= {file.name for file in spec.files} | {file.content.decode() for file in spec.files}
    assert not [text for text in strings_in(body) if any(own in text for own in sent)]


@pytest.mark.parametrize("value", [0, -1, 1.5, "64", True, None])
def test_a_number_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="memory_bytes: must be a positive integer"):
        ContainerResources(memory_bytes=value, processes=1, disk_bytes=1, nano_cpus=1)


def test_an_update_changes_numbers_only() -> None:
    assert update_body(NUMBERS) == {
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
    ],
)
def test_a_setting_of_the_template(path: str, expected: Any) -> None:
    value: Any = body_of()
    for key in path.split("."):
        value = value[key]

    assert value == expected


def test_new_privileges_are_out_of_reach_and_the_profile_is_ours() -> None:
    options = body_of()["HostConfig"]["SecurityOpt"]

    assert options[0] == "no-new-privileges"
    assert json.loads(options[1].removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    assert len(options) == 2


def test_both_disks_are_small_private_and_without_privileges() -> None:
    disks = body_of()["HostConfig"]["Tmpfs"]

    assert set(disks) == {"/work", "/tmp"}
    for options in disks.values():
        assert {"rw", "nosuid", "nodev", "exec", "nr_inodes=16384"} <= set(options.split(","))
    assert f"size={64 * MIB}" in disks["/work"].split(",")


def test_what_must_never_be_there_is_not() -> None:
    body = body_of()

    never = {
        *("Binds", "Mounts", "Devices", "DeviceRequests", "DeviceCgroupRules", "Sysctls", "VolumesFrom", "Volumes"),
        *("CapAdd", "ExtraHosts", "Links", "PortBindings", "PublishAllPorts", "PidMode", "UTSMode", "UsernsMode"),
        *("MaskedPaths", "ReadonlyPaths", "GroupAdd", "Dns", "CgroupParent", "Cgroup", "Runtime"),
    }
    assert not never & (set(body) | set(body["HostConfig"]))


def test_the_runtime_is_the_operators_choice() -> None:
    assert body_of(runtime="runsc")["HostConfig"]["Runtime"] == "runsc"


def test_users_fit_into_every_mapping_and_belong_to_nobody() -> None:
    assert min(SANDBOX_UIDS) >= 20_000
    assert max(SANDBOX_UIDS) < 60_000
