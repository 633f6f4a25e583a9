"""What s3fs, adlfs and their drivers raise, as our errors: what asking again clears.

A driver's text may quote a login: what looks like one is taken out, and the driver's
own error does not follow ours.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from bulk_pipeline.adapters.exchange.store import StoreBusy, missing
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
    PermanentError,
)

_FINAL = frozenset(
    {errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG, errno.EMSGSIZE}
    | {getattr(errno, "EREMCHG", errno.EINVAL)}
)
"""What s3fs makes of answers that say no for good, such as another region."""
_NO_ENTRY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
_SERVER_FAULT = 500
_MOST_TEXT = 300
_SECRET_NAME = re.compile(r"(AWS|AZURE|FSSPEC)_.*(KEY|SECRET|TOKEN|STRING|PASSWORD)")
_SECRET_TEXT = re.compile(r"(AccountKey|SharedAccessSignature|sig|Signature)=[^;&\s]+")
_LOGIN = (
    "Check the login (AWS_* or AZURE_STORAGE_* of this process) and that it may read, "
    "write, list and delete below BULK_PIPELINE_CHUNKS_URL."
)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what a driver raises inside the block into our errors.

    Args:
        name: the object or folder that it is about.

    Raises:
        ObjectMissing: it is not there, or its bucket is not.
        StoreBusy: the store does not answer or turns everybody away.
        ConfigurationError: no login, or one that may not do it.
        PermanentError: anything else that asking again cannot clear.
    """
    try:
        yield
    except FileNotFoundError:
        raise missing(name) from None
    except PermissionError as error:
        raise _closed(name, error) from None
    except (OSError, TimeoutError) as error:
        if error.errno in _FINAL:
            raise _final(name, error) from None
        raise _busy(name, error) from None
    except _classes("botocore.exceptions", "BotoCoreError", "ClientError") as error:
        raise _of_botocore(name, error) from None
    except _classes("azure.core.exceptions", "AzureError") as error:
        raise _of_azure(name, error) from None
    except _classes("aiohttp", "ClientError") as error:
        raise _busy(name, error) from None


def said(error: BaseException) -> str:
    """A driver's class and words without a login, at most a line of them."""
    text = str(error).partition("\n")[0]
    for variable, value in os.environ.items():
        if value and _SECRET_NAME.fullmatch(variable):
            text = text.replace(value, "***")
    text = _SECRET_TEXT.sub(r"\1=***", text)[:_MOST_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _classes(module: str, *names: str) -> tuple[type[Exception], ...]:
    """Classes of errors of a driver, if anybody has imported it."""
    found = sys.modules.get(module)
    return tuple(getattr(found, name) for name in names) if found else ()


def _of_botocore(name: str, error: Exception) -> BulkPipelineError:
    # No connection, none in time, none that is trusted, or one that broke off.
    network = ("ConnectionError", "HTTPClientError")
    if isinstance(error, _classes("botocore.exceptions", *network)):
        return _busy(name, error)
    kind = type(error).__name__
    if "Credential" in kind or "Token" in kind or kind.startswith("SSO"):
        return _closed(name, error)
    return _final(name, error)


def _of_azure(name: str, error: Exception) -> BulkPipelineError:
    status = getattr(error, "status_code", None)
    if status == HTTPStatus.NOT_FOUND:
        return missing(name)
    login = _classes("azure.core.exceptions", "ClientAuthenticationError")
    if status in _NO_ENTRY or isinstance(error, login):
        return _closed(name, error)
    if status is None or status in _PASSING or status >= _SERVER_FAULT:
        return _busy(name, error)
    return _final(name, error)


def _closed(name: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"The store refuses {name} ({said(error)}). {_LOGIN}")


def _busy(name: str, error: Exception) -> StoreBusy:
    return StoreBusy(
        f"The store does not give or take {name} now ({said(error)}). It is tried "
        "again; if it stays so, check the network and the store of "
        "BULK_PIPELINE_CHUNKS_URL."
    )


def _final(name: str, error: Exception) -> PermanentError:
    return PermanentError(
        f"The store cannot do what is asked for {name} ({said(error)}). Check "
        "BULK_PIPELINE_CHUNKS_URL, its region and its endpoint."
    )
