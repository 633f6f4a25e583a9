"""Laws of what did not go well: it is red, and says why."""

import pytest
from playwright.sync_api import Page, expect

from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline_tests.browser.dagster_ui.acting import open_partition, tab
from bulk_pipeline_tests.browser.dagster_ui.conftest import REFUSED, Scene

pytestmark = pytest.mark.browser

NOT_MADE = "failed, and did not materialize this asset"


def test_a_refused_file_is_listed_with_its_reason_and_its_cure(
    ui: Page, scene: Scene
) -> None:
    """Whoever dropped it wants to know what to do next."""
    [folder] = (scene.up.home / "failed").iterdir()
    ui.goto("/assets/failed_uploads")
    tab(ui, "Events")
    row = ui.get_by_role("row").filter(has_text=REFUSED).last

    expect(row).to_contain_text("Needed columns are missing: return_on_assets.")
    expect(row).to_contain_text(f"bulk-pipeline retry {folder.name}")


def test_a_refused_file_is_red_and_the_batch_beside_it_green(
    ui: Page, scene: Scene
) -> None:
    """Red that is not meant is soon not looked at, nor is what should be red."""
    batch = scene.up.batch_of(REFUSED)
    said = {refused_sibling(batch): NOT_MADE, batch: "Materialized"}
    if batch not in scene.batches:  # it came alone
        said = {batch: NOT_MADE}
    for partition, text in said.items():
        open_partition(ui, "ingestion_file", partition)
        expect(ui.get_by_text(text, exact=text != NOT_MADE)).to_be_visible()
