"""Import cycles of the Python modules, and call cycles of the source files of the runner."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
RUNNER = ROOT / "runner"
COMPILE = ("gcc", "-c", "-std=c11", "-D_GNU_SOURCE", f"-I{RUNNER}")


@pytest.fixture(scope="module")
def runner_objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The object files of the runner, without the fuzz target."""
    folder = tmp_path_factory.mktemp("objects")
    sources = [path for path in RUNNER.rglob("*.c") if path.relative_to(RUNNER).parts[0] not in ("fuzz", "build")]
    subprocess.run([*COMPILE, *sorted(sources)], cwd=folder, check=True)
    objects = sorted(folder.glob("*.o"))
    assert len(objects) == len(sources)
    return objects


def find_cycle(graph: Mapping[str, Set[str]]) -> list[str]:
    """Return the nodes of a cycle, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as e:
        cycle: list[str] = e.args[1]
        return cycle
    return []


def read_imports() -> dict[str, set[str]]:
    """Return the modules that each module imports, including imports for type checking and imports in functions."""
    sys.path.insert(0, str(ROOT))
    try:
        graph = grimp.build_graph("app", "pyxec", cache_dir=None)
    finally:
        sys.path.remove(str(ROOT))
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def read_calls(objects: list[Path]) -> dict[str, set[str]]:
    """Return the object files whose functions each object file uses."""
    defined: dict[str, str] = {}
    used: dict[str, set[str]] = {}
    for path in objects:
        symbols = subprocess.run(["nm", "-P", path], check=True, capture_output=True, text=True).stdout
        for line in symbols.splitlines():
            name, kind = line.split()[:2]
            if kind == "U":
                used.setdefault(path.stem, set()).add(name)
            elif kind.isupper():
                defined[name] = path.stem
    return {file: {defined[name] for name in names if name in defined} for file, names in used.items()}


def test_modules_have_no_import_cycle() -> None:
    assert find_cycle(read_imports()) == []


def test_runner_files_have_no_call_cycle(runner_objects: list[Path]) -> None:
    assert find_cycle(read_calls(runner_objects)) == []


def test_find_cycle_reports_a_cycle() -> None:
    assert set(find_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def test_runner_cycle_is_found_when_a_call_is_added(runner_objects: list[Path], tmp_path: Path) -> None:
    added = "void added(struct job *job);\nvoid added(struct job *job) { phase_finish(job); }\n"
    (tmp_path / "output.c").write_text(f'#include "{RUNNER}/output.c"\n{added}')
    subprocess.run([*COMPILE, "output.c"], cwd=tmp_path, check=True)

    objects = [path for path in runner_objects if path.name != "output.o"]
    assert "output" in find_cycle(read_calls([*objects, tmp_path / "output.o"]))
