"""Asks the registries which weaknesses of our pinned packages are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from pip._internal.models.index import PyPI  # where pip asks: said there, and nowhere here

from deploy.supply.advisories import Advisory
from deploy.supply.node import read_npm_report
from deploy.supply.pins import Pin

__all__ = ["ask_for_node", "ask_for_python"]

_ANSWER_SECONDS = 30.0


def ask_for_python(pin: Pin, client: httpx.Client) -> list[Advisory] | None:
    """What is known of one version; None where that cannot be learnt.

    Raises:
        httpx.HTTPError: the registry does not answer.
    """
    answer = client.get(f"{PyPI.pypi_url}/{pin.name}/{pin.version}/json", timeout=_ANSWER_SECONDS)
    if answer.status_code == httpx.codes.NOT_FOUND:
        # A mirror may tell of a package as a whole only: then of its newest version.
        answer = client.get(f"{PyPI.pypi_url}/{pin.name}/json", timeout=_ANSWER_SECONDS)
        if answer.status_code == httpx.codes.NOT_FOUND or answer.json()["info"]["version"] != pin.version:
            return None
    told: list[Mapping[str, Any]] = answer.raise_for_status().json()["vulnerabilities"]
    return [
        Advisory(one["id"], tuple(one.get("aliases") or ()), one.get("summary") or "", tuple(one.get("fixed_in") or ()))
        for one in told
        if not one.get("withdrawn")
    ]


def ask_for_node(web: Path) -> dict[str, list[Advisory]] | None:
    """What is known of the packages that the page is made of, by name; None where that cannot be learnt."""
    report = read_npm_report(web, "audit", "--json", "--omit=dev")
    if "auditReportVersion" not in report:
        return None
    found = {name: told["via"] for name, told in report["vulnerabilities"].items()}
    return {
        name: [Advisory(one["url"], (), one["title"], ()) for one in reasons if isinstance(one, dict)]
        for name, reasons in found.items()
    }
