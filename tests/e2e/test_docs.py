"""The page on which the API is read and tried out: from the API itself, and through nginx."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.site import Site
from tests.stack import ROOT, Stack

pytestmark = pytest.mark.docker

PATIENCE_MS = 20_000
NOTE_WHAT_THE_POLICY_REFUSES = (
    "window.refused = []; addEventListener('securitypolicyviolation', event =>"
    " refused.push(event.violatedDirective + ' ' + event.blockedURI))"
)
Address = Callable[[Stack, Site], str]


@pytest.fixture
def page_key(stack: Stack) -> str:
    """A key, made on the host."""
    command = [sys.executable, "-m", "app.cli", "keys", "create"]
    made = subprocess.run(command, env=stack.environment, cwd=ROOT, capture_output=True, text=True, check=True)
    found = re.search(r"pyxec_\S+", made.stdout)
    assert found is not None, made.stdout
    return found[0]


def operation(page: Page, id: str) -> Locator:
    """Open one operation."""
    block = page.locator(f"[id$='-{id}']")
    block.locator(".opblock-summary-control").click()
    return block


def execute(block: Locator) -> Locator:
    """Send its request; the answer as it is shown."""
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response")


@pytest.mark.parametrize(
    "address",
    [lambda stack, site: stack.url, lambda stack, site: site.url],
    ids=["from the API", "through nginx"],
)
def test_a_job_is_submitted_from_the_page(page: Page, stack: Stack, site: Site, address: Address) -> None:
    # Given the page, before a browser that notes where it asks and what is refused
    url = address(stack, site)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(NOTE_WHAT_THE_POLICY_REFUSES)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/docs/")
    # When its example is sent as it is
    block = operation(page, "submitJob")
    block.get_by_placeholder("wait").fill("30")
    answer = execute(block)
    # Then the program has run
    expect(answer.locator(".response-col_status").first).to_contain_text("200", timeout=PATIENCE_MS)
    expect(answer.locator(".highlight-code").first).to_contain_text("42", timeout=PATIENCE_MS)
    # And nothing was asked of anybody else, or was refused
    assert [one for one in asked if not one.startswith((url, "data:"))] == []
    assert page.evaluate("refused") == []


def test_a_key_that_is_entered_is_sent(page: Page, stack: Stack, page_key: str) -> None:
    # Given the page, on which somebody is who has a key
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{stack.url}/docs/")
    page.get_by_role("button", name="Authorize", exact=True).first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").fill(page_key)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").first.click()
    # When what needs a key is asked for
    answer = execute(operation(page, "listJobs"))
    # Then it is answered
    expect(answer.locator(".response-col_status").first).to_contain_text("200", timeout=PATIENCE_MS)
    # And the key is gone with the page
    page.goto("about:blank")
    page.goto(f"{stack.url}/docs/")
    answer = execute(operation(page, "listJobs"))
    expect(answer.locator(".response-col_status").first).to_contain_text("401", timeout=PATIENCE_MS)


def test_the_page_without_its_slash_leads_to_it(page: Page, stack: Stack, site: Site) -> None:
    for url in (stack.url, site.url):
        page.goto(f"{url}/docs")
        assert page.url == f"{url}/docs/"
