"""The page at /admin as a person uses it: a key, then a look, then a click."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis
from dramatiq import Message
from playwright.sync_api import Locator, Page, expect

from app.broker import StreamsBroker
from tests.stack import Stack

__all__ = ["ADMIN_KEY", "AdminPage", "bury_job", "bury_webhook", "with_admin_key"]

ADMIN_KEY = "an-administrators-key-of-the-tests-0123456789"
_PATIENCE_MS = 30_000


def with_admin_key(folder: Path) -> dict[str, str]:
    """The setting that makes ADMIN_KEY one."""
    path = folder / "admin-key"
    path.write_text(ADMIN_KEY)
    return {"PYXEC_ADMIN_KEY_FILE": str(path)}


class AdminPage:
    """One open page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(_PATIENCE_MS)

    def open(self, key: str = ADMIN_KEY) -> AdminPage:
        """Return once it shows figures."""
        self.page.goto(f"{self.url}/admin")
        self.enter(key)
        self.page.wait_for_selector(".tiles")
        return self

    def enter(self, key: str) -> None:
        self.page.get_by_label("Admin key").fill(key)
        self.page.keyboard.press("Enter")

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def tile(self, name: str) -> Locator:
        """The figure below this name."""
        return self.page.locator(".tiles > div").filter(has=self.page.get_by_text(name, exact=True)).locator("dd")

    def row(self, section: str, name: str) -> Locator:
        """The first row of a table that begins with this."""
        header = self.page.get_by_role("rowheader", name=name, exact=True)
        return self.section(section).get_by_role("row").filter(has=header).first

    def says(self, text: str) -> None:
        """Wait until this is announced."""
        expect(self.page.get_by_role("status").filter(has_text=text)).to_be_visible(timeout=_PATIENCE_MS)


def bury_job(stack: Stack, reason: str) -> str:
    """Submit a job and give it up, as a worker does whose attempts have all failed; its id. No worker may be there."""
    job_id = str(stack.submit("print('alive again')")["id"])
    _bury(stack, "jobs", reason)
    return job_id


def bury_webhook(stack: Stack, argument: str, reason: str) -> None:
    """A webhook that could not be delivered."""
    message: Message[Any] = Message(
        queue_name="webhooks", actor_name="deliver_webhook", args=(argument,), kwargs={}, options={}
    )
    _bury(stack, "webhooks", reason, message)


def _bury(stack: Stack, queue: str, reason: str, message: Message[Any] | None = None) -> None:
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
