"""Counts and seconds into the figures that people compare: rows per second, tier."""

from enum import StrEnum

STAGES = ("read", "clean", "companies", "score", "duplicates", "load")
"""The stages of a load, in order; together they are all of its own work."""


class Tier(StrEnum):
    """Class of throughput, by rows read per second from file opened to commit."""

    ULTRA = "ULTRA"
    VERY_HIGH = "VERY HIGH"
    HIGH = "HIGH"
    STANDARD = "STANDARD"


_FLOORS = ((1_000_000, Tier.ULTRA), (500_000, Tier.VERY_HIGH), (100_000, Tier.HIGH))


def rows_per_second(rows: int, seconds: float) -> float:
    """Rows read over seconds; 0.0 where no time passed or nothing was read."""
    return rows / seconds if seconds > 0 else 0.0


def tier(rate: float) -> Tier:
    """Tier of a rate in rows per second: above 1,000,000 is ULTRA, and so on down."""
    return next((name for floor, name in _FLOORS if rate > floor), Tier.STANDARD)
