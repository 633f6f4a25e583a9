"""Laws of the asset graph: whoever opens the UI first sees what there is."""

import dagster as dg
import pytest
from playwright.sync_api import Browser, expect

from bulk_pipeline.definitions import build_definitions
from bulk_pipeline_tests.browser.dagster_ui.acting import expand_groups, window
from bulk_pipeline_tests.browser.dagster_ui.conftest import Scene

pytestmark = pytest.mark.browser


BEGINNING = 60  # of a description; the catalogue cuts long ones


def specs() -> list[dg.AssetSpec]:
    """The assets of the code location."""
    return list(build_definitions().resolve_all_asset_specs())


def test_the_graph_has_every_asset_by_its_name(chromium: Browser, scene: Scene) -> None:
    """An asset that is not seen is not used."""
    # Beyond this size Dagster leaves out what a box says and shortens its name.
    with window(chromium, scene.up.port, width=3000, height=2000) as page:
        page.goto("/")
        page.get_by_role("link", name="Lineage").click()
        expand_groups(page)
        boxes = page.locator("foreignObject")
        for spec in specs():
            name = page.get_by_text(spec.key.to_user_string(), exact=True)
            box = boxes.filter(has=name).filter(has_text="Latest event")
            expect(box).to_be_visible()


def test_the_catalogue_says_of_every_asset_what_it_is(
    chromium: Browser, scene: Scene
) -> None:
    """A name says little to whoever has not chosen it."""
    with window(chromium, scene.up.port, height=2000) as page:
        page.goto("/assets")
        for spec in specs():
            first, *_ = (spec.description or "").splitlines()
            assert first
            expect(page.get_by_text(first[:BEGINNING]).first).to_be_visible()
