"""/admin: what whoever runs the service sees there, and does there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.admin import ADMIN_KEY, AdminPage, bury_job, bury_webhook, with_admin_key
from tests.e2e.conftest import new_page
from tests.e2e.site import Site, serving
from tests.e2e.test_page import findings, too_small
from tests.stack import Stack, eventually, running_stack

pytestmark = pytest.mark.docker

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def service(page_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service without workers; the last test starts one."""
    folder = tmp_path_factory.mktemp("admin")
    with running_stack(folder, **with_admin_key(folder)) as stack:
        stack.start_api()
        with serving(stack, folder / "nginx") as site:
            yield site


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """What this page shows it has asked for every two seconds, of a service that may be busy."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def admin(page: Page, service: Site) -> AdminPage:
    return AdminPage(page, service.url).open()


def test_it_is_found_with_and_without_a_slash_and_comes_under_the_policy_of_the_editor(service: Site) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        moved = client.get("/admin")
        assert (moved.status_code, moved.headers["location"]) == (301, "/admin/")
        page, editor = client.get("/admin/"), client.get("/")
    assert page.status_code == 200
    for header in ("content-security-policy", "cache-control", "x-content-type-options", "referrer-policy"):
        assert page.headers[header] == editor.headers[header]


def test_a_wrong_key_and_one_that_is_no_admin_key_are_told(page: Page, service: Site) -> None:
    # Given a key that is good, but not for this
    made = service.stack.http.post("/v1/admin/keys", headers=OPERATOR, json={"name": "plain", "tier": "trusted"})
    plain = made.raise_for_status().json()["key"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        "window.refused = []; addEventListener('securitypolicyviolation', event => refused.push(event.blockedURI))"
    )
    admin = AdminPage(page, service.url)
    page.goto(f"{service.url}/admin/")
    mistake = page.get_by_role("alert")
    # When a wrong key is entered, and no key, and that one
    for key, told in (("pyxec_wrong", "does not know this key"), ("", "A key is needed"), (plain, "not an admin key")):
        admin.enter(key)
        # Then each is told for what it is
        expect(mistake).to_contain_text(told)
    # And an admin key opens the page, also after a reload, until it is forgotten
    admin.enter(ADMIN_KEY)
    page.wait_for_selector(".tiles")
    page.reload()
    page.wait_for_selector(".tiles")
    assert page.evaluate("Object.values(localStorage).join()").find(ADMIN_KEY) == -1
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("Admin key")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    # And nothing was asked of anybody else, nothing broke the policy, and no address had a key in it
    assert [url for url in asked if not url.startswith((service.url, "data:"))] == []
    assert page.evaluate("window.refused") == []
    assert not any(key in url for url in asked for key in (ADMIN_KEY, plain))


def test_a_dead_letter_is_read_replayed_and_dropped(admin: AdminPage, service: Site) -> None:
    # Given two jobs that were given up, for a reason that would like to be more than text
    page, stack = admin.page, service.stack
    kept, dropped = bury_job(stack, f"engine fault {HOSTILE}"), bury_job(stack, "engine fault")
    letters = admin.section("Dead letters").locator(".letters > li")
    # When the page is open, then they appear, and what stands in them is text
    expect(letters).to_have_count(2)
    expect(admin.tile("Dead letters")).to_have_text("2")
    replayed = letters.filter(has_text=kept)
    replayed.locator("summary").click()
    expect(replayed).to_contain_text(f"engine fault {HOSTILE}")
    expect(replayed.locator("pre").first).to_contain_text('"actor_name": "run_job"')
    assert page.locator("main img, main script").count() == 0
    # When replaying is begun and thought better of
    replayed.get_by_role("button", name=re.compile("^Replay")).click()
    page.get_by_role("button", name="Keep it").click()
    # Then nothing has happened, and the focus is where it was
    assert page.evaluate("document.activeElement.textContent") == "Replay"
    assert stack.job(kept)["status"] == "finished"
    # When it is confirmed, with keys alone
    replayed.get_by_role("button", name=re.compile("^Replay")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Replay").focus()
    page.keyboard.press("Enter")
    # Then the job waits again, and the other letter can be dropped
    admin.says("was replayed")
    expect(letters).to_have_count(1)
    assert stack.job(kept)["status"] == "queued"
    letters.filter(has_text=dropped).get_by_role("button", name=re.compile("^Drop")).click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    admin.says("was dropped")
    expect(letters).to_have_count(0)
    expect(admin.tile("Dead letters")).to_have_text("0")
    assert page.evaluate("document.activeElement.id") == "dead-title"


def test_a_letter_that_somebody_else_has_dropped_is_told(admin: AdminPage, service: Site) -> None:
    bury_webhook(service.stack, "1", "no answer")
    button = admin.page.get_by_role("button", name=re.compile("^Drop deliver_webhook"))
    button.click()
    (letter,) = service.stack.http.get("/v1/admin/dead/webhooks", headers=OPERATOR).json()["dead_letters"]
    service.stack.http.delete(f"/v1/admin/dead/webhooks/{letter['id']}", headers=OPERATOR).raise_for_status()
    admin.page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    admin.says("not there any more")


def test_axe_finds_nothing_serious_in_either_theme(page: Page, service: Site) -> None:
    for reason in ("no answer", "a refusal"):
        bury_webhook(service.stack, HOSTILE, reason)
    page.goto(f"{service.url}/admin/")
    found = in_both_themes(page)
    # Everything, with what is said of a letter that was dropped, and with another one open
    admin = AdminPage(page, service.url).open()
    drop = page.get_by_role("button", name=re.compile("^Drop"))
    drop.first.click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    admin.says("was dropped")
    expect(drop).to_have_count(1)
    page.locator(".letters summary").click()
    found += in_both_themes(page)
    # And what asks before one is dropped
    drop.click()
    found += in_both_themes(page)
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    assert found == []


def in_both_themes(page: Page) -> list[str]:
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for one in findings(page)]
    return found


def test_a_narrow_touch_screen_shows_all_of_it(browser: Browser, service: Site) -> None:
    bury_webhook(service.stack, "x" * 200, "y" * 300)
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    AdminPage(page, service.url).open()
    page.locator(".letters summary").first.tap()
    page.wait_for_selector(".letters pre")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert too_small(page) == []
    context.close()


def test_an_api_that_is_down_is_told_until_it_is_back(admin: AdminPage, service: Site) -> None:
    api = next(process for process in service.stack.processes if process.log.name.startswith("api"))
    api.kill()
    admin.says("The API does not answer")
    admin.says("What is shown is of")
    service.stack.start_api()
    expect(admin.page.locator(".banner")).to_have_count(0)


def test_a_queue_that_fills_and_drains_is_seen_to_do_so(browser: Browser, service: Site) -> None:
    stack = service.stack
    with new_page(browser) as page:
        # Given jobs of both priorities, and nobody who runs them
        admin = AdminPage(page, service.url).open()
        expect(admin.section("Workers")).to_contain_text("No worker is there")
        last = [stack.submit("print(1)", language="bash", priority="batch")["id"] for _ in range(2)]
        slow = stack.submit("import time\ntime.sleep(60)", limits={"wall_seconds": 60})["id"]
        # Then they show, by lane, and how long the oldest has waited
        waiting = next(queue for queue in queues(service) if queue["name"] == "jobs")["waiting"]
        expect(admin.tile("Waiting")).to_have_text(str(waiting))
        cells = admin.row("Queues", "jobs").get_by_role("cell")
        expect(cells.first).to_have_text(str(waiting))
        expect(admin.row("Queues", "batch").get_by_role("cell").first).to_have_text("2")
        expect(cells.nth(3)).to_have_text(re.compile(r"\d (ms|s|min)"))
        # When a worker comes
        stack.start_worker(threads=2)
        # Then what it runs is told, with its language and since when, and what its host has
        held = admin.section("Workers").locator(".held > li").filter(has_text=slow)
        expect(held).to_contain_text(re.compile(r"python.*runs for \d"))
        image = admin.row("Languages and images", "Bash").get_by_role("cell").last
        expect(image).to_have_text(re.compile(r"pyxec/bash:[0-9a-f]+"))
        for job_id in last:
            stack.wait_until_finished(job_id)
        expect(admin.row("Sandboxes", "bash")).to_contain_text(re.compile(r"% of \d"))
        # And when the last job is ended nothing waits and nothing is held, and it was counted
        stack.http.post(f"/v1/jobs/{slow}/cancel").raise_for_status()
        for name in ("Waiting", "Held by workers"):
            expect(admin.tile(name)).to_have_text("0")
        expect(admin.section("Workers")).to_contain_text("idle")
        throughput = page.locator(".chart").filter(has_text="Throughput")
        told = throughput.locator(".legend li").first
        # It tells of the last few seconds: jobs end until it has looked.
        eventually(lambda: goes_on(stack) and re.fullmatch(r"ok [\d.,]*[1-9]", told.inner_text()), 60)
        assert throughput.locator(".line").first.get_attribute("d") != ""


def goes_on(stack: Stack) -> bool:
    """One more job has ended."""
    return bool(stack.submit("true", language="bash", wait=20)["outcome"] == "ok")


def queues(service: Site) -> list[dict[str, Any]]:
    answer = service.stack.http.get("/v1/admin/queues", headers=OPERATOR)
    found: list[dict[str, Any]] = answer.json()["queues"]
    return found
