"""The libraries of the default languages, which cost nothing when they are not used."""

from __future__ import annotations

import msgspec
import pytest

from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import SandboxFixture

pytestmark = pytest.mark.docker
ISOLATIONS = ("container",)

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


def test_python_libraries_compute_and_plot(sandbox: SandboxFixture) -> None:
    spec = program("python", PLOT, cpu_seconds=60, wall_seconds=120)

    result = sandbox.run(msgspec.structs.replace(spec, artifacts=("*.png",)))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "3.141593\n", b"")
    (plot,) = result.artifacts
    assert (plot.name, plot.data[:8]) == ("cosine.png", b"\x89PNG\r\n\x1a\n")
    assert len(plot.data) > 1000
    # The file is complete
    assert plot.data.endswith(b"IEND\xaeB`\x82")


SHOW = """
import matplotlib.pyplot as plt

open("plot-2.png", "w").close()
plt.figure()
plt.plot([1, 3, 2])
plt.figure().show()
plt.show()
print(plt.get_fignums())
plt.plot([1, 2])
plt.pause(0.01)
plt.plot([2, 1])
plt.show(block=False)
print(plt.get_fignums())
"""


def test_python_plots_that_are_shown_are_written_to_files(sandbox: SandboxFixture) -> None:
    spec = program("python", SHOW, cpu_seconds=60, wall_seconds=120)

    result = sandbox.run(msgspec.structs.replace(spec, artifacts=("*.png",)))

    # Figures are closed when plt.show() returns. A file of the program is not replaced, and a figure has one file.
    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "[]\n[1]\n", b"")
    plots = {plot.name: plot.data for plot in result.artifacts}
    assert sorted(plots) == ["plot-1.png", "plot-2.png", "plot-3.png", "plot-4.png"]
    assert plots.pop("plot-2.png") == b""
    assert len(set(plots.values())) == 3
    assert all(data.endswith(b"IEND\xaeB`\x82") for data in plots.values())


# Characters outside of a font are drawn as equal boxes, after a warning.
GLYPHS = """
import warnings
warnings.simplefilter("error")
import matplotlib.pyplot as plt

images = []
for character in "A你日本한あ😀🎉🚀✔":
    figure = plt.figure(figsize=(1, 1))
    figure.text(0.1, 0.3, character, fontsize=30)
    figure.canvas.draw()
    images.append(bytes(figure.canvas.buffer_rgba()))
    plt.close(figure)
print(len(images), len(set(images)))
"""


def test_python_plots_contain_chinese_japanese_and_korean_characters_and_emoji(sandbox: SandboxFixture) -> None:
    result = sandbox.run(program("python", GLYPHS, cpu_seconds=60, wall_seconds=120))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "10 10\n", b"")


def test_python_does_not_load_libraries_at_start(sandbox: SandboxFixture) -> None:
    source = "import sys; print(len({'numpy', 'matplotlib', 'mpl_toolkits'} & set(sys.modules)), len(sys.modules) < 60)"

    assert sandbox.run(program("python", source)).text == "0 True\n"


# Runs the compiler with -H and the options of the catalogue. It marks a precompiled header that it uses with "!", and
# one that it cannot use with "x".
HEADERS = """
#include <bits/stdc++.h>

int main() {
    return std::system("g++ -std=gnu++23 -O2 -pthread -H -fsyntax-only main.cpp 2>&1 | grep '^[!x]' | cut -c 1");
}
"""


def test_cpp_uses_the_precompiled_standard_library(sandbox: SandboxFixture) -> None:
    result = sandbox.run(program("cpp", HEADERS))

    assert (result.outcome, result.text) == (Outcome.OK, "!\n")


def test_cpp_uses_the_newest_standard_of_the_compiler(sandbox: SandboxFixture) -> None:
    source = """
#include <expected>
#include <iostream>
static_assert(__cplusplus > 202002L);
int main() { std::cout << std::expected<int, int>(23).value() << '\\n'; }
"""

    assert sandbox.run(program("cpp", source)).text == "23\n"


def test_typescript_imports_modules_of_the_job(sandbox: SandboxFixture) -> None:
    source = 'import { double } from "./lib/arithmetic";\nconsole.log(double(21));'
    module = "export const double = (n: number): number => 2 * n;"

    result = sandbox.run(program("typescript", source, files={"lib/arithmetic.ts": module}))

    assert (result.outcome, result.text) == (Outcome.OK, "42\n"), result.stdout


def test_typescript_runs_like_javascript(sandbox: SandboxFixture) -> None:
    source = 'console.log(process.version, typeof require("fs").readFileSync);'

    typescript, javascript = (sandbox.run(program(language, source)) for language in ("typescript", "javascript"))

    assert typescript.outcome == javascript.outcome == Outcome.OK
    assert typescript.stdout == javascript.stdout
    # The compiled program takes as much time as the same program in JavaScript
    assert typescript.last.cpu_seconds < 2 * javascript.last.cpu_seconds + 0.1
    assert typescript.phases[0].name == "compile"
