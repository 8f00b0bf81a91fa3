"""The languages under test: the default set, unless PYXEC_TEST_LANGUAGES is set.

PYXEC_TEST_LANGUAGES is ``installed`` for all installed languages, or a list of ids separated by commas.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.catalogue import default_set
from app.sandbox.images.installed import installed_images
from tests.sandbox.sandbox_fixture import ISOLATIONS, LANGUAGES, SandboxFixture, open_sandbox_fixture


@functools.cache
def list_languages() -> list[str]:
    selection = os.environ.get("PYXEC_TEST_LANGUAGES", "default")
    if selection == "default":
        return sorted(default_set(LANGUAGES))
    if selection != "installed":
        return selection.split(",")
    client = connect_docker(engine_host())
    try:
        return sorted(installed_images(client).keys() & LANGUAGES.keys())
    finally:
        client.close()


def select_languages(item: pytest.Item) -> list[str]:
    """Return the languages that a test is run for."""
    marker = item.get_closest_marker("languages")
    return list_languages() if marker is None else [id_ for id_ in list_languages() if id_ in marker.args]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of languages that are not under test. pytest would report them as skipped."""
    here = Path(__file__).parent
    deselected = [
        item
        for item in items
        if item.path.is_relative_to(here)
        and "language" in getattr(item, "fixturenames", ())
        and not select_languages(item)
    ]
    config.hook.pytest_deselected(items=deselected)
    items[:] = [item for item in items if item not in deselected]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for each language under test, or for those of its marker ``languages`` that are under test.

    The tests run in every isolation, except those of modules that define ISOLATIONS because they take long.
    """
    if "language" in metafunc.fixturenames:
        metafunc.parametrize("language", select_languages(metafunc.definition))
    if "sandbox" in metafunc.fixturenames:
        isolations = getattr(metafunc.module, "ISOLATIONS", ISOLATIONS)
        metafunc.parametrize("sandbox", isolations, indirect=True, scope="session")


@pytest.fixture(scope="session")
def sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxFixture]:
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0, isolation=request.param) as opened:
        yield opened
