"""Any two databases become equal, whatever they held; then nothing is left to do."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from bulk_pipeline.core.syncing import SyncReport
from bulk_pipeline_tests.adapters.syncing.contents import contents
from bulk_pipeline_tests.adapters.syncing.pair import TABLES, Content, Pair, shown

WIRE = "wire"
WAYS = pytest.mark.parametrize("way", ["attached", WIRE])
by_chance = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def kept(report: SyncReport) -> dict[str, int]:
    """Table → rows that the target keeps for itself."""
    return {name: counts.kept for name, counts in report.tables.items()}


@WAYS
@by_chance
@given(source=contents(), target=contents())
def test_any_two_databases_become_equal_and_stay_so(
    way: str, source: Content, target: Content
) -> None:
    """The promise itself, looked at before, done, and done again.

    What the target keeps for its own history comes on top of what the source has.
    Verify must say what full then does, and no mode may find anything after it.
    """
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair.of_files(Path(folder), over_wire=way == WIRE)
        pair.given(source, target)
        there, before = shown(pair.source), shown(pair.target)
        said = pair.sync("verify", batch_size=2)
        assert shown(pair.target) == before
        done = pair.sync("full", batch_size=2)
        assert figures(said) == figures(done)
        after = shown(pair.target)
        assert shown(pair.source) == there
        for name in TABLES:
            assert not [row for row in there[name] if row not in after[name]]
            assert len(after[name]) == len(there[name]) + done.tables[name].kept
        for mode in ("full", "incremental", "verify"):
            again = pair.sync(mode, batch_size=3, workers=2)
            assert again.equal
            assert kept(again) == kept(done)
        assert shown(pair.target) == after
        pair.close()


@by_chance
@given(source=contents(), target=contents())
def test_both_ways_do_the_same(source: Content, target: Content) -> None:
    """A way that is taken for its speed must not decide what comes out."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for over_wire in (False, True):
            place = Path(folder, str(over_wire))
            place.mkdir()
            pair = Pair.of_files(place, over_wire=over_wire)
            pair.given(source, target)
            report = pair.sync("full", batch_size=2, delete=False)
            found.append((figures(report), report.years, shown(pair.target)))
            pair.close()
        assert found[0] == found[1]


def figures(report: SyncReport) -> dict[str, tuple[int, ...]]:
    """Table → what became of its rows; not how long it took."""
    return {
        name: (c.source_rows, c.inserted, c.updated, c.deleted, c.unchanged, c.kept)
        for name, c in report.tables.items()
    }
