"""The page and other origins: its policy, hostile output, and pages that embed or open it."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.content_security_policy import policy_violations, record_policy_violations
from tests.e2e.editor_page import EditorPage, encode_fragment
from tests.e2e.site import Site
from tests.stack import ROOT

pytestmark = pytest.mark.docker

POLICY = (
    "default-src 'none'; script-src {scripts}; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HOSTILE_ORIGIN = "http://hostile.example"
KEY = "pyxec_a_stored_key"
PROGRAM = {"files": [{"name": "main.py", "content": "print('run by a hostile page')"}]}
# A hostile page: it embeds the editor or opens it in a window, presses its keys, and reads what it can.
HOSTILE_PAGE = """<!doctype html><title>hostile</title><script>
window.received = []
addEventListener('message', ({ data }) => received.push(data))
function embed(url) {
  const frame = document.createElement('iframe')
  frame.src = url
  frame.allow = 'clipboard-read; clipboard-write'
  document.body.append(frame)
  window.target = frame.contentWindow
  return new Promise(resolve => { frame.onload = resolve })
}
function attack() {
  const learned = []
  const read = (name, action) => {
    try {
      const value = action()
      if (value) learned.push(name + ': ' + value)
    } catch {} // The browser refuses.
  }
  read('document', () => target.document.documentElement.outerHTML)
  read('storage', () => JSON.stringify(target.localStorage))
  read('address', () => target.location.href)
  read('store', () => Object.keys(target.runController))
  const messages = ['run', { type: 'run' }, { type: 'pyxec.run' }, { type: 'pyxec:run', run: true }, { action: 'run' }]
  for (const message of messages) read('', () => target.postMessage(message, '*'))
  read('', () => target.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true })))
  return [...learned, ...received.map(data => 'message: ' + JSON.stringify(data))]
}
</script><body></body>"""

HOSTILE_OUTPUT = r"""
import base64, sys
secret = base64.b64encode(b"stolen").decode()
print(f"\x1b]0;owned\x07\x1b]2;owned\x07", end="")
print(f"\x1b]52;c;{secret}\x07", end="")
print("\x1b]8;;https://example.org/trap\x07click me\x1b]8;;\x07")
print("\x1b]10;#000000\x07\x1b]11;#000000\x07\x1b]4;1;#000000\x07", end="")
print("<img src=x onerror=alert(1)><script>alert(1)</script>")
print("harmless")
"""


def test_page_sends_requests_only_to_its_origin_and_violates_no_policy(page: Page, site: Site) -> None:
    # Given a page whose requests are recorded
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    record_policy_violations(page)
    editor = EditorPage(page, site.url).open()
    # When it runs a program
    editor.run("print('done')")
    editor.expect_status("Finished normally")
    # Then it has sent requests only to its origin, and the policy has blocked none of them
    assert [url for url in urls if not url.startswith((site.url, "data:", "blob:"))] == []
    assert any("/v1/jobs" in url for url in urls)
    assert policy_violations(page) == []
    # And an inline script and a request to another origin are blocked
    page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.injected = true';"
        " document.body.append(script); return fetch('https://example.org/').catch(() => null) }"
    )
    assert page.evaluate("window.injected") is None
    assert len(policy_violations(page)) == 2


def test_only_the_worker_of_the_formatters_may_compile_web_assembly(site: Site) -> None:
    assets = [
        f"/assets/{path.name}" for path in (ROOT / "web/dist/assets").iterdir() if path.suffix not in (".br", ".gz")
    ]
    policies = {}
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        for path in ["/", "/admin/", "/theme.js", "/sw.js", "/missing", *assets]:
            policies[path] = client.head(path).headers.get_list("Content-Security-Policy")

    (worker,) = (path for path in policies if re.match("/assets/toolsWorker-.*[.]js$", path))
    assert policies.pop(worker) == [POLICY.format(scripts="'self' 'wasm-unsafe-eval'")]
    assert {tuple(values) for values in policies.values()} == {(POLICY.format(scripts="'self'"),)}


def test_terminal_shows_hostile_output_as_text(shared_editor: EditorPage) -> None:
    editor = shared_editor
    background = "element => getComputedStyle(element).backgroundColor"
    title_before = editor.page.title()
    background_before = editor.page.locator(".xterm-viewport").evaluate(background)

    editor.run(HOSTILE_OUTPUT)
    editor.expect_output("harmless")

    assert editor.page.title() == title_before
    assert editor.page.locator(".terminal a, .terminal img, .terminal script").count() == 0
    box = editor.terminal.get_by_text("click me").bounding_box()
    assert box is not None
    editor.page.mouse.click(box["x"] + 10, box["y"] + 5)
    assert len(editor.page.context.pages) == 1
    assert editor.page.locator(".xterm-viewport").evaluate(background) == background_before
    assert "<script>alert(1)</script>" in editor.output()


@pytest.mark.parametrize("path", ["/", "/admin/"])
def test_hostile_page_cannot_embed_the_page(browser: Browser, site: Site, path: str) -> None:
    # Given a visitor with a stored key
    context = browser.new_context(service_workers="block")
    context.add_init_script(f"if (location.origin === '{site.url}') localStorage['pyxec.apiKey'] = '\"{KEY}\"'")
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    context.route(f"{HOSTILE_ORIGIN}/", serve_hostile_page)
    page = context.new_page()
    page.goto(HOSTILE_ORIGIN)
    # When a hostile page embeds it with a program
    page.evaluate("url => embed(url)", f"{site.url}{path}{encode_fragment('python', PROGRAM)}")
    # Then the page is not loaded, the hostile page learns nothing, and nothing runs
    assert page.evaluate("attack()") == []
    assert [url for url in requests if "/v1/" in url or "/assets/" in url] == []
    assert len(page.frames) == 2
    assert page.frames[1].url.startswith("chrome-error:")
    context.close()


def test_hostile_page_that_opens_the_editor_learns_nothing_and_runs_nothing(browser: Browser, site: Site) -> None:
    # Given a visitor with a stored key
    context = browser.new_context(service_workers="block")
    context.add_init_script(f"if (location.origin === '{site.url}') localStorage['pyxec.apiKey'] = '\"{KEY}\"'")
    submissions: list[str] = []
    context.on("request", lambda request: submissions.append(request.url) if request.method == "POST" else None)
    context.route(f"{HOSTILE_ORIGIN}/", serve_hostile_page)
    page = context.new_page()
    page.goto(HOSTILE_ORIGIN)
    # When a hostile page opens it with a program
    with page.expect_popup() as popup:
        page.evaluate("url => { window.target = open(url) }", f"{site.url}/{encode_fragment('python', PROGRAM)}")
    editor = EditorPage(popup.value, site.url)
    editor.wait_until_loaded()
    expect(editor.page.locator(".shared-banner")).to_be_visible()
    # Then it learns nothing, and the program does not run
    assert page.evaluate("attack()") == []
    assert editor.page.evaluate("window.opener") is None
    editor.expect_status("The API key is not valid")
    assert [url for url in submissions if "/v1/jobs" in url] == []
    context.close()


def serve_hostile_page(route: Route) -> None:
    route.fulfill(content_type="text/html", body=HOSTILE_PAGE)
