"""Laws of judging a batch: what nobody can compare passes only if nothing is broken."""

import numpy as np
import pytest

from bulk_pipeline.adapters.checking import Drift
from bulk_pipeline.adapters.judging import judged_ratios, judged_scores
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.reference import COLUMNS
from bulk_pipeline.core.stability import distribution


@pytest.mark.parametrize("why", ["The model has no reference.", "Other words."])
@pytest.mark.parametrize("broken", [True, False])
def test_a_reference_is_broken_whatever_words_say_so(why: str, *, broken: bool) -> None:
    """A message is for people: rewording it must not silence a warning, or give one."""
    columns = {name: distribution(np.array([1.0])) for name in COLUMNS}
    drift = Drift(columns, None, why, broken=broken)

    for judged in (judged_ratios, judged_scores):
        found = judged(drift, Settings())
        assert found.passed is not broken
        assert found.said == why
