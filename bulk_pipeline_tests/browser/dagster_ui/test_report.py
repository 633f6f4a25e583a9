"""Laws of the performance report in the UI: made by a click, seen without its file."""

import pytest
from playwright.sync_api import Page, expect

from bulk_pipeline_tests.browser.dagster_ui.acting import (
    launched,
    shown_metadata,
    tab,
)
from bulk_pipeline_tests.browser.dagster_ui.conftest import Scene

pytestmark = pytest.mark.browser

LINK = "[Show Markdown]"
SMALLEST_WIDTH = 300


def test_the_report_is_made_by_a_click_and_shows_its_pictures(
    ui: Page, scene: Scene
) -> None:
    """Whoever has no login on the machine sees the plots all the same."""
    ui.goto("/assets/performance_report")
    ui.get_by_role("button", name="Materialize").click()
    # Dagster asks once more while a table that the report reads was never made.
    sure = ui.get_by_role("button", name="Confirm")
    expect(sure.or_(ui.get_by_role("link", name="View", exact=True))).to_be_visible()
    if sure.is_visible():
        sure.click()
    launched(ui)
    expect(ui.get_by_text("Success", exact=True)).to_be_visible()

    ui.goto("/assets/performance_report")
    tab(ui, "Events")
    shown = shown_metadata(ui, "rows_stored")
    [(rows,)] = scene.up.query("SELECT count(*) FROM annual_predictions")
    assert int(shown["rows_stored"]) == rows
    pictures = [key for key, value in shown.items() if value == LINK]
    assert {"rows_per_second", "outcomes", "levels_by_year"} <= {*pictures}
    for key in pictures:
        row = ui.get_by_role("row").filter(has=ui.get_by_text(key, exact=True))
        row.get_by_text(LINK).click()
        picture = ui.get_by_role("dialog").locator("img")
        expect(picture).to_be_visible()
        assert picture.evaluate("img => img.naturalWidth") > SMALLEST_WIDTH
        ui.keyboard.press("Escape")
        expect(picture).to_have_count(0)
