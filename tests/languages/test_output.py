"""Output that a program writes just before it ends, or that nobody reads for a while."""

from __future__ import annotations

import time
from typing import Final

import pytest

from app.core.limits import MIB
from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import RecordingSink, SandboxFixture

pytestmark = pytest.mark.docker

SIZE: Final = 3_000_000
# Each writes SIZE bytes to stdout, and ends at once.
WRITERS: Final = {
    "javascript exit": f'process.stdout.write("x".repeat({SIZE})); process.exit(0);',
    "javascript log": f'for (let i = 0; i < 3; i++) console.log("x".repeat({SIZE // 3 - 1})); process.exit(0);',
    "javascript writeSync": f"""
process.stdout;
const data = Buffer.alloc({SIZE}, "x");
for (let sent = 0; sent < data.length; ) sent += require("fs").writeSync(1, data, sent);
""",
    "javascript child": f"""
require("child_process").spawnSync("node", ["-e", "process.stdout.write('x'.repeat({SIZE})); process.exit()"], {{
  stdio: "inherit",
}});
""",
    "typescript exit": f'process.stdout.write("x".repeat({SIZE}));\nprocess.exit(0);',
    "python fcntl": f"""
import fcntl, os

fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)
os.write(1, b"x" * {SIZE})
""",
    "python asyncio": f"""
import asyncio, os, subprocess, sys

async def main():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.Protocol, sys.stdout)
    transport.write(b"x" * ({SIZE} // 2))
    subprocess.run(["sh", "-c", "head -c {SIZE // 2} /dev/zero | tr '\\\\0' x"], check=True)
    os._exit(0)

asyncio.run(main())
""",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_all_output_before_an_exit_arrives(sandbox: SandboxFixture, writer: str) -> None:
    source = WRITERS[writer]
    sink = RecordingSink(on_output=lambda _: time.sleep(0.001))

    result = sandbox.run(program(writer.split()[0], source, output_bytes=8 * MIB), sink)

    assert (result.outcome, len(result.stdout), result.stderr) == (Outcome.OK, SIZE, b"")


def test_error_output_before_an_exit_arrives(sandbox: SandboxFixture) -> None:
    source = f'process.stderr.write("x".repeat({SIZE})); process.exit(3);'

    result = sandbox.run(program("javascript", source, output_bytes=8 * MIB))

    assert (result.outcome, len(result.stderr)) == (Outcome.NONZERO_EXIT, SIZE)


def test_pipe_of_the_program_itself_can_be_non_blocking(sandbox: SandboxFixture) -> None:
    source = """
import os

reading, writing = os.pipe()
os.set_blocking(reading, False)
try:
    os.read(reading, 1)
except BlockingIOError:
    print("would block")
"""

    assert sandbox.run(program("python", source)).text == "would block\n"
