"""Pipelines in a folder of their own, closed when their test ends."""

import os

import pytest

from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    IN_PROCESS,
    ROOT,
    Pipeline,
    installation_in,
)


@pytest.fixture(autouse=True)
def _importable_by_other_processes(monkeypatch):
    """A checkout need not be installed for its processes to find it."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@pytest.fixture
def make(tmp_path):
    """Makes pipelines of one home: settings by variable, and a size for the driver."""
    made = []

    def pipeline(bulk_rows=IN_PROCESS, **variables):
        """A pipeline; it is closed with the test."""
        variables = {"ULTRA_PARALLEL_WORKERS": 2, **variables}
        installation = installation_in(tmp_path / "home", **variables)
        made.append(Pipeline(installation, bulk_rows))
        return made[-1]

    yield pipeline
    for pipeline_ in made:
        pipeline_.close()


@pytest.fixture(params=[IN_PROCESS, BULK_CHILD], ids=["in process", "bulk child"])
def pipeline(request, make):
    """A pipeline per driver: what one promises, the other promises too."""
    return make(request.param)


@pytest.fixture
def small(make):
    """A pipeline that loads in this process, where the driver does not matter."""
    return make()
