"""What every run of the tests goes through: a host is cut off for longer than its lease, and comes back."""

from __future__ import annotations

import time

from tests.hosts.site import Site
from tests.hosts.visitor import host_of
from tests.stack import eventually

__all__ = ["SLOW", "cut_off_and_come_back"]

# Dramatiq's pause before it tries again to say how a message ended, and some.
_NEXT_TRY_SECONDS = 5.5
# Longer than a lease, so that a host that is cut off ends it in vain.
SLOW = "echo begun; sleep 4; echo done"


def cut_off_and_come_back(site: Site) -> None:
    """Its job ends elsewhere, what it says of it later is refused, its program goes, and it takes part again."""
    # Given a job in the hands of a host
    job = site.begun_on_each(SLOW)["host-a"]
    # When nothing gets through to it any more, for longer than its lease
    site.lan.cut("host-a")
    # Then the other host finishes the job
    ended = site.finished(job, 30)
    assert (ended["attempt"], host_of(ended), ended["stdout"]) == (2, "host-b", "begun\ndone\n")
    # And when the first is back, which could not yet tell of its own attempt and tries again
    log = site.workers["host-a"].log
    tellings = (f"post_process_message(run_job('{job}'))", f"lease of message {job} was lost")
    eventually(lambda: any(telling in log.read_text() for telling in tellings), 30)
    site.lan.mend("host-a")
    time.sleep(_NEXT_TRY_SECONDS)
    # Then nothing has changed
    assert site.job(job) == ended
    # And its program is gone
    eventually(lambda: not site.running("host-a"), 20)
    # And it takes part again
    assert site.begun_on_each("echo begun; sleep 1")["host-a"]
    assert site.violations() == []
