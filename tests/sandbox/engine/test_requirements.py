"""Requirements of an engine: real engines, and a real engine behind a proxy that describes it differently."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from app.core.errors import EngineUnavailable, UnsupportedEngine
from app.local.engine import engine_host
from app.sandbox.engine.requirements import EngineDescription, check_engine_requirements, describe_engine
from tests.patience import patient
from tests.sandbox.engine.faulty_engine import scripted_engine, unresponsive_engine
from tests.sandbox.engine.version_proxy import VersionProxy, version_proxy

# "An invalid configuration ends `make up`, `doctor` and the start of a worker within a second."
MAX_SECONDS = patient(1.0)
NOBODY = 65534

OpenProxy = Callable[..., VersionProxy]


@pytest.fixture
def open_proxy(tmp_path: Path) -> Iterator[OpenProxy]:
    """Starts a proxy in front of the engine of this machine."""
    with ExitStack() as stack:
        engine = engine_host().removeprefix("unix://")
        yield lambda **settings: stack.enter_context(version_proxy(tmp_path, engine, **settings))


def refusal(url: str, runtime: str = "") -> str:
    """Return the message with which an engine is refused. It must arrive in time."""
    started_at = time.monotonic()
    with pytest.raises(UnsupportedEngine) as refused:
        check_engine_requirements(url, runtime)
    assert time.monotonic() - started_at < MAX_SECONDS
    return str(refused.value)


@pytest.mark.docker
def test_engine_of_this_machine_meets_the_requirements() -> None:
    started_at = time.monotonic()

    engine = check_engine_requirements(engine_host(), "runc")

    assert time.monotonic() - started_at < MAX_SECONDS
    assert engine.info["KernelVersion"]
    assert engine.version["ApiVersion"]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("oldest", "newest", "action"),
    [((1, 12), (1, 40), "upgrade the engine"), ((1, 52), (1, 60), "upgrade Pyxec")],
)
def test_engine_without_a_common_api_version_is_refused(
    open_proxy: OpenProxy, oldest: tuple[int, int], newest: tuple[int, int], action: str
) -> None:
    message = refusal(open_proxy(oldest=oldest, newest=newest).url)

    assert message.endswith(action)
    assert "\n" not in message


@pytest.mark.docker
@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ({"MemoryLimit": False}, "cannot limit memory: enable the cgroup controllers memory on its host"),
        ({"PidsLimit": False}, "cannot limit processes: enable the cgroup controllers pids on its host"),
        ({"CpuCfsQuota": False}, "cannot limit CPU time: enable the cgroup controllers cpu on its host"),
        (
            {"MemoryLimit": False, "PidsLimit": False, "CpuCfsQuota": False, "CgroupDriver": "none"},
            "cannot limit memory, processes, CPU time: enable the cgroup controllers memory, pids, cpu on its host",
        ),
        ({"SecurityOptions": ["name=apparmor"]}, "does not support seccomp: use a kernel with CONFIG_SECCOMP_FILTER"),
        ({"SecurityOptions": None}, "does not support seccomp: use a kernel with CONFIG_SECCOMP_FILTER"),
        ({"OSType": "windows"}, "runs windows containers: set DOCKER_HOST to an engine for Linux containers"),
        ({"Runtimes": None}, "'runc' is not installed in this Docker Engine (): install it"),
    ],
)
def test_engine_that_lacks_a_feature_is_refused(
    open_proxy: OpenProxy, info: Mapping[str, object], sentence: str
) -> None:
    message = refusal(open_proxy(info=info).url)

    assert sentence in message
    assert "\n" not in message


@pytest.mark.docker
def test_message_has_a_line_for_each_fault(open_proxy: OpenProxy) -> None:
    lines = refusal(open_proxy(info={"PidsLimit": False, "SecurityOptions": []}).url, "youki").split("\n")

    assert [line.split(":")[0] for line in lines] == [
        "the OCI runtime 'youki' is not installed in this Docker Engine "
        f"({', '.join(sorted(describe_engine(engine_host()).info['Runtimes']))})",
        "the Docker Engine cannot limit processes",
        "the Docker Engine does not support seccomp",
    ]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("name", "runtime", "default"),
    [
        ("runsc", {"path": "/usr/bin/runsc"}, "runc"),
        ("kata", {"path": "/usr/local/bin/runsc", "runtimeArgs": ["--platform=kvm"]}, "runc"),
        ("crun", {"runtimeType": "io.containerd.runsc.v1"}, "runc"),
        ("", {"path": "/opt/gvisor/run"}, "sandboxed"),
    ],
)
def test_gvisor_is_refused_under_every_name(
    open_proxy: OpenProxy, name: str, runtime: Mapping[str, object], default: str
) -> None:
    proxy = open_proxy(
        info={"Runtimes": {"runc": {"path": "runc"}, name or default: runtime}, "DefaultRuntime": default}
    )

    message = refusal(proxy.url, name)

    assert message.startswith(f"the OCI runtime {name or default!r} is gVisor, in which a job can forge its result")
    assert message.endswith("set PYXEC_CONTAINER_RUNTIME to runc, crun or kata")


@pytest.mark.docker
def test_other_installed_runtimes_are_accepted(open_proxy: OpenProxy) -> None:
    runtimes = {"runc": {"path": "runc"}, "runsc": {"path": "runsc"}, "crun": {"path": "/usr/bin/crun"}}
    proxy = open_proxy(info={"Runtimes": runtimes})

    check_engine_requirements(proxy.url)
    check_engine_requirements(proxy.url, "crun")


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"403 Forbidden"])
def test_engine_that_forbids_requests_is_refused(tmp_path: Path, status: bytes) -> None:
    body = b'{"message": "authorization denied by plugin x"}'
    answer = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)
    with scripted_engine(tmp_path, answer) as url:
        assert "authorization denied by plugin x): permit them" in refusal(url)


@pytest.mark.parametrize("body", [b"{}", b'{"ApiVersion": "latest"}', b"[]"])
def test_server_that_is_not_an_engine_is_refused(tmp_path: Path, body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
    with scripted_engine(tmp_path, answer) as url:
        assert "reports no API version" in refusal(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="root can become a user without access to the socket")
@pytest.mark.docker
def test_socket_without_permission_is_refused() -> None:
    # A fork: the user may not be able to read this checkout.
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send_refusal_for_nobody, args=(sender, engine_host()))
    child.start()
    try:
        assert receiver.poll(10)
        message, seconds = receiver.recv()
    finally:
        child.join(10)

    assert message.startswith(f"no permission to use the Docker Engine at {engine_host()}: run as root")
    assert seconds < MAX_SECONDS


def _send_refusal_for_nobody(result: Connection, url: str) -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    started_at = time.monotonic()
    try:
        check_engine_requirements(url)
    except UnsupportedEngine as e:
        result.send((str(e), time.monotonic() - started_at))


@pytest.mark.parametrize("url", ["ssh://host", "tcp://", "tcp://host:port"])
def test_invalid_address_is_refused(url: str) -> None:
    assert "must be unix:///path or tcp://host:port" in refusal(url)


def test_engine_that_does_not_answer_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as absent:
        check_engine_requirements(f"unix://{tmp_path}/absent.sock")
    with unresponsive_engine(tmp_path) as url, pytest.raises(EngineUnavailable) as hung:
        check_engine_requirements(url, timeout_seconds=0.2)

    assert not isinstance(absent.value, UnsupportedEngine)
    assert not isinstance(hung.value, UnsupportedEngine)


@pytest.mark.docker
def test_shares_local_kernel_is_false_for_another_machine(open_proxy: OpenProxy) -> None:
    local = describe_engine(engine_host())
    other = describe_engine(open_proxy(info={"MemTotal": 1024}).url)

    assert EngineDescription("1.41", {}, {**local.info, "KernelVersion": "5.10.0"}).shares_local_kernel() is False
    assert other.shares_local_kernel() is False
