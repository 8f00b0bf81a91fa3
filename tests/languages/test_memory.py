"""The heap of a runtime follows the memory of the job, and a runtime that gets no more memory reached the limit."""

from __future__ import annotations

from typing import Final

import pytest

from app.core.limits import MIB
from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import SandboxFixture

pytestmark = pytest.mark.docker

# Each holds as many MiB as its argument says, then prints the number.
HOLDERS: Final = {
    "javascript": """
const held = [];
for (let i = 0; i < Number(process.argv[2]); i++) held.push(Array.from({ length: 131072 }, (_, n) => n + i + 0.5));
console.log(held.length);
""",
    "typescript": """
const held: number[][] = [];
for (let i = 0; i < Number(process.argv[2]); i++) held.push(Array.from({ length: 131072 }, (_, n) => n + i + 0.5));
console.log(held.length);
""",
    "java": """
import java.util.ArrayList;

class Holder {
    public static void main(String[] args) {
        var held = new ArrayList<byte[]>();
        for (int i = 0; i < Integer.parseInt(args[0]); i++) held.add(new byte[1 << 20]);
        System.out.println(held.size());
    }
}
""",
    "php": """<?php
// PHP uses twice the memory for texts of 1 MiB.
for ($held = []; count($held) < 10 * (int) $argv[1];) $held[] = str_repeat("x", 104000);
echo intdiv(count($held), 10), "\n";
""",
}
# Each fails because a single allocation is impossible.
IMPOSSIBLE: Final = {
    "python": "held = bytearray(1 << 50)",
    "cpp": "#include <vector>\nint main(int n, char **) { std::vector<char> held(n * (1L << 50)); }",
    "java": """
class Main {
    public static void main(String[] args) {
        var held = new long[100_000_000];
        System.out.println(held.length);
    }
}
""",
    "javascript": "const held = new ArrayBuffer(2 ** 52);",
}


@pytest.mark.languages(*HOLDERS)
@pytest.mark.parametrize("memory_mib", [512, 1024])
def test_heap_uses_most_of_the_memory_of_the_job(sandbox: SandboxFixture, language: str, memory_mib: int) -> None:
    held = memory_mib * 58 // 100
    limits = {"memory_bytes": memory_mib * MIB, "cpu_seconds": 60, "wall_seconds": 120}

    result = sandbox.run(program(language, HOLDERS[language], args=(str(held),), **limits))

    assert (result.outcome, result.text) == (Outcome.OK, f"{held}\n"), result.stderr


@pytest.mark.languages(*HOLDERS)
@pytest.mark.parametrize("memory_mib", [256, 1024])
def test_full_heap_is_a_memory_limit(sandbox: SandboxFixture, language: str, memory_mib: int) -> None:
    limits = {"memory_bytes": memory_mib * MIB, "cpu_seconds": 60, "wall_seconds": 120}

    result = sandbox.run(program(language, HOLDERS[language], args=(str(memory_mib + 64),), **limits))

    assert (result.outcome, result.stdout) == (Outcome.MEMORY_LIMIT, b""), result.verdict


@pytest.mark.languages(*IMPOSSIBLE)
def test_impossible_allocation_is_a_memory_limit(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(program(language, IMPOSSIBLE[language]))

    assert (result.outcome, result.last.heap_exhausted) == (Outcome.MEMORY_LIMIT, True), result.verdict


def test_caught_lack_of_memory_is_no_memory_limit(sandbox: SandboxFixture) -> None:
    source = """
try:
    held = bytearray(1 << 50)
except MemoryError:
    print("MemoryError")
"""

    assert sandbox.run(program("python", source)).outcome == Outcome.OK
