"""Records violations of the content security policy in a page."""

from __future__ import annotations

from playwright.sync_api import Page

__all__ = ["policy_violations", "record_policy_violations"]


def record_policy_violations(page: Page) -> None:
    """Record violations from the next navigation on."""
    page.add_init_script(
        "window.policyViolations = []; addEventListener('securitypolicyviolation', event =>"
        " policyViolations.push(event.violatedDirective + ' ' + event.blockedURI))"
    )


def policy_violations(page: Page) -> list[str]:
    """Return the violations since the last navigation."""
    violations: list[str] = page.evaluate("window.policyViolations")
    return violations
