"""Laws of the links between documents: each leads somewhere, each page is found."""

from pathlib import Path

import pytest

from bulk_pipeline_tests.documents import PAGES, README, ROOT, anchors, links, named

CHAPTERS = sorted(ROOT.glob("docs/*.md"))
DECISIONS = sorted(ROOT.glob("docs/adr/[0-9]*.md"))


def targets(page: Path) -> set[Path]:
    """The files that a page links to."""
    return {
        (page.parent / link.partition("#")[0]).resolve()
        for link in links(page)
        if not link.startswith("#")
    }


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_and_every_anchor_leads_somewhere(page: Path) -> None:
    """A dead link tells readers that nobody reads."""
    for link in links(page):
        where, _, anchor = link.partition("#")
        target = (page.parent / where).resolve() if where else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), f"{link} leaves the project"
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme() -> None:
    """A page that nothing leads to is read by nobody and goes stale."""
    assert {*CHAPTERS} <= targets(README)


def test_every_decision_is_in_the_index_of_decisions() -> None:
    """Whoever asks why looks there, not through the folder."""
    assert {*DECISIONS} <= targets(ROOT / "docs/adr/README.md")


def test_every_picture_is_shown_somewhere() -> None:
    """A picture that no page shows is not looked at when the UI changes."""
    shown = {target for page in PAGES for target in targets(page)}
    pictures = {*ROOT.glob("docs/images/*")}
    assert pictures
    assert pictures <= shown
