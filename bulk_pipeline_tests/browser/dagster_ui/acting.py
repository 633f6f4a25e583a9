"""What a person does in Dagster's UI, and what they see there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from bulk_pipeline_tests.browser.conftest import PATIENCE_MS

BATCH_ASSETS = (
    "ingestion_file",
    "rejected_rows",
    "companies",
    "batch_predictions",
    "annual_predictions",
)
"""The assets that a batch materialises."""
ELSEWHERE = re.compile(r"^(?!https?://127\.0\.0\.1[:/])")
"""Addresses of other hosts."""


@contextmanager
def window(
    chromium: Browser, port: int, width: int = 1400, height: int = 1000
) -> Iterator[Page]:
    """A fresh window on the UI at this port, in UTC, that reaches no other host.

    A path such as ``/assets`` is enough for ``goto``. In the end no script has failed.
    """
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        base_url=f"http://127.0.0.1:{port}",
        timezone_id="UTC",
        locale="en-US",
        reduced_motion="reduce",
    )
    context.route(ELSEWHERE, lambda route: route.abort())
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def tab(page: Page, name: str) -> None:
    """Open a tab of an asset or a run."""
    page.get_by_role("tab", name=name, exact=True).click()


def press(page: Page, icon: str) -> None:
    """Press the last button that has this icon and no text."""
    named = page.get_by_role("img", name=icon, exact=True)
    page.get_by_role("button").filter(has=named).last.click()


def expand_groups(page: Page) -> None:
    """Show the assets of all groups in the graph."""
    expect(page.get_by_role("img", name="zoom_in")).to_be_visible()
    press(page, "settings")
    page.get_by_role("menuitem", name="Expand all groups").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menuitem")).to_have_count(0)


def choose(page: Page, *partitions: str) -> Locator:
    """Choose partitions in the dialog that starts runs; returns the dialog."""
    dialog = page.get_by_role("dialog").first
    dialog.get_by_text("Select a partition or create one").click()
    for partition in partitions:
        named = page.get_by_title(partition, exact=True)
        page.get_by_role("menuitem").filter(has=named).click()
    page.keyboard.press("Escape")
    chosen = re.compile(rf"^{len(partitions)} partitions?$")
    expect(dialog.get_by_text(chosen)).to_be_visible()
    return dialog


def launch(page: Page, dialog: Locator) -> str:
    """Start what a dialog offers and go where its message leads; returns the key."""
    dialog.get_by_role("button", name="Launch").click()
    return launched(page)


def launched(page: Page) -> str:
    """Go where the message leads that something was started; returns its key."""
    notice = page.get_by_role("region", name="Notifications")
    notice.get_by_role("link", name="View").click()
    page.wait_for_url("**/runs/**")
    return urlsplit(page.url).path.rsplit("/", 1)[1]


def tick(page: Page, asset: str) -> None:
    """Tick the box of an asset in the catalogue."""
    box = page.get_by_test_id(f"checkbox-{asset}")
    page.locator("label").filter(has=box).click()
    expect(box).to_be_checked()


def open_partition(page: Page, asset: str, partition: str) -> None:
    """Open what an asset says of a partition, by clicks."""
    page.goto(f"/assets/{asset}")
    tab(page, "Partitions")
    page.get_by_title(partition, exact=True).click()
    heading = page.get_by_text(partition, exact=True).locator("visible=true")
    expect(heading.last).to_be_visible()
    expect(page.get_by_text("Latest materialization")).to_be_visible()


def shown_metadata(page: Page, awaited: str, column: int = 1) -> dict[str, str]:
    """The values in a column of the table of metadata, as texts by their keys.

    Args:
        page: which shows the table.
        awaited: a key that it will have.
        column: where the values are, after the keys in 0.
    """
    table = page.locator("table").first
    expect(table.get_by_text(awaited, exact=True)).to_be_visible()
    rows = table.locator("> tbody > tr").all()
    cells = [row.locator("> td").all_inner_texts() for row in rows]
    return {row[0]: row[column] for row in cells if len(row) > column}


def plot(page: Page, name: str) -> Locator:
    """The drawing of the plot with this title."""
    titled = page.locator("div").filter(has=page.get_by_text(name, exact=True))
    return titled.filter(has=page.locator("canvas")).last.locator("canvas")


def drawn(chart: Locator) -> int:
    """How many pixels of a chart are neither white nor grey nor clear."""
    return int(
        chart.evaluate(
            """canvas => {
              const size = [canvas.width, canvas.height];
              const data = canvas.getContext("2d").getImageData(0, 0, ...size).data;
              let coloured = 0;
              for (let i = 0; i < data.length; i += 4) {
                const [r, g, b] = data.slice(i, i + 3);
                if (data[i + 3] && Math.max(r, g, b) - Math.min(r, g, b) > 60) {
                  coloured += 1;
                }
              }
              return coloured;
            }"""
        )
    )
