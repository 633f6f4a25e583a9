"""Laws of one measured load: its seconds add up, and a failed one has no figures."""

import json

import pytest

from bulk_pipeline.adapters.reports import StepRecord
from bulk_pipeline.bench.children import Ran
from bulk_pipeline.bench.figures import Cost
from bulk_pipeline.bench.loads import _upload, measured
from bulk_pipeline.core.errors import PermanentError


def ran(code=0, output="", errors=""):
    """A process that began at 100 and took 9 seconds."""
    return Ran(code, output, errors, 100.0, Cost(9.0, 7.0, 400), ((0.1, 400),))


def test_a_load_is_cut_where_its_first_file_was_opened_and_where_it_committed() -> None:
    """Start-up, work and end are cured by different means; none is counted twice."""
    steps = [
        StepRecord(
            {"read": 1.0, "companies": 0.5},
            300,
            2.0,
            103.0,
            {"read": 1.5, "companies": 0.25},
            {"read": 300, "companies": 200},
        ),
        StepRecord({"companies": 0.5}, 250, 1.0, 0.0, {"companies": 1.0}),
        StepRecord({"load": 2.0}, 350, 1.0),
    ]
    load = measured(ran(), steps, 4.0)

    assert (load.start, load.opened_to_commit, load.end) == (3.0, 4.0, 2.0)
    assert load.stages["read"] == Cost(1.0, 1.5, 300)
    assert load.stages["companies"] == Cost(1.0, 1.25, 200)
    assert load.stages["load"] == Cost(2.0, None, None)
    assert load.stages["score"] == Cost(0.0, None, None)
    assert load.whole.cpu_seconds == 7.0


@pytest.mark.parametrize(
    ("code", "output", "errors", "said"),
    [
        (2, "", "Warning\nError: DATABASE_URL is wrong\n", "DATABASE_URL is wrong"),
        (-9, "", "", "it ended with code -9"),
        (1, {"inserted": 0, "message": "It is too large."}, "", "too large"),
        (0, {"inserted": 9, "message": ""}, "", "stored 9 of 10 rows"),
    ],
)
def test_a_load_that_did_not_store_all_has_no_figures(
    code, output, errors, said
) -> None:
    """A refused file is read in no time."""
    text = json.dumps({"uploads": [output]}) if output else ""
    with pytest.raises(PermanentError, match=said):
        _upload(ran(code, text, errors), 10)
