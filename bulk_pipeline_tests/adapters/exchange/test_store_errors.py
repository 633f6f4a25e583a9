"""Laws of the errors of drivers: each becomes one of ours, and tells no login."""

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from bulk_pipeline.adapters.exchange.object_errors import translated
from bulk_pipeline.adapters.exchange.store import ObjectMissing, StoreBusy
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
)
from bulk_pipeline_tests.adapters.exchange.conftest import SECRET


def _answer(code: str, status: int) -> ClientError:
    """An answer of S3."""
    said = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "PutObject")


def _status(error: HttpResponseError, status: int) -> HttpResponseError:
    """An answer of Azure."""
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (FileNotFoundError("x"), ObjectMissing),
        (PermissionError("Access Denied"), ConfigurationError),
        (OSError(16, "Please reduce your request rate."), StoreBusy),
        (OSError(5, "Internal error"), StoreBusy),
        (OSError(22, "The region is wrong"), PermanentError),
        (TimeoutError(), StoreBusy),
        (ConnectionResetError("x"), StoreBusy),
        (EndpointConnectionError(endpoint_url="x"), StoreBusy),
        (ReadTimeoutError(endpoint_url="x"), StoreBusy),
        (NoCredentialsError(), ConfigurationError),
        (ParamValidationError(report="x"), PermanentError),
        (_answer("Odd", 418), PermanentError),
        (ServiceRequestError("no connection"), StoreBusy),
        (ClientAuthenticationError("x"), ConfigurationError),
        (_status(HttpResponseError("x"), 403), ConfigurationError),
        (_status(HttpResponseError("x"), 404), ObjectMissing),
        (_status(HttpResponseError("x"), 429), StoreBusy),
        (_status(HttpResponseError("x"), 503), StoreBusy),
        (_status(HttpResponseError("x"), 400), PermanentError),
    ],
)
def test_errors_of_a_store_are_told_apart(
    raised: Exception, expected: type[Exception]
) -> None:
    """What passes is tried again, and what does not must not be tried for ever."""
    with pytest.raises(expected, match="a/b") as caught, translated("a/b"):
        raise raised

    assert caught.value.__suppress_context__
    if expected is PermanentError:
        assert type(caught.value) is PermanentError


def test_a_mistake_in_the_program_passes_unchanged() -> None:
    """It must show its own trace."""
    with pytest.raises(ZeroDivisionError), translated("a"):
        1 / 0  # noqa: B018


def test_no_login_is_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are kept in the journal, in Dagster and in tickets."""
    connection = f"AccountName=a;AccountKey={SECRET}==;Endpoint=x"
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    said = f"no: {connection} {SECRET} https://h/c?sv=1&sig=abc%3D&x=1 AccountKey=q=="
    with pytest.raises(StoreBusy) as caught, translated("a"):
        raise OSError(5, said)

    for secret in (SECRET, "abc%3D", "q=="):
        assert secret not in str(caught.value)
