"""Programs that do not exit, or exit in unusual ways."""

from __future__ import annotations

import pytest

from tests.adversarial.attack import ATTACK_SECONDS, Attack, launch, table
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.sandbox.sandbox_fixture import MIB, JobRun, job

pytestmark = pytest.mark.docker


def ended_by_itself(ran: JobRun) -> bool:
    return ran.last.stopped_by.value == "none" and ran.last.wall_seconds < ATTACK_SECONDS


DAEMONS = {
    "a daemon that holds stdout": "sleep 60 & echo main",
    "grandchildren in sessions of their own": "setsid sh -c 'setsid sleep 60 & setsid sleep 60 & sleep 60' & echo main",
    "a daemon that ignores signals": "(trap '' TERM HUP INT; sleep 60; sleep 60) & echo main",
    "a daemon with no streams": "(exec <&- >&- 2>&-; sleep 60) & echo main",
}
TEN_MEGABYTES = b"x" * 10 * MIB
MANY_DAEMONS = "for i in $(seq 40); do setsid sleep 60 & done; echo main"


@table(
    *(Attack(name, "bash", source, "ok", ended_by_itself) for name, source in DAEMONS.items()),
    Attack("many daemons", "bash", MANY_DAEMONS, "ok", ended_by_itself),
)
def test_leftover_processes_do_not_delay_the_end(sandbox: BoundedSandbox, attack: Attack) -> None:
    assert launch(sandbox, attack).text == "main\n"


@table(
    Attack("kill everyone", "bash", "kill -KILL -1; echo alive", "ok signaled"),
    Attack("kill the runner", "bash", "kill -KILL 1; kill -TERM 1; kill -STOP 1; kill -HUP 1; echo alive", "ok"),
    Attack(
        "every signal to the runner", "python", "import os\nfor n in range(1, 65): os.kill(1, n)\nprint('alive')", "ok"
    ),
    Attack("suicide", "bash", "kill -KILL $$", "signaled", lambda ran: ran.last.signal == 9 and not ran.last.oom_kills),
    Attack("a crash", "bash", "kill -SEGV $$", "signaled", lambda ran: ran.last.signal == 11),
    Attack("the signal of a limit", "bash", "kill -XCPU $$", "signaled", lambda ran: ran.last.signal == 24),
    Attack("an unknown signal", "bash", "kill -40 $$", "signaled", lambda ran: ran.last.signal == 40),
)
def test_signals_reach_only_processes_of_the_job(sandbox: BoundedSandbox, attack: Attack) -> None:
    launch(sandbox, attack)


@pytest.mark.parametrize("code", [1, 2, 124, 126, 127, 128, 137, 139, 143, 152, 255])
def test_exit_code_is_not_reported_as_a_signal_or_limit(sandbox: BoundedSandbox, code: int) -> None:
    ran = sandbox.run(job("bash", f"exit {code}"))

    assert (ran.outcome, ran.last.exit_code, ran.last.signal) == ("nonzero_exit", code, None)


@table(
    Attack("closes its streams", "bash", "echo in; exec <&- >&- 2>&-; sleep 0.5; exit 4", "nonzero_exit"),
    Attack("leaves all unread", "bash", "exit 4", "nonzero_exit", settings={"stdin": TEN_MEGABYTES}),
    Attack(
        "reads a little of ten megabytes",
        "bash",
        "head -c 5; exit 4",
        "nonzero_exit",
        settings={"stdin": b"x" * 10 * MIB},
    ),
    Attack(
        "closes stdin at once", "bash", "exec <&-; sleep 0.3; exit 4", "nonzero_exit", settings={"stdin": TEN_MEGABYTES}
    ),
)
def test_closed_or_unread_streams_affect_only_the_program(sandbox: BoundedSandbox, attack: Attack) -> None:
    assert launch(sandbox, attack).last.exit_code == 4


def test_program_that_replaces_itself_is_still_measured(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("bash", "exec bash -c 'echo other; exit 3'"))

    assert (ran.text, ran.last.exit_code) == ("other\n", 3)


def test_processes_of_the_compiler_do_not_survive(sandbox: BoundedSandbox) -> None:
    source = """
#include <dirent.h>
#include <stdio.h>
int main(void) {
    int count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
    printf("%d\\n", count);
}
"""
    assert sandbox.run(job("c", source)).text == "2\n"
