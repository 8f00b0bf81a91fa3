"""The command line of `make test-engines`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.suite_run import select_suites
from tests.engines.variants import VARIANTS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.engines", *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )


def test_list_prints_every_variant() -> None:
    assert run("--list").stdout.split() == list(VARIANTS)


def test_unknown_variant_is_refused_with_the_known_ones() -> None:
    refused = run("--only", "28.5,27.0")

    assert refused.returncode == 2
    assert "--only: 27.0: must be some of 20.10, 20.10-crun, 26.1" in refused.stderr


def test_versions_are_tested_in_every_configuration() -> None:
    for version in ("26.1", "28.5"):
        configurations = [variant for variant in VARIANTS.values() if variant.name.startswith(version)]
        assert len(configurations) == 4
        assert {variant.has_proxy for variant in configurations} == {True, False}
        assert {variant.has_containerd_store for variant in configurations} == {True, False}
        assert {variant.runtime for variant in configurations} == {"", "crun"}


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        ([], ["tests/sandbox", "tests/adversarial"]),
        (["-x"], ["-x", "tests/sandbox", "tests/adversarial"]),
        (["-k", "seccomp"], ["-k", "seccomp", "tests/sandbox", "tests/adversarial"]),
        (["tests/sandbox/test_pool.py::test_a", "-x"], ["tests/sandbox/test_pool.py::test_a", "-x"]),
    ],
)
def test_both_suites_run_unless_a_path_is_given(arguments: list[str], selected: list[str]) -> None:
    assert select_suites(arguments) == selected
