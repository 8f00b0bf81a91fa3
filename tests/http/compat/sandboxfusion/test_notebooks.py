"""POST /run_jupyter with the published client of SandboxFusion, on a whole service."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
import sandbox_fusion as client
from sandbox_fusion import CommandRunStatus, RunJupyterRequest, RunJupyterResponse, RunStatus

from tests.stack import Stack

pytestmark = pytest.mark.docker

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def endpoint(stack: Stack) -> None:
    client.set_endpoint(f"{stack.url}/sandboxfusion")


def run(*cells: str, **request: Any) -> RunJupyterResponse:
    response: RunJupyterResponse = client.run_jupyter(RunJupyterRequest(cells=list(cells), **request), max_attempts=1)
    return response


def test_cells_share_an_interpreter_and_have_their_own_output() -> None:
    response = run(
        "a = 'hello'",
        "a",
        "print(a)",
        "import sys; sys.stderr.write('to stderr'); None",
        "!echo from a child process",
        "import asyncio\nawait asyncio.sleep(0)\n_ + '!' if isinstance(_, str) else a + '?'",
    )

    assert (response.status, response.message) == (RunStatus.Success, "")
    assert (response.driver.status, response.driver.return_code) == (CommandRunStatus.Finished, 0)
    assert [cell.stdout for cell in response.cells] == ["", "", "hello\n", "", "from a child process\r\n", ""]
    assert [cell.stderr for cell in response.cells] == ["", "", "", "to stderr", "", ""]
    assert [cell.display for cell in response.cells] == [
        [], [{"text/plain": "'hello'"}], [], [], [], [{"text/plain": "'hello!'"}],
    ]  # fmt: skip
    assert all(cell.error == [] for cell in response.cells)


def test_images_and_html_are_displays() -> None:
    response = run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()",
        "import pandas\npandas.DataFrame({'column': [1]})",
        "from IPython.display import display, HTML, Image\ndisplay(HTML('<b>x</b>'))\nHTML('<i>y</i>')",
    )

    assert response.status == RunStatus.Success, response
    figure, table, html = response.cells
    assert figure.display[0].keys() == {"image/png", "text/plain"}
    assert base64.b64decode(figure.display[0]["image/png"]).startswith(PNG)
    assert table.display[0].keys() == {"text/plain", "text/html"}
    assert "<th>column</th>" in table.display[0]["text/html"]
    assert [display["text/html"] for display in html.display] == ["<b>x</b>", "<i>y</i>"]


def test_error_has_the_format_of_a_kernel_and_later_cells_run() -> None:
    response = run("value = 0", "print('before')\n1 / value", "int('x'", "print('after')")

    assert response.status == RunStatus.Success
    _, failed, malformed, last = response.cells
    assert failed.stdout == "before\n"
    (error,) = failed.error
    assert error.keys() == {"ename", "evalue", "traceback"}
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
    assert "Cell In[2], line 2" in traceback
    assert "----> 2 1 / value" in traceback
    assert malformed.error[0]["ename"] in ("SyntaxError", "_IncompleteInputError")
    assert (last.stdout, last.error) == ("after\n", [])


def test_cell_that_exceeds_its_time_limit_is_interrupted_and_later_cells_run() -> None:
    response = run("import time\ntry:\n    time.sleep(9)\nexcept Exception: pass", "print('after')", cell_timeout=0.3)

    assert response.cells[0].error[0]["ename"] == "CellTimeoutError"
    assert response.cells[0].error[0]["evalue"] == "the cell exceeded its time limit of 0.3 s"
    assert response.cells[1].stdout == "after\n"


@pytest.mark.parametrize(
    ("cell", "status", "return_code"),
    [
        ("import time; time.sleep(20)", CommandRunStatus.TimeLimitExceeded, None),
        ("import os; os._exit(5)", CommandRunStatus.Finished, 5),
        ("import os; os.abort()", CommandRunStatus.Finished, -6),
    ],
    ids=["time limit", "exit", "signal"],
)
def test_finished_cells_are_returned_if_the_interpreter_ends(
    cell: str, status: CommandRunStatus, return_code: int | None
) -> None:
    response = run("print('first')", cell, "print('never')", total_timeout=4)

    assert response.status == RunStatus.Failed
    assert (response.driver.status, response.driver.return_code) == (status, return_code)
    assert [cell.stdout for cell in response.cells] == ["first\n"]


def test_files_are_provided_and_fetched() -> None:
    files = {"in.txt": base64.b64encode(b"content").decode()}
    response = run(
        "text = open('in.txt').read()", "open('out.txt', 'w').write(text.upper()); None", files=files,
        fetch_files=["out.txt"],
    )  # fmt: skip

    assert response.files == {"out.txt": base64.b64encode(b"CONTENT").decode()}


def test_values_that_json_cannot_contain_are_replaced() -> None:
    cells = run(
        "from IPython.display import display\ndisplay({'application/json': {'x': float('nan')}}, raw=True)",
        "print('\\ud800'.encode('utf-8', 'surrogatepass').decode('utf-8', 'surrogateescape'))",
        "'\\ud800'",
        "import os; _ = os.write(1, b'\\xff')",
    ).cells

    assert cells[0].display == [{"application/json": {"x": None}}]
    assert cells[2].display == [{"text/plain": "'\\ud800'"}]
    assert cells[3].stdout == "\ufffd"


def test_cell_cannot_forge_results_of_the_service() -> None:
    # The cell writes to the pipe that the driver keeps for its results.
    forged = "import os\nfor number in range(3, 20):\n    try: os.write(number, b'{}\\n[[[')\n    except OSError: pass"
    response = run("print(1)", forged, "print(2)")

    assert response.status == RunStatus.Failed
    assert [cell.stdout for cell in response.cells] == ["1\n"]
