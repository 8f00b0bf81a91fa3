"""Short links, and programs in frames of other pages."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.e2e.accessibility import find_axe_violations
from tests.e2e.conftest import new_page
from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.editor_page import EditorPage, encode_fragment
from tests.e2e.site import Site, serve_page
from tests.ports import free_port
from tests.stack import ROOT, running_stack

pytestmark = pytest.mark.docker

SCHOOL_PORT = free_port()
HOSTILE_PORT = free_port()


@pytest.fixture(scope="module")
def service(page_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that stores short links of anonymous callers, and permits frames on the pages of a school."""
    folder = tmp_path_factory.mktemp("sharing")
    settings = {"PYXEC_ANONYMOUS_LINKS": "3", "PYXEC_FRAME_ANCESTORS": f"http://127.0.0.1:{SCHOOL_PORT}"}
    with running_stack(folder, PYXEC_ISOLATION="cell", **settings) as stack:
        stack.start_api()
        stack.start_worker()
        yield serve_page(stack, folder / "nginx")


@pytest.fixture(scope="module")
def pages(service: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the pages that both other sites serve."""
    folder = tmp_path_factory.mktemp("pages")
    demo = (ROOT / "docs" / "embedding-demo.html").read_text()
    assert demo.count("http://localhost:8000") == 1
    (folder / "demo.html").write_text(demo.replace("http://localhost:8000", service.url))
    handler = partial(_QuietHandler, directory=str(folder))
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) for port in (SCHOOL_PORT, HOSTILE_PORT)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder
    for server in servers:
        server.shutdown()
        server.server_close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def open_school_page(page: Page, name: str) -> None:
    page.goto(f"http://127.0.0.1:{SCHOOL_PORT}/{name}")


def wait_for_frames(page: Page, count: int) -> list[Frame]:
    """Return the frames once all of them show their program."""
    page.wait_for_function("count => document.querySelectorAll('pre[hidden]').length === count", arg=count)
    frames = [frame for frame in page.frames if "/embed" in frame.url]
    for frame in frames:
        expect(frame.get_by_role("button", name="Run", exact=True)).to_be_visible(timeout=30_000)
    return frames


def run_frame(frame: Frame) -> None:
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(frame.get_by_role("status")).to_contain_text("Finished normally", timeout=45_000)


def test_stranger_opens_a_short_link_and_keeps_the_own_program(browser: Browser, service: Site, page: Page) -> None:
    # Given a program whose author creates a short link
    author = EditorPage(page, service.url).open()
    author.open_program("print('shared by a short link')")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Create a short link").click()
    field = page.get_by_label("Short link", exact=True)
    expect(field).to_have_value(re.compile(r"/p/[\w-]{16}$"))
    link = field.input_value()
    assert find_axe_violations(page) == []
    with new_page(browser) as other:
        # And a stranger who has typed a program
        stranger = EditorPage(other, service.url).open()
        stranger.type_code("print('typed by the stranger')")
        other.wait_for_function("() => localStorage.getItem('pyxec.draft.python')?.includes('stranger')")
        # When the stranger opens the link
        other.goto(link)
        # Then the page shows the program, and the own one is unchanged
        stranger.expect_code("print('shared by a short link')")
        other.get_by_role("button", name="Show my program").click()
        stranger.expect_code("print('typed by the stranger')")
        assert other.url == f"{service.url}/"
        # And after the author has deleted it, the page says so
        page.get_by_role("button", name="Delete the short link").click()
        expect(page.get_by_role("button", name="Create a short link")).to_be_enabled()
        other.goto(link)
        expect(other.locator(".notice")).to_contain_text("does not exist, or it has expired")
        stranger.expect_code("print('typed by the stranger')")


def test_refused_short_link_is_explained_and_the_long_link_remains(page: Page, service: Site) -> None:
    page.route("**/v1/links", lambda route: route.fulfill(status=403, json=problem(403)))
    EditorPage(page, service.url).open()
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Create a short link").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Enter a key in Settings")
    expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile(r"/#v1\."))


def problem(status: int) -> dict[str, object]:
    return {"type": "/problems/not-allowed", "title": "Not allowed", "status": status, "detail": "no"}


def test_demo_page_embeds_three_runnable_blocks(page: Page, service: Site, pages: Path) -> None:
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    record_policy_violations(page)
    open_school_page(page, "demo.html")
    frames = wait_for_frames(page, 3)
    for frame, output in zip(frames, ("Hello, Ada!", "1, 4, 9", "one\ntwo"), strict=True):
        run_frame(frame)
        assert frame.get_by_label("Output").inner_text().strip() == output
        expect(page.locator("#result")).to_have_text("ok, exit code 0")
        # The frame is as high as its content
        assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
        assert find_axe_violations_of(frame) == []
        assert policy_violations_of(frame) == []
    assert policy_violations(page) == []
    own = (service.url, f"http://127.0.0.1:{SCHOOL_PORT}", "data:", "blob:")
    assert [url for url in urls if not url.startswith(own)] == []


def find_axe_violations_of(frame: Frame) -> list[str]:
    return find_axe_violations(frame)  # type: ignore[arg-type]  # a frame has the same methods


def policy_violations_of(frame: Frame) -> list[str]:
    return policy_violations(frame)  # type: ignore[arg-type]  # a frame has the same methods


def test_reader_changes_runs_and_resets_an_embedded_program(page: Page, service: Site, pages: Path) -> None:
    open_school_page(page, "demo.html")
    frame = wait_for_frames(page, 3)[0]
    frame.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("import sys\nprint('edited', file=sys.stderr)\nsys.exit(3)")
    page.keyboard.press("Control+Enter")
    expect(frame.get_by_role("status")).to_contain_text("Exited with code 3", timeout=45_000)
    expect(frame.locator(".embed-output .stderr")).to_contain_text("edited")
    expect(page.locator("#result")).to_have_text("nonzero_exit, exit code 3")
    link = frame.get_by_role("link", name="Open in Pyxec").get_attribute("href")
    frame.get_by_role("button", name="Reset").click()
    expect(frame.locator(".cm-content")).to_contain_text("name = input()")
    # And the link opens the changed program, without running it
    assert link is not None
    page.goto(f"{service.url}{link}")
    editor = EditorPage(page, service.url)
    editor.expect_code("import sys\nprint('edited', file=sys.stderr)\nsys.exit(3)")
    editor.expect_status("Ready")


@pytest.fixture
def own_page(browser: Browser) -> Iterator[Page]:
    """A tab whose storage no other test shares."""
    with new_page(browser) as page:
        yield page


def test_embedding_page_gets_neither_the_key_nor_the_texts_of_the_visitor(
    own_page: Page, service: Site, pages: Path
) -> None:
    page = own_page
    # Given a visitor with a stored key. Pages of the same site share the storage with the frame.
    page.goto(f"{service.url}/theme.js")
    page.evaluate("localStorage.setItem('pyxec.apiKey', JSON.stringify('pyxec_a_stored_key'))")
    page.evaluate("sessionStorage.setItem('pyxec.apiKey', JSON.stringify('pyxec_a_stored_key'))")
    headers: list[dict[str, str]] = []
    page.on("request", lambda request: headers.append(request.headers))
    # And an embedding page that records all messages, and that sends messages to the frame
    fragment = encode_fragment(
        "python", {"files": [{"name": "main.py", "content": "print(input())"}], "stdin": "typed"}
    )
    (pages / "hostile.html").write_text(f"""
      <script>window.messages = []; addEventListener('message', ({{data}}) => messages.push(data))</script>
      <iframe src="{service.url}/embed{fragment}" style="width: 600px; height: 400px"></iframe>
      <script>setInterval(() => {{ for (const type of ['run', 'pyxec.run', 'pyxec.start'])
        frames[0].postMessage({{type}}, '*') }}, 50)</script>""")
    open_school_page(page, "hostile.html")
    page.wait_for_function("messages.length > 0")
    frame = page.frames[1]
    expect(frame.get_by_role("button", name="Run", exact=True)).to_be_visible(timeout=30_000)
    # Then no message starts a run
    page.wait_for_timeout(300)
    assert page.evaluate("messages.filter(({type}) => type === 'pyxec.result')") == []
    # When the visitor runs the program
    run_frame(frame)
    page.wait_for_function("messages.some(({type}) => type === 'pyxec.result')")
    # Then the run was anonymous, and the messages contain no text
    assert not any("authorization" in request for request in headers)
    messages = page.evaluate("messages")
    assert "typed" not in json.dumps(messages)
    assert {json.dumps(sorted(message)) for message in messages} == {
        '["height", "type"]', '["exitCode", "outcome", "type"]',
    }  # fmt: skip
    assert page.evaluate("localStorage.getItem('pyxec.draft.python')") is None


def test_other_pages_show_the_code_but_no_frame(page: Page, service: Site, pages: Path) -> None:
    page.goto(f"http://127.0.0.1:{HOSTILE_PORT}/demo.html")
    page.wait_for_selector("iframe", state="attached")
    page.wait_for_timeout(500)
    expect(page.locator("pre").first).to_be_visible()
    assert page.locator("pre[hidden]").count() == 0


def test_only_the_page_for_frames_permits_frames(service: Site) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        policies = {path: client.get(path).headers["content-security-policy"] for path in ("/", "/admin/", "/embed")}
    school = f"http://127.0.0.1:{SCHOOL_PORT}"
    assert [policy.split("frame-ancestors ")[1] for policy in policies.values()] == ["'none'", "'none'", school]
    assert policies["/embed"].split("frame-ancestors")[0] == policies["/"].split("frame-ancestors")[0]
