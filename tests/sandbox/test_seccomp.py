"""The seccomp profile, tested by a program that runs as a job."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from app.sandbox.seccomp import seccomp_profile
from tests.sandbox.sandbox_fixture import SandboxFixture, job

PROBE = (Path(__file__).parent / "probes" / "syscalls.c").read_text()

# Expected result of each system call. The list is maintained by hand, so that a change to it is deliberate.
EPERM = """
    ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd pidfd_send_signal kcmp unshare(NEWUSER)
    unshare(NEWNET) unshare(FILES) setns clone(NEWUSER) clone(NEWNS) personality acct migrate_pages move_pages
    io_uring_setup io_uring_enter io_uring_register io_setup userfaultfd add_key request_key keyctl bpf perf_event_open
    memfd_secret syslog init_module finit_module delete_module kexec_load reboot swapon sethostname settimeofday
    clock_adjtime quotactl lookup_dcookie
    mount umount2 fsopen fsmount fsconfig fspick open_tree move_mount mount_setattr pivot_root chroot name_to_handle_at
    open_by_handle_at fanotify_init fanotify_mark mq_open mq_unlink vmsplice mknod(device)
    AF_ALG AF_VSOCK AF_PACKET AF_NETLINK AF_TIPC AF_RDS AF_XDP AF_CAN AF_BLUETOOTH
    AF_INET_raw AF_INET_ping AF_INET_sctp AF_INET_sctp_by_type AF_INET_mptcp AF_INET_dccp AF_INET_udplite AF_INET6_l2tp
    socketpair(AF_TIPC)
"""
ALLOWED = "AF_UNIX AF_INET_tcp AF_INET_udp AF_INET6_tcp AF_INET6_udp socketpair(AF_UNIX) nothing_at_all"
X86_64_ONLY = {"modify_ldt": "EPERM", "iopl": "EPERM", "ioperm": "EPERM", "int_0x80": "SYS", "x32": "SYS"}
EXPECTED_RESULTS = {
    **dict.fromkeys(EPERM.split(), "EPERM"),
    **dict.fromkeys(ALLOWED.split(), "ok"),
    "clone3": "ENOSYS",
    **(X86_64_ONLY if platform.machine() == "x86_64" else {}),
}


@pytest.mark.docker
def test_dangerous_system_calls_fail_and_ordinary_ones_work(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("c", PROBE))

    assert result.outcome == "ok", result.stderr
    results = dict(line.rsplit(" ", 1) for line in result.text.splitlines())
    # User-mode Linux, in which `make test-cgroup2` runs, has no 32-bit system calls.
    is_user_mode = sandbox.run(job("bash", "grep -c 'User Mode Linux' /proc/cpuinfo")).text != "0\n"
    expected = {**EXPECTED_RESULTS, **({"int_0x80": "failed"} if is_user_mode else {})}
    assert {name.replace(" ", "_"): answer for name, answer in results.items()} == expected


@pytest.mark.docker
def test_forbidden_system_calls_work_without_the_profile(sandbox: SandboxFixture) -> None:
    """The test above would also pass on a machine where these calls always fail."""
    image = sandbox.container_spec("python").image.image_id
    client = sandbox.engine.docker_client
    unfiltered = {"SecurityOpt": ["seccomp=unconfined"], "NetworkMode": "none", "AutoRemove": False}
    script = (
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW); import os; os.pidfd_open(1); print('in')"
    )
    body = {"Image": image, "Entrypoint": ["python3", "-c", script], "HostConfig": unfiltered, "User": "20000"}
    container_id = sandbox.engine.create_container(body)
    try:
        sandbox.engine.start_container(container_id)
        client.wait(container_id)
        assert client.logs(container_id) == b"in\n"
    finally:
        sandbox.engine.remove_container(container_id)


def unconditionally_allowed() -> set[str]:
    rules = json.loads(seccomp_profile())["syscalls"]
    return {
        name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule for name in rule["names"]
    }


def test_system_calls_fail_by_default() -> None:
    profile = json.loads(seccomp_profile())

    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert not unconditionally_allowed() & {
        "socket",
        "socketpair",
        "socketcall",
        "clone",
        "clone3",
        "ptrace",
        "bpf",
        "ioctl",
        "setsockopt",
        "seccomp",
        "sendto",
    }


def test_system_call_names_are_unique() -> None:
    names = [name for rule in json.loads(seccomp_profile())["syscalls"] if "args" not in rule for name in rule["names"]]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("machine", "abi"), [("x86_64", "SCMP_ARCH_X86_64"), ("aarch64", "SCMP_ARCH_AARCH64")])
def test_profile_contains_only_the_abi_of_the_machine(machine: str, abi: str) -> None:
    assert json.loads(seccomp_profile(machine))["architectures"] == [abi]


def test_unknown_machine_is_rejected() -> None:
    with pytest.raises(ValueError, match="machine: 'mips' is not supported"):
        seccomp_profile("mips")
