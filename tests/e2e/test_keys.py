"""A server that takes nobody without a key, and what a person does about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import Editor
from tests.e2e.site import serving
from tests.stack import Stack

pytestmark = pytest.mark.docker

ADMIN_KEY = "an-administrators-key-of-the-tests-0123456789"


def test_where_a_key_is_wanted_it_is_asked_for_kept_and_never_put_into_an_address(
    own_stack: Stack, page: Page, page_files: None, tmp_path: Path
) -> None:
    # Given a server that wants a key, with one worker that runs one program at a time
    (tmp_path / "admin-key").write_text(ADMIN_KEY)
    own_stack.settings |= {"PYXEC_ANONYMOUS": "off", "PYXEC_ADMIN_KEY_FILE": str(tmp_path / "admin-key")}
    own_stack.start_api()
    own_stack.start_worker(threads=1)
    made = own_stack.http.post(
        "/v1/admin/keys", headers={"Authorization": f"Bearer {ADMIN_KEY}"}, json={"name": "page", "tier": "standard"}
    )
    key = made.raise_for_status().json()["key"]
    with serving(own_stack, own_stack.folder / "nginx") as site:
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        page.on("websocket", lambda socket: addresses.append(socket.url))
        editor = Editor(page, site.url).open()
        editor.says("only for those who have a key")
        # When a wrong one is entered
        enter_key(editor, "pyxec_wrong")
        # Then that is told
        editor.says("does not know your key")
        # And when the right one is
        page.get_by_role("button", name="Enter a key").click()
        page.get_by_role("button", name="Forget it").click()
        type_key(editor, key)
        editor.says("Ready")
        # Then programs run, also after a reload of the tab, and no address has ever had it
        page.reload()
        editor.wait_until_loaded()
        editor.run("open('a.png', 'w').write('x'); print('by key')")
        editor.shows("by key")
        editor.says("Finished normally")
        expect(page.locator(".artifacts")).to_contain_text("no picture that can be shown")
        assert page.evaluate("Object.values(localStorage).join()").find(key) == -1
        assert any("ticket=" in address for address in addresses)
        assert not any(key in address for address in addresses)

        waits_and_is_told_how_many_are_before_it(own_stack, editor, key)


def waits_and_is_told_how_many_are_before_it(stack: Stack, editor: Editor, key: str) -> None:
    """Here because a stack of one's own takes longer than the test."""
    # Given a worker that is busy, and another program that waits
    stack.http.headers["Authorization"] = f"Bearer {key}"
    jobs = [stack.submit("import time\ntime.sleep(60)", limits={"wall_seconds": 60})["id"] for _ in range(2)]
    # When one more is run
    editor.run("print('at last')")
    # Then its place is told, and when the others are gone it runs
    editor.says("Waiting: 1 program is before yours")
    for job_id in reversed(jobs):
        stack.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
    editor.shows("at last")


def enter_key(editor: Editor, key: str) -> None:
    editor.page.get_by_role("button", name="Enter a key").click()
    type_key(editor, key)


def type_key(editor: Editor, key: str) -> None:
    editor.page.get_by_label("API key", exact=True).fill(key)
    editor.page.get_by_role("button", name="Use this key").click()
    editor.page.keyboard.press("Escape")
