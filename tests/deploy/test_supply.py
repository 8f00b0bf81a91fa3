"""What comes from others: locked, with hashes; licences allowed; weaknesses looked for, and told when there are any."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import httpx
import msgspec
import pytest
from packaging.requirements import Requirement

from deploy.supply.advisories import Advisory, Snapshot, findings, read_snapshot, shipped, unknown
from deploy.supply.audit import audit
from deploy.supply.licences import is_allowed
from deploy.supply.pins import LOCKED, Pin, read_lock, read_wishes
from deploy.supply.registry import ask_for_python
from deploy.supply.sbom import write_sboms

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {name: {pin.name: pin for pin in read_lock(ROOT / f"{name}.lock")} for name in LOCKED}
PIN = Pin("left-pad", "1.0")


@pytest.mark.parametrize("name", LOCKED)
def test_what_is_wanted_is_locked_in_this_version(name: str) -> None:
    wanted = {pin.name: pin.version for pin in read_wishes(ROOT / f"{name}.txt")}

    locked = {package: pin.version for package, pin in LOCKS[name].items() if package in wanted}

    assert locked == wanted, "`make lock` writes the lock files"


@pytest.mark.parametrize("name", LOCKED)
def test_every_locked_package_has_the_hashes_of_its_files(name: str) -> None:
    assert [pin.name for pin in LOCKS[name].values() if not pin.hashes] == []


def test_all_locks_agree_so_that_one_environment_can_have_them_all() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS.values():
        for pin in lock.values():
            versions.setdefault(pin.name, set()).add(pin.version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def installations(file: Path) -> list[str]:
    """The arguments of every `pip install` in a Makefile or Dockerfile."""
    return [part.splitlines()[0] for part in file.read_text().replace("\\\n", " ").split("pip install ")[1:]]


@pytest.mark.parametrize("name", ["Makefile", "deploy/Dockerfile"])
def test_installers_take_nothing_without_its_hash(name: str) -> None:
    commands = installations(ROOT / name)

    assert any(" -r " in command for command in commands)
    assert [command for command in commands if not ({"--require-hashes", "--no-index"} & set(command.split()))] == []


def test_this_checkout_is_installed_with_the_build_backend_that_is_locked() -> None:
    [checkout] = [command for command in installations(ROOT / "Makefile") if command.endswith(" -e .")]
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    assert "--no-build-isolation" in checkout.split(), "else pip brings a backend of its own"
    for requirement in map(Requirement, backend):
        assert requirement.specifier.contains(LOCKS["requirements-build"][requirement.name].version)


def test_every_package_of_the_page_has_a_hash() -> None:
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
def test_a_licence_is_allowed_if_its_terms_can_be_met(licence: str, allowed: bool) -> None:
    assert is_allowed(licence) is allowed


def test_nothing_is_wrong_with_what_is_shipped_and_every_package_was_asked_about() -> None:
    assert list(audit(ROOT)) == []
    assert set(unknown(read_snapshot(ROOT), shipped(ROOT))) <= {"npm"}, "`make advisories` asks"


def test_a_weakness_of_what_is_pinned_is_told_and_one_of_another_version_is_not() -> None:
    weakness = Advisory("PYSEC-1", ("CVE-1",), "reads too far", ("1.1",))
    snapshot = Snapshot("2026-01-01", {"left-pad==1.0": [weakness], "left-pad==0.9": [weakness]}, {"react": [weakness]})

    told = list(findings(snapshot, [PIN]))

    assert told == [
        "left-pad==1.0: PYSEC-1 reads too far (fixed in: 1.1)",
        "react: PYSEC-1 reads too far (fixed in: 1.1)",
    ]


def test_what_nobody_was_asked_about_is_not_taken_for_sound() -> None:
    snapshot = Snapshot("2026-01-01", {"known==1": [], "nobody-knows==1": None}, None)

    assert unknown(snapshot, [Pin("known", "1"), Pin("nobody-knows", "1"), PIN]) == [
        "nobody-knows==1",
        "left-pad==1.0",
        "npm",
    ]


@pytest.mark.parametrize(
    ("answers", "learnt"),
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
def test_what_a_registry_tells_of_one_version(answers: dict[str, object], learnt: list[Advisory] | None) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        [told] = [told for path, told in answers.items() if request.url.path.endswith(path)] or [None]
        return httpx.Response(200, content=msgspec.json.encode(told)) if told else httpx.Response(404)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert ask_for_python(PIN, client) == learnt


def test_the_bills_of_material_name_everything_that_is_locked(tmp_path: Path) -> None:
    documents = {path.stem: json.loads(path.read_text()) for path in write_sboms(ROOT, tmp_path, validate=False)}

    assert {document["bomFormat"] for document in documents.values()} == {"CycloneDX"}
    listed = {(one["name"], one["version"]) for one in documents["requirements.cdx"]["components"]}
    assert listed == {(pin.name, pin.version) for pin in LOCKS["requirements"].values()}
    assert {"react", "monaco-editor"} <= {one["name"] for one in documents["web.cdx"]["components"]}
