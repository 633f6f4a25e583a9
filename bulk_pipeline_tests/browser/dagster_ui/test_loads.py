"""Laws of what the UI says of a load, and of loads that are started by clicks."""

from collections.abc import Iterator
from math import isclose

import pytest
from playwright.sync_api import Browser, Page, expect

from bulk_pipeline.core.metrics import STAGES
from bulk_pipeline_tests.browser.dagster_ui.acting import (
    choose,
    launch,
    open_partition,
    shown_metadata,
    window,
)
from bulk_pipeline_tests.browser.dagster_ui.conftest import Scene

pytestmark = pytest.mark.browser

STORED = """
SELECT symbol, reporting_year, reporting_quarter, probability, upload_id
FROM annual_predictions JOIN companies ON companies.id = company_id ORDER BY 1, 2, 3
"""
ROWS_OF_A_BATCH = """
SELECT count(*) FROM annual_predictions JOIN uploads ON uploads.id = upload_id
WHERE batch_key = ?
"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@pytest.fixture
def tall(chromium: Browser, scene: Scene) -> Iterator[Page]:
    """A window in which a whole table of metadata can be seen."""
    with window(chromium, scene.up.port, height=2400) as page:
        yield page


def test_the_figures_of_a_load_are_those_of_the_database(
    tall: Page, scene: Scene
) -> None:
    """Figures are believed until one of them is wrong."""
    batch = scene.batches[-1]
    open_partition(tall, "annual_predictions", batch)
    shown = shown_metadata(tall, "rows_read")

    [(stored,)] = scene.up.query(ROWS_OF_A_BATCH, batch)
    assert int(shown["inserted"]) == stored > 0
    assert int(shown["rows_read"]) == stored + int(shown["rejected"])
    assert int(shown["rejected"]) > 0
    rate = int(shown["rows_read"]) / float(shown["seconds"])
    assert isclose(float(shown["rows_per_second"]), rate, rel_tol=0.01)
    kept = "rows_per_second, tier, " + ", ".join(f"{s}_seconds" for s in STAGES)
    [(rate, tier, *stages)] = scene.up.query(
        f"SELECT {kept} FROM run_metrics WHERE batch_key = ?"  # noqa: S608
        " ORDER BY id DESC LIMIT 1",
        batch,
    )
    assert shown["tier"] == tier
    seen = [float(shown["rows_per_second"])]
    seen += [float(shown[f"seconds_{stage}"]) for stage in STAGES]
    assert seen == pytest.approx([rate, *stages], rel=0.01, abs=0.001)


def test_a_batch_is_materialised_by_clicks(ui: Page, scene: Scene) -> None:
    """Whoever doubts a load does it again, without a terminal and without harm."""
    batch = scene.batches[2]
    stored, loads = scene.up.query(STORED), len(scene.up.loads(batch))
    ui.goto("/assets/annual_predictions")
    ui.get_by_role("button", name="Materialize").click()
    key = launch(ui, choose(ui, batch))

    expect(ui.get_by_text("Success", exact=True)).to_be_visible()
    assert scene.up.ask(STATUS, id=key)["status"] == "SUCCESS"
    assert len(scene.up.loads(batch)) == loads + 1
    assert scene.up.query(STORED) == stored


def test_the_events_of_a_run_show_the_performance_card(
    tall: Page, scene: Scene
) -> None:
    """Where the time went is looked at, not worked out from thirty numbers."""
    batch = scene.batches[-1]
    *_, first = scene.up.ended_runs(batch)
    [*_, load] = scene.up.loads(batch)
    tall.goto("/runs")
    tall.get_by_role("link", name=first["runId"][:8]).click()
    expect(tall.get_by_text("Success", exact=True)).to_be_visible()
    tall.get_by_placeholder("Filter…").fill("annual_predictions")
    tall.get_by_text("Show Markdown").first.click()

    card = tall.get_by_role("dialog")
    rate, tier = f"{load['rows_per_second']:,.0f} rows/s", load["tier"]
    expect(card.get_by_role("heading", level=3)).to_contain_text(f"{tier} · {rate}")
    for stage in STAGES:
        expect(card.locator("pre")).to_contain_text(stage)
    expect(card).to_contain_text(f"{load['inserted']:,} inserted")
