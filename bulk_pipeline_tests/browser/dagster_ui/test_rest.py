"""Laws of the UI after a back-fill that was started by clicks has ended."""

import re

import pytest
from playwright.sync_api import Page, expect

from bulk_pipeline_tests.browser.dagster_ui.acting import (
    BATCH_ASSETS,
    drawn,
    plot,
    shown_metadata,
    tab,
)
from bulk_pipeline_tests.browser.dagster_ui.conftest import BACK_FILL, Scene, ended

pytestmark = pytest.mark.browser

CHECKS = """
query($asset: String!) {
  assetNodeOrError(assetKey: {path: [$asset]}) { ... on AssetNode {
    assetChecksOrError { ... on AssetChecks { checks {
      name executionForLatestMaterialization { status }
    } } }
  } }
}
"""
NEWEST = (
    "SELECT rows_read, inserted, rejected FROM run_metrics ORDER BY id DESC LIMIT 1"
)
NEITHER_LOST_NOR_TWICE = """
SELECT count(*), count(DISTINCT company_id || '/' || reporting_year)
FROM annual_predictions
"""
SAYS_A_RESULT = "contains(., 'Succeeded') or contains(., 'Failed')"
WHOLE = "100% completed2020"
"""Of an asset: partitions targeted, in progress, succeeded and failed."""
SEEN_AS_A_LINE = 100
"""Coloured pixels of a plot with a line; without one there are none."""


@pytest.fixture
def rest(scene: Scene) -> Scene:
    """The scene once its back-fill has ended: nothing changes any more."""
    scene.up.until(lambda: ended(scene.up, scene.back_fill))
    return scene


def test_a_back_fill_of_two_batches_is_green_and_changes_no_row(
    ui: Page, rest: Scene
) -> None:
    """After a change of the model or of a rule, batches are done again by the dozen."""
    ui.goto("/runs")
    ui.get_by_role("link", name=rest.back_fill).first.click()
    for asset in BATCH_ASSETS:
        link = ui.locator(f'a[href="/assets/{asset}"]')
        row = link.locator(f"xpath=ancestor::*[contains(., '{WHOLE}')]").last
        expect(row).to_have_text(re.compile(f"^({asset})+{WHOLE}$"))
    status = ui.get_by_text("Status", exact=True).locator("..")
    expect(status).to_contain_text("Succeeded")

    found = rest.up.ask(BACK_FILL, id=rest.back_fill)
    assert found["status"] == "COMPLETED_SUCCESS"
    assert sorted(found["partitionNames"]) == sorted(rest.batches[:2])
    assert [run["status"] for run in found["runs"]] == ["SUCCESS"] * 2
    [(rows, keys)] = rest.up.query(NEITHER_LOST_NOR_TWICE)
    assert rows == keys == sum(rest.up.loads(b)[0]["inserted"] for b in rest.batches)


@pytest.mark.parametrize("asset", ["ingestion_file", "batch_predictions"])
def test_checks_show_their_results(ui: Page, rest: Scene, asset: str) -> None:
    """A check whose result nobody sees checks nothing."""
    answer = rest.up.ask(CHECKS, asset=asset)
    checks = answer["assetChecksOrError"]["checks"]
    assert checks
    ui.goto(f"/assets/{asset}")
    tab(ui, "Checks")
    for check in checks:
        status = check["executionForLatestMaterialization"]["status"].capitalize()
        assert status == ("Failed" if "few_rejects" in check["name"] else "Succeeded")
        name = ui.get_by_title(check["name"], exact=True)
        entry = name.locator(f"xpath=ancestor::*[{SAYS_A_RESULT}]").last
        expect(entry).to_have_text(re.compile(f"{status}$"))


def test_figures_are_drawn_over_the_loads(ui: Page, rest: Scene) -> None:
    """One slow load is chance; a line that falls is not."""
    ui.goto("/assets/run_metrics")
    shown = shown_metadata(ui, "rows_read", column=2)
    [newest] = rest.up.query(NEWEST)
    assert tuple(int(shown[n]) for n in ("rows_read", "inserted", "rejected")) == newest

    ui.get_by_role("button", name="Plots").click()
    for name in ("rows_per_second", "rows_read", "seconds_load", "peak_memory_bytes"):
        chart = plot(ui, name)
        chart.scroll_into_view_if_needed()
        rest.up.until(lambda chart=chart: drawn(chart) > SEEN_AS_A_LINE)
