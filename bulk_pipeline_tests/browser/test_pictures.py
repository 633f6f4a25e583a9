"""The pictures of the page in the documents: ``make pictures``."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from bulk_pipeline_tests.browser.acting import ended, send
from bulk_pipeline_tests.browser.serving import serving
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.running_up import running_up

FOLDER = "BULK_PIPELINE_TEST_PICTURES"
LARGEST_BYTES = 150_000
FIRST, BAD, GOOD = "accounts-west.csv", "accounts-south.csv", "accounts-north.csv"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOLDER not in os.environ, reason=f"{FOLDER} is not set"),
]


@pytest.fixture(scope="module")
def address(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A page with two loaded uploads of invented companies, and a failed one."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = rows_of([f"ZZ{n:03}" for n in range(120)], range(2001, 2011))
    for number, row in enumerate(rows):
        row["company_name"] = f"Invented Company {number // 10:03}"
    wrong = [{**ROW, "reporting_year": "soon"}] * 3 + [{**ROW, "market_cap": "much"}]
    header = [name for name in ROW if name != "return_on_assets"]
    with running_up(folder / "home") as up, serving(up.home) as found:
        page = chromium.new_page()
        page.goto(found)
        send(page, write_csv(folder / FIRST, rows[:300]))
        ended(page, FIRST, "Loaded")
        send(page, write_csv(folder / BAD, [ROW], header))
        ended(page, BAD, "Failed")
        send(page, write_csv(folder / GOOD, [*rows, *wrong]))
        ended(page, GOOD, "Loaded")
        page.context.close()
        yield found


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("upload-page", 1000, "light"), ("upload-page-phone", 375, "dark")],
)
def test_the_page_is_pictured(
    chromium: Browser,
    address: str,
    name: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    """A picture that nobody can make again grows old."""
    context = chromium.new_context(
        viewport={"width": width, "height": 700}, color_scheme=scheme
    )
    page = context.new_page()
    page.goto(address)
    for file, state in ((GOOD, "Loaded"), (BAD, "Failed")):
        ended(page, file, state).locator("summary").click()
    path = Path(os.environ[FOLDER]) / f"{name}.png"
    picture(page, path)
    context.close()

    assert path.stat().st_size <= LARGEST_BYTES


def picture(page: Page, path: Path) -> None:
    """Save the whole page, with no field in focus."""
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(0, 0)
    page.screenshot(path=path, full_page=True)
