"""The short form of scenarios.py (`make test-hosts`): two hosts and a plain store, and one of them cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.cut import cut_off_and_come_back
from tests.hosts.network import why_not
from tests.hosts.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]


def test_the_jobs_of_a_host_that_is_cut_off_end_elsewhere_and_what_it_says_later_is_refused(tmp_path: Path) -> None:
    with Site(tmp_path, watched=False) as site:
        cut_off_and_come_back(site)
