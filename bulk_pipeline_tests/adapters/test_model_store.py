"""Models from the package and from files, told apart by what they hold."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bulk_pipeline.data
from bulk_pipeline.adapters import model_store
from bulk_pipeline.adapters.model_store import SHIPPED, load_model
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline_tests.adapters.fitted import RATIO_ROWS, imputed

DOCUMENT = Path(bulk_pipeline.data.__file__).with_name(SHIPPED)


def test_the_shipped_model_is_known_by_its_exact_bytes():
    """Rows are stored with the model's hash, which an auditor computes by hand."""
    model = load_model()
    assert model.sha256 == hashlib.sha256(DOCUMENT.read_bytes()).hexdigest()
    assert (model.name, model.kind) == ("annual-default-scorecard", "scorecard")
    assert model.document == DOCUMENT.read_text()
    assert model.thresholds == LevelThresholds()


def test_a_scorecard_is_known_by_content_and_not_by_name(tmp_path):
    """Users rename files; an editor may add a byte order mark."""
    path = tmp_path / "model.txt"
    path.write_bytes(b"\xef\xbb\xbf \n" + DOCUMENT.read_bytes())
    found = load_model(path)
    np.testing.assert_array_equal(
        found.probabilities(RATIO_ROWS), load_model().probabilities(RATIO_ROWS)
    )
    assert found.sha256 != load_model().sha256


def test_scoring_with_a_scorecard_imports_no_scikit_learn():
    """It costs two seconds of every run that has no use for it."""
    program = (
        "import sys, numpy\n"
        "from bulk_pipeline.adapters.model_store import load_model\n"
        "load_model().probabilities(numpy.zeros((3, 5)))\n"
        "heavy = {'sklearn', 'skops', 'scipy', 'pandas'} & set(sys.modules)\n"
        "print(*heavy)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("\n", "")


def test_a_pickle_is_refused_unopened(tmp_path):
    """Opening a pickle runs whatever its author wished."""
    path = tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(imputed()))
    with pytest.raises(ModelRefused, match="looks like a pickle"):
        load_model(path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "neither a JSON scorecard nor a skops file"),
        (b"a,b\n1,2\n", "neither a JSON scorecard nor a skops file"),
        (b"{", "no JSON document in UTF-8"),
        (b'{"a": "\xff"}', "no JSON document in UTF-8"),
        (b'{"a":' * 100_000, "no JSON document in UTF-8"),
        (b'{"a": 1, "a": 2}', "a stands there twice"),
        (b"{}", "The document has no schema"),
        (b"{" + b" " * 2**20 + b"}", "more than 1048576 bytes"),
        (b"PK\x03\x04 and nothing more", "no classifier that can be read"),
    ],
)
def test_a_file_that_is_no_model_is_refused_by_name(content, fault, tmp_path):
    """The message is all that a user has to go by."""
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=fault) as refused:
        load_model(path)
    assert "model.json" in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    """A typing error in a path is the commonest fault of all."""
    with pytest.raises(ModelRefused, match=r"absent\.json cannot be read: No such"):
        load_model(tmp_path / "absent.json")


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    """A data file given by mistake would fill the memory."""
    monkeypatch.setattr(model_store, "FILE_BYTES_LIMIT", 100)
    with pytest.raises(ModelRefused, match="more than 100 bytes"):
        load_model(DOCUMENT)
