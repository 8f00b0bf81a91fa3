"""Requirements of an engine whose OCI runtimes are configured wrongly: a private engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sandbox.engine.engine_process import find_engine_root
from app.sandbox.engine.requirements import check_engine_requirements
from tests.sandbox.engine.test_requirements import refusal
from tests.sandbox.engine.version_proxy import version_proxy
from tests.sandbox.engine_fixture import PrivateEngine, missing_requirement

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(missing_requirement()), reason=missing_requirement())]

# Not crun, which the engines of `make test-engines` may have.
MISSING = "/nonexistent/youki"


@pytest.fixture(scope="module")
def private_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    """An engine with two runtimes in addition to runc: one does not exist, the other one is gVisor."""
    gvisor = tmp_path_factory.mktemp("bin") / "runsc"
    gvisor.touch(0o755)
    options = (f"--add-runtime=youki={MISSING}", f"--add-runtime=kata={gvisor}")
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run", ignore_cleanup_errors=True) as run:
        engine = PrivateEngine(Path(run), tmp_path_factory.mktemp("data"), options)
        try:
            engine.start().close()
            yield engine
        finally:
            engine.stop()


def test_runtime_whose_file_is_missing_is_refused(private_engine: PrivateEngine) -> None:
    message = refusal(private_engine.host, "youki")

    assert message.startswith(f"the OCI runtime 'youki' is missing, because {MISSING} does not exist: install it")
    assert "\n" not in message


def test_gvisor_with_the_name_of_another_runtime_is_refused(private_engine: PrivateEngine) -> None:
    assert refusal(private_engine.host, "kata").startswith("the OCI runtime 'kata' is gVisor")


def test_runtime_that_is_not_configured_is_refused(private_engine: PrivateEngine) -> None:
    message = refusal(private_engine.host, "sysbox")

    assert message.startswith("the OCI runtime 'sysbox' is not installed in this Docker Engine (")
    assert "\n" not in message


def test_default_runtime_is_accepted(private_engine: PrivateEngine) -> None:
    check_engine_requirements(private_engine.host)
    check_engine_requirements(private_engine.host, "runc")


def test_find_engine_root_is_none_behind_a_proxy(private_engine: PrivateEngine, tmp_path: Path) -> None:
    with version_proxy(tmp_path, private_engine.host.removeprefix("unix://")) as proxy:
        assert find_engine_root(proxy.url) is None
    assert find_engine_root(private_engine.host) is not None
    assert find_engine_root("tcp://127.0.0.1:1") is None
    assert find_engine_root(f"unix://{tmp_path}/absent.sock") is None
