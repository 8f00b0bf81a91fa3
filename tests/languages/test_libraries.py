"""What the languages of the default set bring along, and that it costs nothing to who does not use it."""

from __future__ import annotations

import msgspec
import pytest

from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.arena import Arena

pytestmark = pytest.mark.docker

PLOT = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import brentq

root = brentq(np.cos, 1, 2)
frame = pd.DataFrame({"x": np.linspace(0, root, 50)}).assign(y=lambda row: np.cos(row.x))
frame.plot(x="x", y="y")
plt.savefig("cosine.png")
print(round(root * 2, 6))
"""


def test_python_computes_and_its_plot_comes_back(arena: Arena) -> None:
    spec = program("python", PLOT, cpu_seconds=60, wall_seconds=120)

    ran = arena.run(msgspec.structs.replace(spec, artifacts=("*.png",)))

    assert (ran.outcome, ran.text, ran.stderr) == (Outcome.OK, "3.141593\n", b"")
    (plot,) = ran.artifacts
    assert (plot.name, plot.data[:8]) == ("cosine.png", b"\x89PNG\r\n\x1a\n")
    assert len(plot.data) > 1000
    # Nothing of it is cut off
    assert plot.data.endswith(b"IEND\xaeB`\x82")


def test_python_starts_without_its_libraries(arena: Arena) -> None:
    source = "import sys; print(len({'numpy', 'matplotlib', 'mpl_toolkits'} & set(sys.modules)), len(sys.modules) < 60)"

    assert arena.run(program("python", source)).text == "0 True\n"


# A program that asks the compiler, with the options it was compiled with, which headers it reads; "!" is a precompiled
# one that it takes, "x" one that it has to leave.
HEADERS = """
#include <bits/stdc++.h>

int main() {
    return std::system("g++ -std=gnu++23 -O2 -pthread -H -fsyntax-only main.cpp 2>&1 | grep '^[!x]' | cut -c 1");
}
"""


def test_cpp_takes_the_standard_library_precompiled(arena: Arena) -> None:
    ran = arena.run(program("cpp", HEADERS))

    assert (ran.outcome, ran.text) == (Outcome.OK, "!\n")


def test_cpp_is_of_the_newest_standard_its_compiler_has(arena: Arena) -> None:
    source = """
#include <expected>
#include <iostream>
static_assert(__cplusplus > 202002L);
int main() { std::cout << std::expected<int, int>(23).value() << '\\n'; }
"""

    assert arena.run(program("cpp", source)).text == "23\n"


def test_typescript_finds_the_modules_beside_it(arena: Arena) -> None:
    source = 'import { double } from "./lib/arithmetic";\nconsole.log(double(21));'
    module = "export const double = (n: number): number => 2 * n;"

    ran = arena.run(program("typescript", source, files={"lib/arithmetic.ts": module}))

    assert (ran.outcome, ran.text) == (Outcome.OK, "42\n"), ran.stdout


def test_typescript_runs_as_javascript_does(arena: Arena) -> None:
    source = 'console.log(process.version, typeof require("fs").readFileSync);'

    typescript, javascript = (arena.run(program(language, source)) for language in ("typescript", "javascript"))

    assert typescript.outcome == javascript.outcome == Outcome.OK
    assert typescript.stdout == javascript.stdout
    # A program that is compiled first runs without the compiler: it takes what the same JavaScript takes.
    assert typescript.last.cpu_seconds < 2 * javascript.last.cpu_seconds + 0.1
    assert typescript.phases[0].name == "compile"
