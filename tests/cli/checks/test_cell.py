"""The cell that ``pyxec doctor`` creates."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.cli.checks.cell import check_cell
from app.cli.checks.finding import Status
from app.local.engine import engine_host
from app.sandbox.engine.client import Engine
from app.sandbox.template import LABEL
from tests.sandbox.engine.faulty_engine import rejecting_engine
from tests.sandbox.sandbox_fixture import IMAGE_DIGESTS, RUNTIME, eventually

pytestmark = pytest.mark.docker


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of its own. At the end, it must contain no container."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    with closing(Engine(engine_host(), 30)) as engine:
        assert eventually(lambda: not engine.list_containers(f"{LABEL}={name}"))


def test_check_cell_reports_each_property(namespace: str) -> None:
    findings = list(check_cell(engine_host(), 30, namespace, RUNTIME, IMAGE_DIGESTS, is_required=True))

    assert [(finding.check, finding.status) for finding in findings] == [
        ("cell", Status.OK),
        ("cell limits", Status.OK),
        ("cell user namespaces", Status.OK),
        ("cell AppArmor", Status.OK),
    ]


@pytest.mark.parametrize(("is_required", "status"), [(True, Status.FAILED), (False, Status.WARNING)])
def test_check_cell_reports_why_a_cell_does_not_start(
    namespace: str, tmp_path: Path, is_required: bool, status: Status
) -> None:
    engine = Path(engine_host().removeprefix("unix://"))
    with rejecting_engine(tmp_path, engine, r"POST \S+/start", "AppArmor profile pyxec-cell is not loaded") as url:
        (finding,) = check_cell(url, 30, namespace, RUNTIME, IMAGE_DIGESTS, is_required=is_required)

    assert finding.status is status
    assert "AppArmor profile pyxec-cell is not loaded" in finding.detail
    assert "set PYXEC_ISOLATION=container" in finding.detail


def test_check_cell_reports_missing_capabilities(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.template._CELL_CAPABILITIES", ())

    (finding,) = check_cell(engine_host(), 30, namespace, RUNTIME, IMAGE_DIGESTS, is_required=True)

    assert finding.status is Status.FAILED
    assert "cannot change to the user of the cell: Operation not permitted" in finding.detail
