"""The editor with a server that requires an API key."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.admin_page import ADMIN_KEY, admin_key_setting
from tests.e2e.editor_page import EditorPage
from tests.e2e.site import serve_page
from tests.stack import Stack

pytestmark = pytest.mark.docker


def test_editor_asks_for_a_key_and_never_puts_it_into_a_url(
    own_stack: Stack, page: Page, page_files: None, tmp_path: Path
) -> None:
    # Given a server that requires a key, with a worker that runs one program at a time
    own_stack.settings |= {"PYXEC_ISOLATION": "cell", "PYXEC_ANONYMOUS": "off", **admin_key_setting(tmp_path)}
    own_stack.start_api()
    own_stack.start_worker(threads=1)
    response = own_stack.http.post(
        "/v1/admin/keys", headers={"Authorization": f"Bearer {ADMIN_KEY}"}, json={"name": "page", "tier": "standard"}
    )
    key = response.raise_for_status().json()["key"]
    site = serve_page(own_stack, own_stack.folder / "nginx")
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.on("websocket", lambda socket: urls.append(socket.url))
    editor = EditorPage(page, site.url).open()
    editor.expect_status("requires an API key")
    # When a wrong key is entered, it is rejected
    page.get_by_role("button", name="Enter a key").click()
    save_key(editor, "pyxec_wrong")
    editor.expect_status("API key is not valid")
    # When the right key is entered, it is accepted
    page.get_by_role("button", name="Enter a key").click()
    page.get_by_role("button", name="Remove key").click()
    save_key(editor, key)
    editor.expect_status("Ready")
    # Then programs run, also after a reload, and no URL contains the key
    page.reload()
    editor.wait_until_loaded()
    editor.run("open('a.png', 'w').write('x'); print('by key')")
    editor.expect_output("by key")
    editor.expect_status("Finished normally")
    expect(page.locator(".artifacts")).to_contain_text("image cannot be shown")
    assert page.evaluate("Object.values(localStorage).join()").find(key) == -1
    assert any("ticket=" in url for url in urls)
    assert not any(key in url for url in urls)

    check_queue_position(own_stack, editor, key)


def check_queue_position(stack: Stack, editor: EditorPage, key: str) -> None:
    """Not a test of its own, because the start of another stack takes longer than this check."""
    # Given a busy worker and a queued job
    stack.http.headers["Authorization"] = f"Bearer {key}"
    jobs = [stack.submit("import time\ntime.sleep(60)", limits={"wall_seconds": 60})["id"] for _ in range(2)]
    # When the editor submits another job, it shows the position in the queue
    editor.run("print('at last')")
    editor.expect_status("Queued: 1 program is ahead")
    # And the job runs after the others are cancelled
    for job_id in reversed(jobs):
        stack.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
    editor.expect_output("at last")


def save_key(editor: EditorPage, key: str) -> None:
    editor.page.get_by_label("API key", exact=True).fill(key)
    editor.page.get_by_role("button", name="Save key").click()
    editor.page.keyboard.press("Escape")
