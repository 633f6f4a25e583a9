"""How often somebody may ask, by the clock."""

from bulk_pipeline.api.rates import MOST_BUCKETS, Rates


def test_a_bucket_fills_again_and_never_overflows() -> None:
    """A pause of an hour must not allow an hour's requests at once."""
    rates = Rates(60)
    assert [rates.wait_seconds("a", 0.0) for _ in range(61)] == [0] * 60 + [1]
    assert [rates.wait_seconds("a", 1.0) for _ in range(2)] == [0, 1]
    assert [rates.wait_seconds("a", 3600.0) for _ in range(61)] == [0] * 60 + [1]


def test_strangers_do_not_fill_the_memory() -> None:
    """Each address that ever asked would stay there."""
    rates = Rates(1)
    for number in range(MOST_BUCKETS + 5):
        rates.wait_seconds(str(number), 0.0)
    assert len(rates._buckets) == MOST_BUCKETS
