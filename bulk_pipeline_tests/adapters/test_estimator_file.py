"""Fitted classifiers in skops files: what is read and what is refused."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from bulk_pipeline.adapters import estimator_file
from bulk_pipeline.adapters.model_store import load_model, save_estimator
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.fitted import (
    DEFAULTED,
    RATIO_ROWS,
    boosted,
    imputed,
    load_saved,
    refusal,
    some_ratios,
)


@pytest.mark.parametrize("make", [boosted, imputed])
def test_a_fitted_classifier_scores_after_its_file_as_before(make, tmp_path):
    """Any classifier may replace the scorecard, without a change to its scores."""
    model = make()
    loaded = load_saved(model, tmp_path)
    np.testing.assert_allclose(
        loaded.probabilities(RATIO_ROWS),
        model.predict_proba(RATIO_ROWS)[:, 1],
        rtol=1e-12,
    )
    assert loaded.probabilities(RATIO_ROWS[:0]).shape == (0,)
    assert loaded.thresholds == load_model().thresholds


@pytest.mark.filterwarnings("error")
def test_a_classifier_fitted_on_named_columns_scores_without_warnings(tmp_path):
    """A warning a chunk would bury the log."""
    named = pd.DataFrame(RATIO_ROWS, columns=list(RATIOS))
    model = HistGradientBoostingClassifier(max_iter=2).fit(named, DEFAULTED)
    found = load_saved(model, tmp_path).probabilities(RATIO_ROWS)
    np.testing.assert_allclose(found, model.predict_proba(named)[:, 1], rtol=1e-12)


@pytest.mark.parametrize(
    ("sound", "default", "column"),
    [("sound", "default", 0), ("a", "default", 1), (False, True, 1), (-1, 1, 1)],
)
def test_the_default_class_is_found_by_name(sound, default, column, tmp_path):
    """scikit-learn sorts classes, so the second column is not always default."""
    model = boosted(np.where(DEFAULTED == 1, default, sound))
    found = load_saved(model, tmp_path).probabilities(RATIO_ROWS)
    np.testing.assert_array_equal(found, model.predict_proba(RATIO_ROWS)[:, column])


def test_classes_that_do_not_say_which_is_default_are_refused(tmp_path):
    """In some files 1 is the good class and 2 the bad one."""
    assert "its classes are [1, 2]" in refusal(boosted(DEFAULTED + 1), tmp_path)
    three = DEFAULTED + (RATIO_ROWS[:, 1] > 20)
    line = make_pipeline(SimpleImputer(), LogisticRegression()).fit(RATIO_ROWS, three)
    assert "its classes are [0, 1, 2]" in refusal(line, tmp_path)
    assert "not give to two classes" in refusal(boosted(three), tmp_path)


def test_a_model_that_cannot_take_missing_ratios_is_refused(tmp_path):
    """One row in five has a blank ratio; the run would stop in the middle."""
    model = LogisticRegression().fit(np.nan_to_num(RATIO_ROWS), DEFAULTED)
    assert "Put an imputer in front" in refusal(model, tmp_path)


def test_a_model_of_other_features_is_refused(tmp_path):
    """Columns in another order give plausible scores that are all wrong."""
    few = HistGradientBoostingClassifier(max_iter=2).fit(RATIO_ROWS[:, :4], DEFAULTED)
    assert "it takes 4 features" in refusal(few, tmp_path)
    swapped = pd.DataFrame(RATIO_ROWS, columns=list(RATIOS[::-1]))
    model = HistGradientBoostingClassifier(max_iter=2).fit(swapped, DEFAULTED)
    assert f"({', '.join(RATIOS[::-1])})" in refusal(model, tmp_path)


def test_a_model_that_is_no_classifier_is_refused(tmp_path):
    """A regression's numbers are no probabilities."""
    model = LinearRegression().fit(np.nan_to_num(RATIO_ROWS), DEFAULTED)
    assert "LinearRegression has no predict_proba" in refusal(model, tmp_path)


def test_a_model_that_looks_at_other_rows_is_refused(tmp_path):
    """Its scores would change with the batch size."""
    running = make_pipeline(SimpleImputer(), FunctionTransformer(np.tanh))
    model = make_pipeline(running, LogisticRegression()).fit(RATIO_ROWS, DEFAULTED)
    running.steps[1][1].func = np.arctan
    assert load_saved(model, tmp_path).kind == "skops"
    running.steps[1][1].func = np.add.accumulate
    with pytest.raises(ModelRefused, match="depends on the rows beside it"):
        estimator_file._checked(model)


def test_types_that_are_not_trusted_are_named(tmp_path):
    """A file from a stranger must not choose what code runs here."""
    forest = RandomForestClassifier(2).fit(np.nan_to_num(RATIO_ROWS), DEFAULTED)
    assert "not trusted: sklearn.tree._tree.Tree" in refusal(forest, tmp_path)
    odd = make_pipeline(FunctionTransformer(some_ratios), LogisticRegression())
    assert "some_ratios" in refusal(odd, tmp_path)


def test_a_model_of_another_scikit_learn_is_refused(tmp_path):
    """The same figures may mean other scores in another version."""
    path = tmp_path / "old.skops"
    save_estimator(imputed(), path)
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            text = old.read(entry)
            if entry.filename == "schema.json":
                version = sklearn.__version__.encode()
                text = text.replace(b'\\"' + version + b'\\"', b'\\"0.24.0\\"')
            new.writestr(entry, text)
    path.write_bytes(packed.getvalue())
    with pytest.raises(ModelRefused, match=r"saved by scikit-learn 0\.24\.0"):
        load_model(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    """A few kilobytes can unpack to more than the memory holds."""
    monkeypatch.setattr(estimator_file, "UNPACKED_BYTES_LIMIT", 100)
    assert "unpacks to" in refusal(imputed(), tmp_path)


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    """The active model must not be half of the next one."""
    path = tmp_path / "m.skops"
    path.write_bytes(b"old")

    def full(descriptor):
        """A disk without room."""
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(estimator_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_estimator(imputed(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.skops"]
    assert path.read_bytes() == b"old"
