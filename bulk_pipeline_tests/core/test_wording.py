"""Laws of words that messages share."""

import pytest

from bulk_pipeline.core.wording import (
    AGAIN,
    AGAIN_AT,
    AGAIN_SOON,
    GOES_ON,
    amount,
    tried_once,
)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows")],
)
def test_a_count_agrees_with_its_noun(count: int, said: str) -> None:
    """People stumble over "1 rows", and take the figure for a mistake as well."""
    assert amount(count, "row") == said


def test_what_follows_a_count_may_agree_as_well() -> None:
    """Verbs change with the number, and some nouns take no s."""
    assert amount(1, "cell holds", "cells hold") == "1 cell holds"
    assert amount(3, "company", "companies") == "3 companies"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            f"It is busy. {AGAIN}; if it stays so, look.",
            "It is busy. Run it again once that has passed; if it stays so, look.",
        ),
        (f"A deadlock. {AGAIN}.", "A deadlock. Run it again once that has passed."),
        (f"It starts{AGAIN_SOON}", "It starts; run it again then."),
        (f"{AGAIN_AT} 17:24 UTC.", "Run it again after 17:24 UTC."),
        (f"Free some{GOES_ON}", "Free some, then run it again."),
        ("The exchange is away.", "The exchange is away."),
    ],
)
def test_where_nobody_tries_again_no_message_says_so(message: str, said: str) -> None:
    """Whoever waits for what never comes has lost the night, and the file."""
    assert tried_once(message) == said
