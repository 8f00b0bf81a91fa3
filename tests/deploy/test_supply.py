"""Lock files, hashes, licences, vulnerabilities and bills of material of the dependencies."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import httpx
import msgspec
import pytest
from packaging.requirements import Requirement

from deploy.supply.advisories import (
    Advisory,
    Snapshot,
    fetch_python_advisories,
    find_vulnerabilities,
    list_shipped,
    list_unknown,
    read_snapshot,
)
from deploy.supply.audit import find_problems
from deploy.supply.licences import is_allowed
from deploy.supply.pins import LOCKED, Pin, read_lock, read_requirements
from deploy.supply.sbom import write_sboms

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {name: {pin.name: pin for pin in read_lock(ROOT / f"{name}.lock")} for name in LOCKED}
PIN = Pin("left-pad", "1.0")


@pytest.mark.parametrize("name", LOCKED)
def test_lock_contains_the_pinned_versions(name: str) -> None:
    pinned = {pin.name: pin.version for pin in read_requirements(ROOT / f"{name}.txt")}

    locked = {package: pin.version for package, pin in LOCKS[name].items() if package in pinned}

    assert locked == pinned, "run `make lock`"


@pytest.mark.parametrize("name", LOCKED)
def test_lock_contains_a_hash_for_each_package(name: str) -> None:
    assert [pin.name for pin in LOCKS[name].values() if not pin.hashes] == []


def test_locks_contain_the_same_version_of_a_package() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS.values():
        for pin in lock.values():
            versions.setdefault(pin.name, set()).add(pin.version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def list_pip_commands(file: Path) -> list[str]:
    """Return the arguments of every `pip install` of a Makefile or Dockerfile."""
    return [part.splitlines()[0] for part in file.read_text().replace("\\\n", " ").split("pip install ")[1:]]


@pytest.mark.parametrize("name", ["Makefile", "deploy/Dockerfile"])
def test_pip_installs_nothing_without_a_hash(name: str) -> None:
    commands = list_pip_commands(ROOT / name)

    assert any(" -r " in command for command in commands)
    assert [command for command in commands if not ({"--require-hashes", "--no-index"} & set(command.split()))] == []


def test_checkout_is_installed_with_the_locked_build_backend() -> None:
    [checkout] = [command for command in list_pip_commands(ROOT / "Makefile") if command.endswith(" -e .")]
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    assert "--no-build-isolation" in checkout.split(), "otherwise pip downloads a build backend"
    for requirement in map(Requirement, backend):
        assert requirement.specifier.contains(LOCKS["requirements-build"][requirement.name].version)


def test_web_packages_have_hashes() -> None:
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    assert "npm-cli.js ci " in (ROOT / "deploy" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("(MPL-2.0 OR Apache-2.0)", True),
        ("Apache-2.0 AND BSD-2-Clause", True),
        ("Apache-2.0 AND SSPL-1.0", False),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("", False),
    ],
)
def test_licence_is_allowed_if_all_required_parts_are(licence: str, allowed: bool) -> None:
    assert is_allowed(licence) is allowed


def test_shipped_packages_have_no_problems_and_known_advisories() -> None:
    assert list(find_problems(ROOT)) == []
    # The mirror that wrote the snapshot has data of the newest versions only, and botocore permits no newer
    # python-dateutil.
    without_data = {"npm", "python-dateutil==2.9.0.post0", "pyyaml==6.0.3"}
    assert set(list_unknown(read_snapshot(ROOT), list_shipped(ROOT))) <= without_data, "run `make advisories`"


def test_find_vulnerabilities_reports_only_pinned_versions() -> None:
    advisory = Advisory("PYSEC-1", ("CVE-1",), "reads too far", ("1.1",))
    snapshot = Snapshot("2026-01-01", {"left-pad==1.0": [advisory], "left-pad==0.9": [advisory]}, {"react": [advisory]})

    lines = list(find_vulnerabilities(snapshot, [PIN]))

    assert lines == [
        "left-pad==1.0: PYSEC-1 reads too far (fixed in: 1.1)",
        "react: PYSEC-1 reads too far (fixed in: 1.1)",
    ]


def test_list_unknown_names_packages_without_data() -> None:
    snapshot = Snapshot("2026-01-01", {"known==1": [], "no-data==1": None}, None)

    assert list_unknown(snapshot, [Pin("known", "1"), Pin("no-data", "1"), PIN]) == [
        "no-data==1",
        "left-pad==1.0",
        "npm",
    ]


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ({"/left-pad/1.0/json": {"vulnerabilities": []}}, []),
        (
            {"/left-pad/1.0/json": {"vulnerabilities": [{"id": "A", "aliases": ["B"], "fixed_in": ["2"]}]}},
            [Advisory("A", ("B",), "", ("2",))],
        ),
        ({"/left-pad/1.0/json": {"vulnerabilities": [{"id": "A", "withdrawn": "2020-01-01"}]}}, []),
        ({"/left-pad/json": {"info": {"version": "1.0"}, "vulnerabilities": [{"id": "A"}]}}, [Advisory("A")]),
        ({"/left-pad/json": {"info": {"version": "2.0"}, "vulnerabilities": []}}, None),
        ({}, None),
    ],
)
def test_fetch_python_advisories_reads_the_pinned_version(
    responses: dict[str, object], expected: list[Advisory] | None
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        [body] = [body for path, body in responses.items() if request.url.path.endswith(path)] or [None]
        return httpx.Response(200, content=msgspec.json.encode(body)) if body else httpx.Response(404)

    with httpx.Client(transport=httpx.MockTransport(respond)) as client:
        assert fetch_python_advisories(PIN, client) == expected


def test_sboms_contain_all_locked_packages(tmp_path: Path) -> None:
    documents = {path.stem: json.loads(path.read_text()) for path in write_sboms(ROOT, tmp_path, validate=False)}

    assert {document["bomFormat"] for document in documents.values()} == {"CycloneDX"}
    listed = {(component["name"], component["version"]) for component in documents["requirements.cdx"]["components"]}
    assert listed == {(pin.name, pin.version) for pin in LOCKS["requirements"].values()}
    assert {"react", "monaco-editor"} <= {component["name"] for component in documents["web.cdx"]["components"]}
