"""The check of the generated types of the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from app.local.console import SetupError, Steps
from app.local.state import StateFolder
from app.local.web import check_api_types, install_node_packages
from tests.stack import ROOT

TYPES = Path("src/api/openapi.ts")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A web folder with the pinned generator and the committed types."""
    state = StateFolder.for_checkout(ROOT)
    with Steps(Console(stderr=True)) as steps, steps.step("web packages") as step:
        install_node_packages(ROOT / "web", state.log("npm"), step)
    folder = tmp_path / "web"
    (folder / TYPES).parent.mkdir(parents=True)
    for name in ("package.json", "node_modules"):
        (folder / name).symlink_to(ROOT / "web" / name)
    (folder / TYPES).write_bytes((ROOT / "web" / TYPES).read_bytes())
    return folder


def test_check_api_types_fails_when_the_types_are_outdated(web: Path, tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    check_api_types(web, state)
    older = (web / TYPES).read_text().replace("language: string", "lang: string")
    (web / TYPES).write_text(older)
    with pytest.raises(SetupError, match="make web-types"):
        check_api_types(web, state)
