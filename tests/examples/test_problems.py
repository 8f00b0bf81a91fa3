"""The problem packages in examples/problems, judged with the command line on a complete service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "problems"
NAMES = sorted(path.name for path in FOLDER.iterdir())
VERDICTS = {
    "accepted": {"accepted"},
    "partially_accepted": {"partially_accepted"},
    "wrong_answer": {"wrong_answer"},
    "time_limit_exceeded": {"time_limit"},
    "run_time_error": {"runtime_error"},
}


def copy_package(name: str, folder: Path) -> Path:
    """Return a copy of a package, with its tests."""
    package = folder / name
    shutil.copytree(FOLDER / name, package)
    if (package / "generate.py").exists():
        subprocess.run([sys.executable, package / "generate.py"], check=True)
    return package


def judge(stack: Stack, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "judge", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYXEC_URL": stack.url, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_there_are_a_checker_an_interactor_and_large_data() -> None:
    assert NAMES == ["fractions", "guess", "sorting"]


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_of_all_submissions_match_their_folders(stack: Stack, tmp_path: Path, name: str) -> None:
    package = copy_package(name, tmp_path)

    done = judge(stack, "--json", package)

    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["is_ok"]
    assert report["tests"] == len(list(package.glob("data/**/*.in"))) >= 11
    expected = {f"{path.parent.name}/{path.name}": path.parent.name for path in package.glob("submissions/*/*")}
    assert {submission["name"] for submission in report["submissions"]} == expected.keys()
    if name == "fractions":
        page = (ROOT / "docs" / "judging.md").read_text()
        shown = [[shown[field] for field in ("name", "language", "verdict")] for shown in report["submissions"]]
        assert read_table(page) == shown
    for submission in report["submissions"]:
        assert submission["verdict"] in VERDICTS[expected[submission["name"]]], submission
        assert submission["is_match"]
        if submission["verdict"] == "accepted":
            assert {test["verdict"] for test in submission["tests"]} == {"accepted"}
            assert len(submission["tests"]) == report["tests"]
        if name == "sorting":
            scores = {"accepted": 100, "partially_accepted": 30, "wrong_answer": 0}
            assert (submission["score"], submission["max_score"]) == (scores[submission["verdict"]], 100)


def read_table(text: str) -> list[list[str]]:
    """Return name, language and verdict in the rows of a table of verdicts that match."""
    rows = [line.split("│")[2:5] for line in text.splitlines() if line.strip().startswith("│ ✓")]
    return [[cell.strip() for cell in row] for row in rows]


def test_judge_prints_a_table_and_exits_with_1_when_a_verdict_differs(stack: Stack, tmp_path: Path) -> None:
    package = copy_package("fractions", tmp_path)
    wrong = package / "submissions" / "accepted" / "wrong.py"
    wrong.write_text("print(1)")

    done = judge(stack, package, wrong, package / "submissions" / "wrong_answer")

    assert done.returncode == 1, done.stderr
    assert "Egyptian Fractions: 11 tests, time limit 1 s\n" in done.stdout
    assert "accepted/wrong.py" in done.stdout
    assert "wrong_answer, expected accepted" in done.stdout
    assert "sample/1: the sum is not 1/2" in done.stdout
    assert "1 of 2 verdicts match" in done.stdout


def test_time_limit_follows_from_the_accepted_submissions_when_the_package_has_none(
    stack: Stack, tmp_path: Path
) -> None:
    package = copy_package("fractions", tmp_path)
    (package / ".timelimit").unlink()
    submission = package / "submissions" / "time_limit_exceeded"

    done = judge(stack, "--json", package, submission)

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["time_limit_source"] == "accepted_submissions"
    # The accepted submissions need some hundredths of a second; on a busy machine some tenths.
    assert report["time_limit_seconds"] in (1, 2, 3)
    [search] = report["submissions"]
    assert search["name"] == "time_limit_exceeded/search.cpp"
    # Not about as much: a program that gets little processor time ends at the limit of elapsed time.
    assert search["cpu_seconds"] < 1.3 * report["time_limit_seconds"]
