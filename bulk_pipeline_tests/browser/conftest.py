"""A headless Chromium that is installed on the machine, and pages in it."""

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from bulk_pipeline_tests.running_up import PATIENCE_SECONDS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 1_000 * PATIENCE_SECONDS
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, one for all tests; they are skipped where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    # Chromium's sandbox refuses to work for root, as in containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh window; in the end, no error of a script, no breach of the policy.

    Nor a request to another host: the page works where there is no way out.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or ""))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.extend(breaches(message)))
    yield page
    context.close()
    assert faults == []
    assert asked <= {"127.0.0.1", ""}


def breaches(message: ConsoleMessage) -> list[str]:
    """What the console says of the Content-Security-Policy."""
    return [message.text] if "Content Security Policy" in message.text else []
