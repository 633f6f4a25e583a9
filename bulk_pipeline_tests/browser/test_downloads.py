"""Laws of what the page saves: small and large files, and none at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from bulk_pipeline_tests.browser.acting import downloaded, ended, sign_in
from bulk_pipeline_tests.browser.serving import serving
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline

pytestmark = pytest.mark.browser

LIMIT = "MOST_IN_MEMORY = 64 * 2 ** 20"


@pytest.fixture
def address(home: Path, tmp_path: Path) -> Iterator[str]:
    """Where the page is, of a home with one loaded upload."""
    loaded = write_csv(tmp_path / "loaded.csv", rows_of(["ZZ01"], range(2001, 2011)))
    done = bulk_pipeline("ingest", loaded)
    assert done.returncode == 0, done.stdout + done.stderr
    with serving(home) as found:
        yield found


@pytest.fixture
def small_memory(page: Page) -> None:
    """A page that takes 16 bytes into memory at most, so that every file is large."""

    def script(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        assert LIMIT in text
        route.fulfill(response=answer, body=text.replace(LIMIT, "MOST_IN_MEMORY = 16"))

    page.route("**/page/client.js", script)


def test_a_large_file_goes_past_the_page_to_the_disk(
    page: Page, address: str, small_memory: None, tmp_path: Path
) -> None:
    """A page that holds a gigabyte of rows in memory dies, and its uploads with it."""
    page.goto(address)
    shown = ended(page, "loaded.csv", "Loaded")
    shown.locator("summary").click()

    path = downloaded(page, shown, "Results CSV", tmp_path)
    assert path.name == "loaded-results.csv"
    assert len(path.read_text().splitlines()) == 11
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_large_file_that_needs_a_token_says_how_to_fetch_it(
    page: Page, address: str, small_memory: None
) -> None:
    """A link carries no token; a program does, and the page names one."""
    token = bulk_pipeline("tokens", "add", "ann").stdout.strip()
    page.goto(address)
    sign_in(page, token)
    shown = ended(page, "loaded.csv", "Loaded")
    shown.locator("summary").click()
    shown.get_by_role("button", name="as CSV").click()

    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text(f"{address}api/v1/uploads/")
    expect(trouble).to_contain_text("curl")
    assert token not in trouble.inner_text()


def test_rows_that_cannot_be_had_are_said_not_saved(page: Page, address: str) -> None:
    """An error saved as a spreadsheet is opened as one."""
    page.goto(address)
    shown = ended(page, "loaded.csv", "Loaded")
    shown.locator("summary").click()
    key = shown.locator(".body > .quiet").inner_text().split()[1]
    assert bulk_pipeline("withdraw", key).returncode == 0
    shown.get_by_role("button", name="as CSV").click()

    expect(page.locator("#trouble")).to_contain_text("withdrawn")
    expect(shown.get_by_role("button", name="as CSV")).to_be_enabled()
