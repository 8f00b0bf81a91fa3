"""Runs the cells of a notebook one after the other in one interpreter. This file is a program for the sandbox.

Standard input contains one JSON object: ``cells``, and ``cell_timeout`` in seconds (0: no limit). Standard output
receives one line of JSON for each cell: ``stdout``, ``stderr``, ``display`` and ``error``, in the format of a Jupyter
kernel.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["main"]


class CellTimeoutError(KeyboardInterrupt):
    """A cell exceeded its time limit. ``except Exception`` does not catch it."""


class CellOutput:
    """The displays and errors of the cell that runs."""

    def __init__(self) -> None:
        self.display: list[dict[str, Any]] = []
        self.error: list[dict[str, Any]] = []

    def publish(self, data: dict[str, Any], metadata: Any = None, *_: Any, update: bool = False, **__: Any) -> None:
        """Add a display. Updates of an earlier display are ignored."""
        if not update:
            self.display.append(data)

    def show_result(self, data: dict[str, Any], metadata: Any = None) -> None:
        """Add the value of the last expression."""
        self.display.append(data)

    def show_traceback(self, kind: type[BaseException], value: BaseException, lines: list[str]) -> None:
        """Add an error."""
        self.error.append({"traceback": lines, "ename": kind.__name__, "evalue": str(value)})

    def take(self) -> dict[str, list[dict[str, Any]]]:
        """Return the displays and errors, and forget them."""
        taken = {"display": list(self.display), "error": list(self.error)}
        self.display.clear()
        self.error.clear()
        return taken


def create_shell(output: CellOutput) -> Any:
    """Create the interpreter."""
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp()
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    # The dependencies exist in the image only.
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell

    HistoryManager.enabled = False
    shell = InteractiveShell.instance()
    shell.display_pub.publish = output.publish
    shell.displayhook.write_output_prompt = lambda: None
    shell.displayhook.write_format_data = output.show_result
    shell.displayhook.finish_displayhook = lambda: None
    shell._showtraceback = output.show_traceback
    shell.ask_exit = lambda: None
    return shell


@contextmanager
def redirected(descriptor: int) -> Iterator[BinaryIO]:
    """Redirect a file descriptor to a file, so that the output of child processes and of C code is captured, too."""
    saved = os.dup(descriptor)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), descriptor)
        try:
            yield file
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)


def run_cell(shell: Any, cell: str, timeout_seconds: float) -> tuple[bytes, bytes]:
    """Run a cell and return its output."""
    with redirected(1) as stdout, redirected(2) as stderr:
        try:
            signal.setitimer(signal.ITIMER_REAL, timeout_seconds)
            shell.run_cell(cell, store_history=True)
        except CellTimeoutError as e:  # it was raised after the cell had ended
            shell._showtraceback(type(e), e, [f"{type(e).__name__}: {e}"])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout.flush()
            sys.stderr.flush()
        return read_all(stdout), read_all(stderr)


def read_all(file: BinaryIO) -> bytes:
    """Return the content of a file."""
    file.seek(0)
    return file.read()


def encode(result: dict[str, Any]) -> bytes:
    """Encode a result as one line of JSON in UTF-8, without NaN and half surrogates."""
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False, default=encode_value)
    except ValueError:
        loose = json.dumps(result, default=encode_value)
        text = json.dumps(json.loads(loose, parse_constant=lambda _: None), ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"


def encode_value(value: Any) -> str:
    """Return the text for a value that JSON has no type for: Base64 for bytes, as a Jupyter kernel does."""
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    return str(value)


def main() -> None:
    """Run all cells."""
    request = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    output = CellOutput()
    shell = create_shell(output)
    timeout_seconds = max(0.0, float(request["cell_timeout"]))

    def stop_cell(*_: object) -> None:
        raise CellTimeoutError(f"the cell exceeded its time limit of {timeout_seconds:g} s")

    signal.signal(signal.SIGALRM, stop_cell)
    for cell in request["cells"]:
        stdout, stderr = run_cell(shell, cell, timeout_seconds)
        texts = {"stdout": stdout.decode(errors="replace"), "stderr": stderr.decode(errors="replace")}
        results.write(encode({**texts, **output.take()}))
        results.flush()


if __name__ == "__main__":
    main()
