"""The API documentation page: served by the API itself, and through nginx."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.site import Site
from tests.stack import ROOT, Stack

pytestmark = pytest.mark.docker

TIMEOUT_MS = 20_000
GetUrl = Callable[[Stack, Site], str]


@pytest.fixture
def api_key(stack: Stack) -> str:
    command = [sys.executable, "-m", "app.cli", "keys", "create"]
    created = subprocess.run(command, env=stack.environment, cwd=ROOT, capture_output=True, text=True, check=True)
    key = re.search(r"pyxec_\S+", created.stdout)
    assert key is not None, created.stdout
    return key[0]


def open_operation(page: Page, operation_id: str) -> Locator:
    block = page.locator(f"[id$='-{operation_id}']")
    block.locator(".opblock-summary-control").click()
    return block


def execute(operation: Locator) -> Locator:
    """Send the request of an operation, and return its response."""
    operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table .response")


def expect_status(response: Locator, status: str) -> None:
    expect(response.locator(".response-col_status").first).to_contain_text(status, timeout=TIMEOUT_MS)


@pytest.mark.parametrize(
    "get_url",
    [lambda stack, site: stack.url, lambda stack, site: site.url],
    ids=["from the API", "through nginx"],
)
def test_docs_page_submits_the_example_job(page: Page, stack: Stack, site: Site, get_url: GetUrl) -> None:
    # Given the page
    url = get_url(stack, site)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    record_policy_violations(page)
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{url}/docs/")
    # When its example is sent
    operation = open_operation(page, "submitJob")
    operation.get_by_placeholder("wait").fill("30")
    response = execute(operation)
    # Then the program has run
    expect_status(response, "200")
    expect(response.locator(".highlight-code").first).to_contain_text("42", timeout=TIMEOUT_MS)
    # And there were no requests to other origins and no policy violations
    assert [address for address in requested if not address.startswith((url, "data:"))] == []
    assert policy_violations(page) == []


def test_docs_page_sends_the_key_until_it_is_left(page: Page, stack: Stack, api_key: str) -> None:
    # Given the page with a key
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{stack.url}/docs/")
    page.get_by_role("button", name="Authorize", exact=True).first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").fill(api_key)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").first.click()
    # When an operation that requires a key is executed, it succeeds
    expect_status(execute(open_operation(page, "listJobs")), "200")
    # And a new page does not have the key
    page.goto("about:blank")
    page.goto(f"{stack.url}/docs/")
    expect_status(execute(open_operation(page, "listJobs")), "401")


def test_docs_url_without_slash_redirects_to_the_page(page: Page, stack: Stack, site: Site) -> None:
    for url in (stack.url, site.url):
        page.goto(f"{url}/docs", wait_until="commit")
        assert page.url == f"{url}/docs/"
