"""Laws of what is kept: the young stay, the oldest go first, nothing is forgotten."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.core.retention import EndedBatch, batches_to_retire

NOW = datetime(2026, 1, 1, tzinfo=UTC)

ended_batches = st.lists(
    st.builds(
        EndedBatch,
        key=st.uuids().map(str),
        ended_at=st.integers(0, 50).map(lambda days: NOW - timedelta(days=days)),
        partitions=st.integers(0, 2),
    ),
    max_size=30,
    unique_by=lambda batch: batch.key,
)


def ended(key: str, days: int, partitions: int = 1) -> EndedBatch:
    """A batch that ended so many days ago."""
    return EndedBatch(key, NOW - timedelta(days=days), partitions)


def keys(batches: list[EndedBatch]) -> list[str]:
    """Their keys, in order."""
    return [batch.key for batch in batches]


def test_what_ended_before_the_limit_goes_oldest_first() -> None:
    """The order decides what is gone where housekeeping is cut short."""
    found = batches_to_retire(
        [ended("b", 20), ended("new", 9), ended("a", 30)], NOW - timedelta(10), 3, 99
    )

    assert keys(found) == ["a", "b"]


def test_a_batch_stays_to_the_very_end_of_its_time() -> None:
    """Ten days are ten days."""
    assert batches_to_retire([ended("a", 10)], NOW - timedelta(10), 1, 99) == []


def test_too_many_partitions_cost_the_oldest_and_no_more_than_needed() -> None:
    """A batch with refused files has two partitions."""
    batches = [ended("a", 3, 2), ended("b", 2), ended("c", 1)]

    assert keys(batches_to_retire(batches, NOW - timedelta(10), 4, 3)) == ["a"]
    assert keys(batches_to_retire(batches, NOW - timedelta(10), 4, 4)) == []


def test_a_batch_without_partitions_does_not_pay_for_those_with() -> None:
    """That it goes would not make them fewer."""
    batches = [ended("none", 3, 0), ended("one", 2, 1)]

    found = batches_to_retire(batches, NOW - timedelta(10), partitions=2, most=1)

    assert keys(found) == ["one"]


def test_partitions_of_batches_that_have_not_ended_count() -> None:
    """The page is as slow with them."""
    found = batches_to_retire([ended("a", 1)], NOW - timedelta(10), 100, 99)

    assert keys(found) == ["a"]


def test_no_batches_no_retirement() -> None:
    """A new home."""
    assert batches_to_retire([], NOW, 0, 1) == []


@given(ended_batches, st.integers(0, 50), st.integers(0, 20), st.integers(1, 40))
def test_kept_and_retired_are_all_and_no_young_one_goes_without_need(
    batches: list[EndedBatch], days: int, others: int, most: int
) -> None:
    """Whatever the ages and the numbers."""
    limit = NOW - timedelta(days=days)
    partitions = others + sum(batch.partitions for batch in batches)

    retired = batches_to_retire(batches, limit, partitions, most)

    kept = [batch for batch in batches if batch not in retired]
    assert sorted(keys(kept) + keys(retired)) == sorted(keys(batches))
    assert all(batch.ended_at >= limit for batch in kept)
    left = partitions
    for batch in retired:
        assert batch.ended_at < limit or (left > most and batch.partitions)
        left -= batch.partitions
    assert left <= most or not any(batch.partitions for batch in kept)
