"""Redis killed, suspended, and full."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from tests.drill.load import Load
from tests.drill.site import Site

__all__ = ["frozen", "killed", "out_of_memory"]

#: Of its limit: no new jobs, though there is room yet.
_NEARLY = 0.92
_BALLAST_BYTES = 20_000_000
_SUSPENDED_LEASES = 0.9


def killed(times: int) -> Callable[[Site, Load, random.Random], str]:
    """And started again on what it had synced, up to a second later."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        for _ in range(times):
            time.sleep(1 + chance.random() * 2)
            site.server.kill()
            time.sleep(chance.random())
            site.server.start()
        return f"{times} kills"

    return act


def frozen(seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """For longer than every lease, while workers and their programs go on."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        time.sleep(2)
        held = site.running()
        site.server.signal(signal.SIGSTOP)
        time.sleep(seconds)
        site.server.signal(signal.SIGCONT)
        return f"{seconds:g} s, leases of {site.lease_ms / 1000:g} s, {held} jobs held"

    return act


def out_of_memory(seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """First nearly: what was accepted ends, nothing new is taken. Then to the last byte: what ran to its end ends."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        client = site.judge.client
        client.set("ballast", b"x" * _BALLAST_BYTES)  # so that buffers of connections are no matter of percents
        _let_jobs_wait(site)
        nearly = _limited(site, load, 1 / _NEARLY, seconds)
        entirely = _limited(site, load, 1.0, seconds / 2)
        client.config_set("maxmemory", 0)
        client.delete("ballast")
        return f"nearly full {nearly}; entirely full {entirely}"

    return act


def _let_jobs_wait(site: Site) -> None:
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for member in site.members:
            member.signal(number)
        time.sleep(_SUSPENDED_LEASES * site.lease_ms / 1000 if number == signal.SIGSTOP else 0)


def _limited(site: Site, load: Load, share: float, seconds: float) -> str:
    """`share`: of what is used now, the server may use so much."""
    client = site.judge.client
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * share))
    refusals, ended, waiting = load.refusals, site.ended(), site.unfinished()
    time.sleep(seconds)
    ended = site.ended() - ended
    return f"for {seconds:g} s: {load.refusals - refusals} submissions refused, {ended} jobs ended of {waiting} there"
