"""Prefect's own UI, as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.results.lab.needs import chromium

PATIENCE = 120_000
"""Milliseconds that the UI has, on a machine that is busy with other things."""


@contextmanager
def page_of(url: str, run: str) -> Iterator[Page]:
    """Open the page of a flow run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--no-proxy-server"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 760})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{url.removesuffix('/api')}/runs/flow-run/{run}")
        yield page
        browser.close()


def press_retry(url: str, run: str) -> None:
    """Press the Retry button of a flow run, and confirm."""
    with page_of(url, run) as page:
        page.get_by_role("button", name="Retry", exact=True).first.click()
        with page.expect_response(lambda answer: answer.url.endswith("/set_state")):
            page.get_by_role("dialog").get_by_role("button", name="Retry", exact=True).click()


def draw(url: str, run: str, picture: Path) -> None:
    """Keep what the page of a flow run looks like, graph and all."""
    with page_of(url, run) as page:
        page.locator("canvas").first.wait_for()
        page.wait_for_timeout(4_000)
        page.screenshot(path=picture)
