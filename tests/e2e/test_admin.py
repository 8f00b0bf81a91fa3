"""The admin page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.accessibility import find_axe_violations, find_small_targets
from tests.e2e.admin_page import ADMIN_KEY, AdminPage, admin_key_setting, dead_letter_job, dead_letter_webhook
from tests.e2e.conftest import new_page
from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.site import Site, serve_page
from tests.stack import Stack, eventually, running_stack

pytestmark = pytest.mark.docker

ADMIN_HEADERS = {"Authorization": f"Bearer {ADMIN_KEY}"}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# The default of the page, and a margin
REFRESH_MS = 2_100
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def service(page_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stack without workers. The last test starts one."""
    folder = tmp_path_factory.mktemp("admin")
    with running_stack(folder, **admin_key_setting(folder)) as stack:
        stack.start_api()
        yield serve_page(stack, folder / "nginx")


@pytest.fixture(scope="module", autouse=True)
def long_timeout() -> Iterator[None]:
    """The page polls every two seconds, and the machine may be busy."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def admin(page: Page, service: Site) -> AdminPage:
    return AdminPage(page, service.url).open()


def test_admin_url_redirects_and_has_the_headers_of_the_editor(service: Site) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        redirect = client.get("/admin")
        assert (redirect.status_code, redirect.headers["location"]) == (301, "/admin/")
        page, editor = client.get("/admin/"), client.get("/")
    assert page.status_code == 200
    for header in ("content-security-policy", "cache-control", "x-content-type-options", "referrer-policy"):
        assert page.headers[header] == editor.headers[header]


def test_admin_page_rejects_other_keys(page: Page, service: Site) -> None:
    # Given a key without admin rights
    response = service.stack.http.post(
        "/v1/admin/keys", headers=ADMIN_HEADERS, json={"name": "plain", "tier": "trusted"}
    )
    plain_key = response.raise_for_status().json()["key"]
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    record_policy_violations(page)
    admin = AdminPage(page, service.url)
    page.goto(f"{service.url}/admin/")
    error = page.get_by_role("alert")
    # When a wrong key, no key and that key are entered
    for key, message in (("pyxec_wrong", "not valid"), ("", "Enter a key"), (plain_key, "not an admin key")):
        admin.enter_key(key)
        # Then the form states why it is rejected
        expect(error).to_contain_text(message)
    # And an admin key opens the page, also after a reload, until it is removed
    admin.enter_key(ADMIN_KEY)
    page.wait_for_selector(".tiles")
    page.reload()
    page.wait_for_selector(".tiles")
    assert page.evaluate("Object.values(localStorage).join()").find(ADMIN_KEY) == -1
    page.get_by_role("button", name="Remove key").click()
    expect(page.get_by_label("Admin key")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    # And there were no requests to other origins, no policy violations and no URLs with a key
    assert [url for url in urls if not url.startswith((service.url, "data:"))] == []
    assert policy_violations(page) == []
    assert not any(key in url for url in urls for key in (ADMIN_KEY, plain_key))


def test_dead_letter_can_be_read_replayed_and_dropped(admin: AdminPage, service: Site) -> None:
    # Given two dead letters, of which one contains markup
    page, stack = admin.page, service.stack
    replayed_job = dead_letter_job(stack, f"engine fault {MARKUP}")
    dropped_job = dead_letter_job(stack, "engine fault")
    items = admin.section("Dead letters").locator(".dead-letters > li")
    # Then the page shows both as text
    expect(items).to_have_count(2)
    expect(admin.tile("Dead letters")).to_have_text("2")
    replayed = items.filter(has_text=replayed_job)
    replayed.locator("summary").click()
    expect(replayed).to_contain_text(f"engine fault {MARKUP}")
    expect(replayed.locator("pre").first).to_contain_text('"actor_name": "run_job"')
    assert page.locator("main img, main script").count() == 0
    # When the confirmation is cancelled
    replayed.get_by_role("button", name=re.compile("^Replay")).click()
    page.get_by_role("button", name="Cancel").click()
    # Then nothing changes, and the button has the focus again
    assert page.evaluate("document.activeElement.textContent") == "Replay"
    assert stack.job(replayed_job)["status"] == "finished"
    # When it is confirmed with the keyboard
    replayed.get_by_role("button", name=re.compile("^Replay")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Replay").focus()
    page.keyboard.press("Enter")
    # Then the job is queued again, and the other dead letter can be dropped
    admin.expect_notice("was replayed")
    expect(items).to_have_count(1)
    assert stack.job(replayed_job)["status"] == "queued"
    items.filter(has_text=dropped_job).get_by_role("button", name=re.compile("^Drop")).click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    # And a drop can be undone for a while
    expect(items).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    admin.expect_notice("was kept")
    expect(items).to_have_count(1)
    items.filter(has_text=dropped_job).get_by_role("button", name=re.compile("^Drop")).click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    assert page.evaluate("document.activeElement.id") == "dead-letters-title"
    page.get_by_role("button", name="Drop now").click()
    admin.expect_notice("was dropped")
    expect(items).to_have_count(0)
    expect(admin.tile("Dead letters")).to_have_text("0")


def test_missing_dead_letter_is_reported(admin: AdminPage, service: Site) -> None:
    dead_letter_webhook(service.stack, "1", "no answer")
    button = admin.page.get_by_role("button", name=re.compile("^Drop deliver_webhook"))
    button.click()
    (dead_letter,) = service.stack.http.get("/v1/admin/dead/webhooks", headers=ADMIN_HEADERS).json()["dead_letters"]
    service.stack.http.delete(f"/v1/admin/dead/webhooks/{dead_letter['id']}", headers=ADMIN_HEADERS).raise_for_status()
    admin.page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    admin.page.get_by_role("button", name="Drop now").click()
    admin.expect_notice("no longer exists")


def test_queue_can_be_paused_and_the_pause_undone(admin: AdminPage, service: Site) -> None:
    page = admin.page
    expect(page.get_by_role("button", name="Pause maintenance")).to_have_count(0)
    page.get_by_role("button", name="Pause webhooks").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Pause webhooks").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    admin.expect_notice("The queue webhooks is paused")
    expect(admin.section("Queues")).to_contain_text("webhooks (paused)")
    page.get_by_role("button", name="Undo").click()
    admin.expect_notice("not paused any more")
    expect(admin.section("Queues")).not_to_contain_text("(paused)")


@pytest.fixture(scope="module")
def admin_with_clock(browser: Browser, service: Site) -> Iterator[AdminPage]:
    """A page whose time the tests control. It has a browser context of its own, to which the clock belongs."""
    with new_page(browser) as page:
        page.clock.install()
        yield AdminPage(page, service.url).open()


class FakeService:
    """Changes the responses of the API that the page gets: the age of the oldest message, and the time in the queue.

    Attributes:
        oldest_seconds: The age of the oldest message of the queue ``jobs``.
        jobs: The number of jobs that have waited for 30 to 60 s.
    """

    def __init__(self, page: Page) -> None:
        self.oldest_seconds: float | None = None
        self.jobs = 0
        page.route("**/v1/admin/queues", self._change_queues)
        page.route("**/v1/admin/metrics", self._change_metrics)

    def _change_queues(self, route: Route) -> None:
        response = route.fetch()
        queues = response.json()["queues"]
        for queue in queues:
            queue["oldest_seconds"] = self.oldest_seconds if queue["name"] == "jobs" else None
        route.fulfill(response=response, json={"queues": queues})

    def _change_metrics(self, route: Route) -> None:
        response = route.fetch()
        body = response.json()
        counts = {30: 0, 60: self.jobs, None: 0}
        buckets = [{"upper_bound": bound, "count": count} for bound, count in counts.items()]
        summary = {"count": self.jobs, "sum": 45 * self.jobs, "buckets": buckets}
        series: dict[str, Any] = {"labels": {}, "value": None, **summary}
        others = [metric for metric in body["metrics"] if metric["name"] != "pyxec_job_queue_seconds"]
        metric = {"name": "pyxec_job_queue_seconds", "series": [series]}
        route.fulfill(response=response, json=body | {"metrics": [*others, metric]})


@pytest.fixture
def fake_service(admin_with_clock: AdminPage) -> Iterator[FakeService]:
    yield FakeService(admin_with_clock.page)
    admin_with_clock.page.unroute_all(behavior="ignoreErrors")


def test_thresholds_decide_the_colours_of_tiles_and_charts(
    admin_with_clock: AdminPage, fake_service: FakeService
) -> None:
    # Given a service without waiting messages
    admin, page = admin_with_clock, admin_with_clock.page
    page.clock.run_for(REFRESH_MS)
    oldest, queue_time = admin.tile("Oldest waiting"), page.locator(".chart").filter(has_text="Queue time")
    # Then the page states the thresholds, and only the missing workers have a colour
    tiles = page.locator(".tiles")
    expect(tiles).to_contain_text("Oldest waiting–warning from 10 s, critical from 60 s")
    expect(tiles).to_contain_text("Workers0critical below 1")
    expect(queue_time).to_contain_text("95th percentile: warning from 5 s, critical from 30 s")
    expect(admin.tile("Workers")).to_have_css("color", theme_colour(page, "bad"))
    for seconds, colour in ((9, "text"), (10, "warn"), (60, "bad"), (9, "text")):
        # When the oldest message reaches a threshold
        fake_service.oldest_seconds = seconds
        page.clock.run_for(REFRESH_MS)
        # Then the tile gets its colour
        expect(oldest).to_have_text(f"{seconds} s")
        expect(oldest).to_have_css("color", theme_colour(page, colour))
    # And the chart shows the lines of the thresholds when its axis contains them, and colours the critical value
    lines = queue_time.locator(".threshold-line")
    expect(lines).to_have_count(0)
    fake_service.jobs = 20
    page.clock.run_for(REFRESH_MS)
    expect(lines).to_have_count(2)
    labels = queue_time.locator(".threshold-label")
    expect(labels).to_have_text(["95th percentile: 5 s", "95th percentile: 30 s"])
    for index, colour in enumerate(("warn", "bad")):
        expect(lines.nth(index)).to_have_css("stroke", theme_colour(page, colour))
        expect(labels.nth(index)).to_have_css("color", theme_colour(page, colour))
    expect(queue_time.locator(".legend b").last).to_have_css("color", theme_colour(page, "bad"))


def theme_colour(page: Page, name: str) -> str:
    """Return the value of a colour of ``web/src/styles/tokens.css`` in the form of computed styles."""
    colour: str = page.evaluate(
        "name => { const element = document.body.appendChild(document.createElement('i'));"
        " element.style.color = `var(--${name})`; const { color } = getComputedStyle(element);"
        " element.remove(); return color }",
        name,
    )
    return colour


def test_page_requests_data_at_the_chosen_interval_and_not_while_it_is_hidden(admin_with_clock: AdminPage) -> None:
    # Given a page whose time stands still
    admin, page = admin_with_clock, admin_with_clock.page
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 10"))
    expect_update(admin)
    # When another interval is chosen, then the page updates at once and after this interval
    for seconds in (60, 5):
        page.clock.run_for(1000)
        page.get_by_label("Refresh interval").select_option(str(seconds))
        expect_update(admin)
        requests.clear()
        page.clock.run_for(seconds * 1000 - 500)
        assert requests == []
        page.clock.run_for(1500)
        expect_update(admin)
        assert [url for url in requests if url.endswith("/v1/admin/queues")] == [f"{admin.url}/v1/admin/queues"]
    # When the page is hidden, then it requests nothing until it is visible again
    requests.clear()
    set_hidden(page, True)
    page.clock.run_for(600_000)
    assert requests == []
    set_hidden(page, False)
    expect_update(admin)
    assert requests != []


def expect_update(admin: AdminPage) -> None:
    """Wait until the page shows the data of now. The time of the page must stand still."""
    now = admin.page.evaluate("new Date().toLocaleTimeString('en-GB')")
    expect(admin.page.locator("main")).to_contain_text(f"Last update at {now}.")


def set_hidden(page: Page, is_hidden: bool) -> None:
    """Make the page believe that it is hidden. Chromium does not hide the tabs of a headless window."""
    page.evaluate(
        "isHidden => { Object.defineProperty(document, 'hidden', { configurable: true, value: isHidden });"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        is_hidden,
    )


def test_workspaces_and_files_of_callers_are_visible(admin: AdminPage, service: Site) -> None:
    http = service.stack.http
    workspace = http.post("/v1/workspaces").raise_for_status().json()["id"]
    http.put(f"/v1/workspaces/{workspace}/files/a.txt", content=bytes(2048)).raise_for_status()
    file_id = http.put(f"/v1/files?name={MARKUP}", content=b"secret").raise_for_status().json()["file_id"]
    admin.page.reload()
    row = admin.row("Workspaces", workspace)
    expect(row).to_contain_text("anonymous")
    expect(row).to_contain_text("2 KiB")
    expect(admin.row("Files", file_id)).to_contain_text(MARKUP)
    expect(admin.section("Files")).not_to_contain_text("secret")
    assert admin.page.locator("main img").count() == 0


def test_axe_finds_no_violation_in_either_theme(page: Page, service: Site) -> None:
    for reason in ("no answer", "rejected"):
        dead_letter_webhook(service.stack, MARKUP, reason)
    page.goto(f"{service.url}/admin/")
    violations = axe_violations_by_theme(page)
    # The dashboard with a notice and an open dead letter
    admin = AdminPage(page, service.url).open()
    drop = page.get_by_role("button", name=re.compile("^Drop"))
    drop.first.click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    violations += axe_violations_by_theme(page)
    page.get_by_role("button", name="Drop now").click()
    admin.expect_notice("was dropped")
    expect(drop).to_have_count(1)
    page.locator(".dead-letters summary").click()
    violations += axe_violations_by_theme(page)
    # The confirmation
    drop.click()
    violations += axe_violations_by_theme(page)
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    page.get_by_role("button", name="Drop now").click()
    admin.expect_notice("was dropped")
    assert violations == []


def axe_violations_by_theme(page: Page) -> list[str]:
    violations = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        violations += [f"{scheme}: {violation}" for violation in find_axe_violations(page, scheme == "dark")]
    return violations


def test_narrow_touch_screen_has_no_horizontal_scrolling(browser: Browser, service: Site) -> None:
    dead_letter_webhook(service.stack, "x" * 200, "y" * 300)
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    AdminPage(page, service.url).open()
    page.locator(".dead-letters summary").first.tap()
    page.wait_for_selector(".dead-letters pre")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert find_small_targets(page) == []
    context.close()


def test_unavailable_api_is_reported_until_it_responds(admin: AdminPage, service: Site) -> None:
    api = next(process for process in service.stack.processes if process.log.name.startswith("api"))
    api.kill()
    admin.expect_notice("The API does not respond")
    admin.expect_notice("Showing data of")
    service.stack.start_api()
    expect(admin.page.locator(".banner")).to_have_count(0)


def test_dashboard_shows_a_queue_that_fills_and_drains(browser: Browser, service: Site) -> None:
    stack = service.stack
    with new_page(browser) as page:
        # Given jobs of both priorities and no worker
        admin = AdminPage(page, service.url).open()
        expect(admin.section("Workers")).to_contain_text("No worker is running")
        batch_jobs = [stack.submit("print(1)", language="bash", priority="batch")["id"] for _ in range(2)]
        slow = stack.submit("import time\ntime.sleep(60)", limits={"wall_seconds": 60})["id"]
        # Then the page shows the lanes and the age of the oldest message
        waiting = next(queue for queue in fetch_queues(service) if queue["name"] == "jobs")["waiting"]
        expect(admin.tile("Waiting")).to_have_text(str(waiting))
        cells = admin.row("Queues", "jobs").get_by_role("cell")
        expect(cells.first).to_have_text(str(waiting))
        expect(admin.row("Queues", "batch").get_by_role("cell").first).to_have_text("2")
        expect(cells.nth(3)).to_have_text(re.compile(r"\d (ms|s|min)"))
        # When a worker starts
        stack.start_worker(threads=2)
        # Then the page shows its engine, its messages and the images of its host
        engine = admin.section("Engines").get_by_role("row").last
        expect(engine).to_contain_text(re.compile("containers.*runs jobs"))
        expect(engine.get_by_role("cell").nth(2)).to_have_text("2")
        message = admin.section("Workers").locator(".worker-messages > li").filter(has_text=slow)
        expect(message).to_contain_text(re.compile(r"python.*running for \d"))
        image = admin.row("Languages and images", "Bash").get_by_role("cell").last
        expect(image).to_have_text(re.compile(r"pyxec/bash:[0-9a-f]+"))
        for job_id in batch_jobs:
            stack.wait_until_finished(job_id)
        expect(admin.row("Sandboxes", "bash")).to_contain_text(re.compile(r"% of \d"))
        # And after the last job, the queue is empty and the throughput is shown
        stack.http.post(f"/v1/jobs/{slow}/cancel").raise_for_status()
        for name in ("Waiting", "Running"):
            expect(admin.tile(name)).to_have_text("0")
        expect(admin.section("Workers")).to_contain_text("idle")
        throughput = page.locator(".chart").filter(has_text="Throughput")
        ok_rate = throughput.locator(".legend li").first
        # The rate covers only the last seconds, so jobs run until the page has polled.
        eventually(lambda: run_job(stack) and re.fullmatch(r"ok [\d.,]*[1-9]", ok_rate.inner_text()), 60)
        assert throughput.locator(".line").first.get_attribute("d") != ""


def run_job(stack: Stack) -> bool:
    return bool(stack.submit("true", language="bash", wait=20)["outcome"] == "ok")


def fetch_queues(service: Site) -> list[dict[str, Any]]:
    response = service.stack.http.get("/v1/admin/queues", headers=ADMIN_HEADERS)
    queues: list[dict[str, Any]] = response.json()["queues"]
    return queues
