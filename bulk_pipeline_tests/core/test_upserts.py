"""The laws of loading: set-wise in rounds is the same as one upload after another.

Two implementations stand side by side: the core's, applied as a loader applies it,
and a dictionary that takes the rows one by one.
"""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.duplicates import in_file_duplicates
from bulk_pipeline.core.periods import QUARTER
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.upserts import (
    DUPLICATE,
    INSERTED,
    STORED_KEY,
    UPDATED,
    WRITE_INSERT,
    WRITE_REPLACE,
    Rules,
    rounds,
    settle,
)

KEY_TYPES = {
    "company_id": pl.Int64(),
    "reporting_year": pl.Int16(),
    "reporting_quarter": QUARTER,
}
VALUES = dict.fromkeys(RATIOS, pl.Float64())
INCOMING = {"upload_id": pl.Int64(), **KEY_TYPES, **VALUES}
STORED = {"id": pl.Int64(), **INCOMING, "model_id": pl.Int64()}
EARLIER = {"upload_id": pl.Int64(), **KEY_TYPES, "was_update": pl.Boolean()}
OUTCOMES = (INSERTED, UPDATED, DUPLICATE)


def ratios(value):
    """Five ratios that differ from those of another value in the first alone."""
    return (value, 1.0, None, 0.0, -1.0)


@dataclass
class SetWise:
    """A table that is loaded in rounds, as a loader does it."""

    stored: dict = field(default_factory=dict)  # key -> (id, upload, value, model)
    history: list = field(default_factory=list)  # (key, old upload, upload, reason)
    receipts: set = field(default_factory=set)
    last_id: int = 0

    def load(self, uploads, rules):
        """Load a batch; returns the counts and conflicts of each upload."""
        rows = pl.DataFrame(
            [
                (upload, f"S{company}", company, year, quarter, *ratios(value))
                for upload, brought in uploads.items()
                for company, year, quarter, value in brought
            ],
            schema={
                "upload": pl.Int64(),
                "company_symbol": pl.String(),
                **KEY_TYPES,
                **VALUES,
            },
            orient="row",
        )
        repeated = in_file_duplicates(rows)["row"]
        counts = Counter((rows["upload"][at], DUPLICATE) for at in repeated)
        conflicts = Counter()
        rows = rows.with_row_index("position").rename({"upload": "upload_id"})
        rows = rows.filter(~pl.col("position").is_in(repeated.implode()))
        key = pl.concat_str(*STORED_KEY, separator="/").rank("dense")
        rows = rows.with_columns(key=key).sort("key", "position")
        rows = rows.with_columns(rounds(rows["key"]))
        known = self.receipts & set(uploads)
        for number in sorted(rows["round"].unique()):
            incoming = rows.filter(pl.col("round") == number).select(*INCOMING)
            assert not incoming.select(STORED_KEY).is_duplicated().any()
            settled = settle(incoming, self.table(), self.earlier(known), rules)
            assert settled.select(*INCOMING).equals(incoming)
            self.write(settled, rules)
            counts.update(settled.select("upload_id", "outcome").iter_rows())
            conflicts.update(settled.filter("conflict")["upload_id"])
        self.receipts |= set(uploads)
        return counts, conflicts

    def table(self):
        """The stored rows as the core is shown them."""
        made = [
            (at, upload, *key, *ratios(value), model)
            for key, (at, upload, value, model) in self.stored.items()
        ]
        return pl.DataFrame(made, schema=STORED, orient="row")

    def earlier(self, known):
        """What the history says about uploads that have a receipt; updates first."""
        updates = {(new, key) for key, _, new, why in self.history if why == "update"}
        losses = {(old, key) for key, old, _, _ in self.history} - updates
        made = [(u, *k, True) for u, k in updates if u in known]
        made += [(u, *k, False) for u, k in losses if u in known]
        return pl.DataFrame(made, schema=EARLIER, orient="row")

    def write(self, settled, rules):
        """Carry out what was settled."""
        for row in settled.iter_rows(named=True):
            key = tuple(row[name] for name in STORED_KEY)
            new = (row["upload_id"], row[RATIOS[0]], rules.model_id)
            if row["write"] == WRITE_INSERT:
                assert key not in self.stored
                self.last_id += 1
                self.stored[key] = (self.last_id, *new)
            elif row["write"] == WRITE_REPLACE:
                at, old, *_ = self.stored[key]
                assert (at, old) == (row["stored_id"], row["stored_upload_id"])
                why = "reload" if old == row["upload_id"] else "update"
                self.history.append((key, old, row["upload_id"], why))
                self.stored[key] = (at, *new)

    def content(self):
        """Owner, value and model of each key."""
        return {key: tuple(row[1:]) for key, row in self.stored.items()}


@dataclass
class OneByOne:
    """The same table, loaded one upload and one row after another."""

    stored: dict = field(default_factory=dict)  # key -> (upload, value, model)
    owed: dict = field(default_factory=dict)  # (upload, key) -> first outcome

    def load(self, uploads, rules):
        """Load a batch; returns the counts and conflicts of each upload."""
        counts, conflicts = Counter(), Counter()
        for upload, rows in uploads.items():
            seen = set()
            for *parts, value in rows:
                key = tuple(parts)
                outcome = DUPLICATE
                if key not in seen:
                    outcome, conflict = self.take(upload, key, value, rules)
                    conflicts.update([upload] * conflict)
                seen.add(key)
                counts[upload, outcome] += 1
        return counts, conflicts

    def take(self, upload, key, value, rules):
        """Load one row; returns its outcome and whether it is a conflict."""
        new = (upload, value, rules.model_id)
        owner, held, model = self.stored.get(key, (None, None, None))
        outcome, conflict = DUPLICATE, False
        if owner is None:
            self.stored[key], outcome = new, INSERTED
        elif owner == upload:
            if (held, model) != (value, rules.model_id):
                self.stored[key] = new
        elif held != value and upload > owner:
            if rules.update:
                self.stored[key], outcome = new, UPDATED
            else:
                conflict = True
        if outcome != DUPLICATE:
            self.owed.setdefault((upload, key), outcome)
        owed = self.owed.get((upload, key), outcome)
        return owed, conflict and owed == DUPLICATE


KEYS = st.tuples(
    st.integers(1, 2), st.sampled_from([2011, 2012]), st.sampled_from(["Q4", "FY"])
)
ROWS = st.lists(
    st.tuples(KEYS, st.sampled_from([None, 0.0, 1.0])).map(
        lambda row: (*row[0], row[1])
    ),
    max_size=5,
)
MODES = st.booleans().map(lambda update: Rules(update=update, model_id=1))


def batches(first):
    """One to three uploads, numbered from ``first`` in the order of their arrival."""
    return st.lists(ROWS, min_size=1, max_size=3).map(
        lambda files: {first + n: rows for n, rows in enumerate(files)}
    )


def loaded(fast, slow, uploads, rules):
    """Load one batch into both tables, which must agree; returns what was told."""
    told = fast.load(uploads, rules)
    assert told == slow.load(uploads, rules)
    assert fast.content() == slow.stored
    counts, _ = told
    for upload, rows in uploads.items():
        assert sum(counts[upload, outcome] for outcome in OUTCOMES) == len(rows)
    return told


@settings(max_examples=40, deadline=None)
@given(batches(1), batches(4), MODES, st.lists(st.sampled_from("AB"), max_size=3))
def test_a_batch_loaded_again_changes_nothing_and_reports_the_same(
    first, second, rules, order
):
    """A run that died after its commit is started again, and must not count twice."""
    fast, slow = SetWise(), OneByOne()
    told = {"A": loaded(fast, slow, first, rules)}
    told["B"] = loaded(fast, slow, second, rules)
    before, replaced = dict(fast.stored), list(fast.history)
    for name in order:
        again = loaded(fast, slow, first if name == "A" else second, rules)
        assert again == told[name]
        assert (fast.stored, fast.history) == (before, replaced)


@settings(max_examples=40, deadline=None)
@given(
    batches(1),
    batches(4),
    MODES,
    st.lists(st.sets(KEYS, max_size=4), max_size=2),
)
def test_a_batch_loaded_again_restores_what_was_deleted(
    first, second, rules, deletions
):
    """After an accident with the table the files in the archive are loaded again."""
    fast, slow = SetWise(), OneByOne()
    loaded(fast, slow, first, rules)
    loaded(fast, slow, second, rules)
    for keys in deletions:
        for table in (fast, slow):
            for key in keys & set(table.stored):
                del table.stored[key]
        loaded(fast, slow, second, rules)
        brought = {tuple(row[:3]) for rows in second.values() for row in rows}
        assert brought <= set(fast.stored)


@settings(max_examples=40, deadline=None)
@given(
    batches(1),
    batches(4),
    st.lists(
        st.tuples(
            st.sampled_from("AB"),
            st.builds(Rules, update=st.booleans(), model_id=st.sampled_from([1, 2])),
            st.sampled_from([0.0, 1.0]),
        ),
        max_size=4,
    ),
)
def test_any_mode_model_and_correction_gives_what_one_by_one_gives(
    first, second, steps
):
    """Settings change between loads; the table must still follow the plain rule."""
    fast, slow = SetWise(), OneByOne()
    loaded(fast, slow, first, Rules(update=False, model_id=1))
    loaded(fast, slow, second, Rules(update=True, model_id=1))
    for name, rules, shift in steps:
        uploads = {
            upload: [(*key, v if v is None else v + shift) for *key, v in rows]
            for upload, rows in (first if name == "A" else second).items()
        }
        loaded(fast, slow, uploads, rules)


KEY = (1, 2012, "Q4")


def frame(schema, *rows):
    """Rows of one of the three tables."""
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def settled(value, *, update=False, stored=(), earlier=()):
    """Outcome, write and conflict of one row that upload 5 brings."""
    found = settle(
        frame(INCOMING, (5, *KEY, *ratios(value))),
        frame(STORED, *((9, u, *KEY, *ratios(v), m) for u, v, m in stored)),
        frame(EARLIER, *((u, *KEY, was) for u, was in earlier)),
        Rules(update=update, model_id=1),
    )
    return found.select("outcome", "write", "conflict").row(0)


SAME, OTHER = (3, 1.0, 1), (3, 2.0, 1)


@pytest.mark.parametrize(
    ("update", "stored", "found"),
    [
        (False, [], (INSERTED, WRITE_INSERT, False)),
        (True, [], (INSERTED, WRITE_INSERT, False)),
        (False, [SAME], (DUPLICATE, None, False)),
        (True, [SAME], (DUPLICATE, None, False)),
        (False, [OTHER], (DUPLICATE, None, True)),
        (True, [OTHER], (UPDATED, WRITE_REPLACE, False)),
        (True, [(3, None, 1)], (UPDATED, WRITE_REPLACE, False)),
        (False, [(3, None, 1)], (DUPLICATE, None, True)),
        (False, [(3, 1.0, 2)], (DUPLICATE, None, False)),
    ],
)
def test_a_stored_row_stays_under_skip_and_gives_way_under_update(
    update, stored, found
):
    """Overwritten in silence, corrected accounts would be lost to an old file."""
    assert settled(1.0, update=update, stored=stored) == found


@pytest.mark.parametrize("update", [False, True])
def test_an_older_upload_never_replaces_a_newer_one(update):
    """An archive loaded again must not bring back what was corrected since."""
    newer = [(8, 2.0, 1)]
    assert settled(1.0, update=update, stored=newer) == (DUPLICATE, None, False)


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize(
    ("stored", "write"),
    [
        ((5, 1.0, 1), None),
        ((5, 2.0, 1), WRITE_REPLACE),
        ((5, 1.0, 2), WRITE_REPLACE),
    ],
)
def test_an_upload_corrects_its_own_rows(update, stored, write):
    """Loaded again with another unit or model, its rows must not stay as they were."""
    found = (INSERTED, write, False)
    assert settled(1.0, update=update, stored=[stored]) == found


@pytest.mark.parametrize(
    ("earlier", "outcome"),
    [([(5, True)], UPDATED), ([(5, False)], INSERTED), ([(4, True)], DUPLICATE)],
)
@pytest.mark.parametrize("update", [False, True])
def test_an_upload_whose_row_was_replaced_reports_what_it_did_first(
    update, earlier, outcome
):
    """The receipt is rewritten by a rerun; it must still say what the upload gave."""
    newer = [(8, 2.0, 1)]
    found = settled(1.0, update=update, stored=newer, earlier=earlier)
    assert found == (outcome, None, False)


def test_a_settled_row_carries_the_stored_one():
    """History and conflict list are written from these columns."""
    found = settle(
        frame(INCOMING, (5, *KEY, *ratios(1.0)), (5, 2, 2012, "Q4", *ratios(1.0))),
        frame(STORED, (9, 3, *KEY, *ratios(2.0), 1)),
        frame(EARLIER),
        Rules(update=True, model_id=1),
    )
    kept = [f"{name}_kept" for name in RATIOS]
    assert found.select(kept).rows() == [ratios(2.0), (None,) * 5]
    assert found["stored_id"].to_list() == [9, None]
    assert found["stored_upload_id"].to_list() == [3, None]
    added = ["stored_id", "stored_upload_id", "outcome", "write", "conflict"]
    assert sorted(found.columns) == sorted([*INCOMING, *kept, *added])


def test_no_rows_settle_as_no_rows():
    """A round without rows must not fail the transaction around it."""
    found = settle(
        frame(INCOMING),
        frame(STORED, (9, 3, *KEY, *ratios(2.0), 1)),
        frame(EARLIER),
        Rules(update=True, model_id=1),
    )
    assert found.is_empty()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([], []),
        ([7], [0]),
        ([1, 2, 3], [0, 0, 0]),
        ([1, 1, 1], [0, 1, 2]),
        ([1, 1, 2, 3, 3, 3, 4], [0, 1, 0, 0, 1, 2, 0]),
    ],
)
def test_a_round_is_how_often_its_key_came_before(keys, expected):
    """Two rows of one key in one round would both be inserted, or neither."""
    found = rounds(pl.Series(keys, dtype=pl.Int64))
    assert found.dtype == pl.UInt32
    assert found.name == "round"
    assert found.to_list() == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 4)).map(sorted))
def test_rounds_count_up_from_zero_for_each_key(keys):
    """A round left out would stop the load early, and rows would be lost."""
    found = zip(keys, rounds(pl.Series(keys, dtype=pl.Int64)), strict=True)
    assert list(found) == [(k, keys[:n].count(k)) for n, k in enumerate(keys)]
