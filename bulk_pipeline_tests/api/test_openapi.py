"""The OpenAPI document is complete, and nothing that is sent makes the server fail."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import openapi

from bulk_pipeline_tests.api.dagster_stub import webserver
from bulk_pipeline_tests.api.site import GOOD, Site, site_in

EXAMPLES = int(os.environ.get("BULK_PIPELINE_TEST_API_EXAMPLES", "8"))
"""Of each endpoint and kind of data; a thousand by hand."""
PROMISES = ["not_a_server_error", "status_code_conformance", "content_type_conformance"]
PROMISES += ["response_schema_conformance", "unsupported_method"]
MANY = "1000000"
PATHS = {
    "/api/v1/ultra/process-excel": {"post"},
    "/api/v1/ultra/generate-dummy-data": {"post"},
    "/api/v1/ultra/sync-data": {"post"},
    "/api/v1/uploads": {"get"},
    "/api/v1/uploads/{key}": {"get"},
    "/api/v1/uploads/{key}/rejects": {"get"},
    "/api/v1/uploads/{key}/results": {"get"},
    "/api/v1/metrics/latest": {"get"},
    "/api/v1/limits": {"get"},
    "/health": {"get"},
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An API with an upload that was loaded, and with a Dagster that starts all."""
    folder: Path = tmp_path_factory.mktemp("busy") / "home"
    with (
        webserver() as dagster,
        site_in(
            folder,
            loopback=False,
            BULK_PIPELINE_DAGSTER_URL=dagster.url,
            BULK_PIPELINE_API_REQUESTS_PER_MINUTE=MANY,
        ) as made,
    ):
        made.client.headers["Authorization"] = f"Bearer {made.door.tokens.add('me')}"
        made.key("a.csv", GOOD)
        made.look()
        made.run()
        yield made


@pytest.fixture(scope="module")
def document(busy: Site) -> dict:
    """The OpenAPI document, which the application gives out."""
    guard: Any = busy.client.app
    found: dict = guard.app.openapi()
    return found


@pytest.fixture
def schema(busy: Site, document: dict):
    """The document as schemathesis takes it; it knows the key of the upload."""
    [upload] = busy.installation.journal.uploads(state="loaded")
    for path, methods in document["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", []):
            if path.startswith("/api/v1/uploads/") and parameter["name"] == "key":
                parameter["example"] = upload.key
    return openapi.from_asgi("/openapi.json", busy.client.app)


def test_the_document_names_every_endpoint_and_each_of_its_answers(
    document: dict,
) -> None:
    """A client is written from it; what it leaves out is found in production."""
    assert {p: {*methods} for p, methods in document["paths"].items()} == PATHS
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            answers = operation["responses"]
            if path == "/health":
                assert {*answers} == {"200", "503"}
                continue
            assert {"401", "403", "422", "429", "500", "503"} <= {*answers}
            assert operation["security"]
            assert operation["summary"]
            for status, answer in answers.items():
                if status >= "400":
                    found = answer["content"]["application/json"]["schema"]
                    assert found == problem, (path, status)


def test_nothing_that_is_sent_makes_the_server_fail(busy: Site, schema) -> None:
    """Whoever can send a request must not be able to stop the service."""
    checks = schemathesis.checks.CHECKS.get_by_names(PROMISES)
    token = {"Authorization": busy.client.headers["Authorization"]}
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in schemathesis.GenerationMode:
            cases = operation.as_strategy(generation_mode=mode)

            @hypothesis.settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(case=cases)
            def ask(case) -> None:
                """Send one request, and look at the answer."""
                nonlocal tried
                tried += 1
                case.call_and_validate(headers=token, checks=checks)

            # Some endpoints take nothing that could be wrong.
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):
                ask()
    print(tried, "requests")  # noqa: T201  # for those who count by hand
    assert tried >= EXAMPLES * len(PATHS)
