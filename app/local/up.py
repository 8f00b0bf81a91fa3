"""`make up`: installs what is missing, starts every process and runs a first job."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from rich.console import Console

from app.local.address import SUPERVISOR_RECORD, service_url, web_url
from app.local.configuration import check_configuration
from app.local.console import SetupError, Step, Steps, exit_on_error
from app.local.down import stop_processes
from app.local.images import load_catalogue, prepare_engine_and_images
from app.local.launch_plan import SERVER, WEB, check_addresses, create_launch_plan, read_addresses
from app.local.nginx import ensure_nginx
from app.local.state import ProcessRecord, StateFolder, tail
from app.local.updates import LAUNCH_RECORD, RESTART_REQUEST, Difference, LaunchRecord, RestartRequest, find_differences
from app.local.web import build_page
from app.sandbox.images.catalogue import Language
from pyxec import Client, NotAuthenticated, PyxecError

__all__ = ["bring_up", "is_ready"]

_LOG = "pyxec"
_LOG_LINES = 20
# If a supervisor was killed, its processes need some time to stop and to release their ports.
_PORT_SECONDS = 10.0
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.2
_REQUEST_SECONDS = 2.0
_JOB_SECONDS = 30.0
_FIRST_LANGUAGE = "python"
# A process has 20 s to stop, and is started again after at most 30 s.
_RESTART_SECONDS = 55.0
_RESTART_ORDER = (SERVER, "worker", "webhooks", "maintenance", "scheduler", "api", WEB)


def bring_up(root: Path, console: Console) -> None:
    """Start the service and print its URLs.

    If it runs already, report what differs between the processes and the checkout, and restart those that need it.

    Raises:
        app.core.errors.PyxecError: A step failed. The message states what is missing.
    """
    state, started = StateFolder.for_checkout(root), time.monotonic()
    check_configuration(root, os.environ)
    supervisor = ProcessRecord.read(state.record(SUPERVISOR_RECORD))
    differences = [] if supervisor is None else _find_differences(root, state)
    if supervisor is not None and not differences and is_ready(supervisor.url):
        console.print(f"Pyxec is already running at [bold]{web_url()}[/], API at {supervisor.url}", soft_wrap=True)
        return
    for difference in differences:
        console.print(f"  changed: {difference.text}", soft_wrap=True, highlight=False, markup=False)
    if supervisor is None:
        check_addresses(read_addresses(os.environ), _stop_seconds(state))
    with Steps(console) as steps:
        prepare_engine_and_images(root, state, steps)
        with steps.step("web page") as step:
            ensure_nginx(state, step)
            build_page(root, state, step)
        if supervisor is not None and differences:
            supervisor = _apply_differences(root, state, supervisor, steps)
        supervisor = supervisor or _start_supervisor(root, state)
        with steps.step("processes") as step:
            _wait_for_processes(supervisor, state, step)
        with steps.step("first job") as step:
            language = load_catalogue()[_FIRST_LANGUAGE]
            step.outcome = _run_first_job(supervisor.url, language).strip()
    _print_urls(root, console, supervisor.url, time.monotonic() - started)


def _find_differences(root: Path, state: StateFolder) -> list[Difference]:
    current = LaunchRecord.create(root, create_launch_plan(root, os.environ))
    return find_differences(LaunchRecord.read(state.record(LAUNCH_RECORD)), current)


def _apply_differences(root: Path, state: StateFolder, supervisor: ProcessRecord, steps: Steps) -> ProcessRecord | None:
    """Restart the processes that need it. Return the supervisor; None if it was stopped and has to be started.

    The differences are determined again, because the preceding steps may have built the page.
    """
    differences = _find_differences(root, state)
    if any(difference.processes is None for difference in differences):
        stop_processes(state, steps)
        return None
    names = [name for name in _RESTART_ORDER if any(name in (d.processes or ()) for d in differences)]
    plan = create_launch_plan(root, os.environ)
    record, path = LaunchRecord.create(root, plan), state.record(LAUNCH_RECORD)
    with steps.step("restart") as step:
        RestartRequest(record, dict(plan.environment), names).write(state.record(RESTART_REQUEST))
        os.kill(supervisor.pid, signal.SIGUSR1)
        deadline = time.monotonic() + _RESTART_SECONDS * (len(names) + 1)
        while LaunchRecord.read(path) != record:
            if not supervisor.is_alive():
                raise SetupError("the supervisor exited during the restart. Run `make up` again")
            if time.monotonic() > deadline:
                raise SetupError(f"{', '.join(names)} did not restart. {state.log(_LOG)} contains the reason")
            step.advance(0, ", ".join(names))
            time.sleep(_POLL_SECONDS)
        step.outcome = ", ".join(names) or "no process needs it"
    return supervisor


def is_ready(url: str) -> bool:
    """Whether ``/readyz`` below `url` returns 200."""
    try:
        return httpx.get(f"{url}/readyz", timeout=_REQUEST_SECONDS).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _stop_seconds(state: StateFolder) -> float:
    """Return the time that the processes of a killed supervisor may need to stop."""
    return _PORT_SECONDS if state.record(SUPERVISOR_RECORD).exists() else 0


def _start_supervisor(root: Path, state: StateFolder) -> ProcessRecord:
    """Start the supervisor in its own session, so that it continues when the terminal is closed."""
    check_addresses(create_launch_plan(root, os.environ).listens, _stop_seconds(state))
    log = state.log(_LOG)
    with log.open("ab") as sink:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "app.local.supervisor", "--log", log],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    return ProcessRecord.create(supervisor.pid, service_url())


def _wait_for_processes(supervisor: ProcessRecord, state: StateFolder, step: Step) -> None:
    try:
        _wait_until_ready(supervisor.url, supervisor.is_alive, step)
        _wait_until_ready(web_url(), supervisor.is_alive, step)
    except SetupError as e:
        log = state.log(_LOG)
        raise SetupError(f"{e}. End of {log}:\n{tail(log, _LOG_LINES)}") from e
    step.outcome = f"ready at {supervisor.url}"


def _wait_until_ready(url: str, is_running: Callable[[], bool], step: Step) -> None:
    started = time.monotonic()
    while not is_ready(url):
        elapsed = time.monotonic() - started
        if not is_running():
            raise SetupError("the supervisor exited")
        if elapsed > _READY_SECONDS:
            raise SetupError(f"{url}/readyz does not return 200 after {_READY_SECONDS:g} s")
        step.advance(elapsed / _READY_SECONDS, f"waiting for {url}/readyz")
        time.sleep(_POLL_SECONDS)


def _run_first_job(url: str, language: Language) -> str:
    try:
        job = Client(url).run(language.id, language.hello.source, timeout_seconds=_JOB_SECONDS)
    except NotAuthenticated:
        return "skipped: callers need an API key. `pyxec keys create` creates one"
    except PyxecError as e:
        raise SetupError(f"the first job failed: {e}") from e
    if job.outcome != "ok" or job.stdout != language.hello.output:
        raise SetupError(f"the first job has the outcome {job.outcome!r}: {job.message} {job.stderr}".rstrip())
    return job.stdout


def _pyxec_command(root: Path) -> str:
    """Return the command that runs the `pyxec` of the checkout in the user's shell."""
    program = root / ".venv" / "bin" / "pyxec"
    found = shutil.which("pyxec")
    if found is not None and Path(found).resolve() == program.resolve():
        return "pyxec"
    return f'export PATH="{program.parent}:$PATH"    # once in each shell, or in ~/.profile\n  pyxec'


def _print_urls(root: Path, console: Console, url: str, seconds: float) -> None:
    request = '{"language": "python", "source": "print(6 * 7)"}'
    console.print(f"\nPyxec is running at [bold]{web_url()}[/]. It started in {seconds:.1f} s.", soft_wrap=True)
    console.print(f"The API is at {url}. Try:\n", highlight=False)
    console.print(f"  {_pyxec_command(root)} run examples/sieve.c", soft_wrap=True, highlight=False)
    console.print(f"  curl '{url}/v1/jobs?wait=10' -H 'Content-Type: application/json' -d '{request}'", soft_wrap=True)
    console.print("\n[dim]Log: .pyxec/log/pyxec.log. Stop with `make down`.[/]", highlight=False)


if __name__ == "__main__":
    with exit_on_error():
        bring_up(Path.cwd(), Console())
