"""Page object of /admin, and helpers that create dead letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis
from dramatiq import Message
from playwright.sync_api import Locator, Page, expect

from app.broker import StreamsBroker
from tests.stack import Stack

__all__ = ["ADMIN_KEY", "AdminPage", "admin_key_setting", "dead_letter_job", "dead_letter_webhook"]

ADMIN_KEY = "an-administrators-key-of-the-tests-0123456789"
_TIMEOUT_MS = 30_000


def admin_key_setting(folder: Path) -> dict[str, str]:
    """Return the setting that makes ADMIN_KEY an admin key. The key is stored in a file in ``folder``."""
    path = folder / "admin-key"
    path.write_text(ADMIN_KEY)
    return {"PYXEC_ADMIN_KEY_FILE": str(path)}


class AdminPage:
    """The admin page in a browser tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(_TIMEOUT_MS)

    def open(self, key: str = ADMIN_KEY) -> AdminPage:
        """Open the page with a key, and wait until it shows data."""
        self.page.goto(f"{self.url}/admin")
        self.enter_key(key)
        self.page.wait_for_selector(".tiles")
        return self

    def enter_key(self, key: str) -> None:
        self.page.get_by_label("Admin key").fill(key)
        self.page.keyboard.press("Enter")

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def tile(self, name: str) -> Locator:
        """Return the value of a tile."""
        return self.page.locator(".tiles > div").filter(has=self.page.get_by_text(name, exact=True)).locator("dd").first

    def row(self, section: str, name: str) -> Locator:
        """Return the first row of a table with this row header."""
        header = self.page.get_by_role("rowheader", name=name, exact=True)
        return self.section(section).get_by_role("row").filter(has=header).first

    def expect_notice(self, text: str) -> None:
        """Wait until a banner contains this text."""
        expect(self.page.get_by_role("status").filter(has_text=text)).to_be_visible(timeout=_TIMEOUT_MS)


def dead_letter_job(stack: Stack, reason: str) -> str:
    """Submit a job and dead-letter it, as a worker does after the last attempt. Requires a stack without workers.

    Returns:
        The id of the job.
    """
    job_id = str(stack.submit("print('alive again')")["id"])
    _dead_letter(stack, "jobs", reason)
    return job_id


def dead_letter_webhook(stack: Stack, argument: str, reason: str) -> None:
    """Dead-letter the delivery of a webhook."""
    message: Message[Any] = Message(
        queue_name="webhooks", actor_name="deliver_webhook", args=(argument,), kwargs={}, options={}
    )
    _dead_letter(stack, "webhooks", reason, message)


def _dead_letter(stack: Stack, queue: str, reason: str, message: Message[Any] | None = None) -> None:
    client = redis.Redis.from_url(stack.redis_url)
    broker = StreamsBroker(client=client, namespace=stack.namespace)
    broker.declare_queue(queue)
    if message is not None:
        broker.enqueue(message)
    consumer = broker.consume(queue, prefetch=1, timeout=500)
    delivery = next(consumer)
    assert delivery is not None, "nothing was delivered"
    delivery.stuff_exception(RuntimeError(reason))
    consumer.nack(delivery)
    broker.close()
    client.close()
