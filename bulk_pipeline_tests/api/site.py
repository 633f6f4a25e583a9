"""The application over a real home, asked as a client asks; shared by these tests."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.intake import Intake, claim_settled
from bulk_pipeline.adapters.tick import open_batches
from bulk_pipeline.api.app import build_app
from bulk_pipeline.api.door import Door
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in

PORT = 8000
HERE = f"http://127.0.0.1:{PORT}"
SEND = "/api/v1/ultra/process-excel"
UPLOADS = "/api/v1/uploads"
GOOD = (
    b"company_symbol,company_name,sector,market_cap,reporting_year,reporting_quarter,"
    b"long_term_debt_to_total_capital,total_debt_to_ebitda,net_income_margin,"
    b"ebit_to_interest_expense,return_on_assets\n"
    b"HPE,Hewlett,Technology,100000,2012,Q4,24.111,2.057,-24.182,74.333,3.711\n"
)
BOUNDARY = "a-boundary"


class Site:
    """A home with an inbox in which every file is quiet at once, and its API.

    Attributes:
        installation: the home.
        door: what the application was given.
        client: asks it; a fault of the server is an answer with 500.
    """

    def __init__(self, installation: Installation, *, loopback: bool = True) -> None:
        self.installation = installation
        self.door = Door.of(installation, loopback=loopback, port=PORT)
        self.client = TestClient(
            build_app(self.door),
            base_url=HERE,
            raise_server_exceptions=False,
            client=("127.0.0.1", 50_000),
        )

    @property
    def inbox(self) -> Path:
        """Where files arrive."""
        return self.installation.home.inbox

    def send(self, name: str = "a.csv", content: bytes = GOOD, **more: Any) -> Any:
        """The answer to a file."""
        return self.client.post(SEND, files={"file": (name, content)}, **more)

    def key(self, name: str = "a.csv", content: bytes = GOOD) -> str:
        """Key of a file that is taken."""
        answer = self.send(name, content)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["key"])

    def raw(self, body: bytes, kind: str = "") -> Any:
        """The answer to these bytes as a form."""
        kind = kind or f"multipart/form-data; boundary={BOUNDARY}"
        return self.client.post(SEND, content=body, headers={"Content-Type": kind})

    def look(self) -> Intake:
        """One look at the inbox and at what has landed, as a tick has it."""
        found = claim_settled(self.installation, datetime.now(UTC))
        open_batches(self.installation, datetime.now(UTC))
        return found

    def run(self) -> None:
        """Run every batch that has landed."""
        for folder in sorted(self.installation.home.landings.glob("[!.]*")):
            Pipeline(self.installation).run(folder.name)

    def there(self) -> dict[str, bytes]:
        """Name → content of every file in the inbox, hidden ones too."""
        found = [path for path in self.inbox.rglob("*") if path.is_file()]
        return {str(p.relative_to(self.inbox)): p.read_bytes() for p in found}

    def upload(self, key: str) -> dict[str, Any]:
        """What the API says of an upload."""
        answer = self.client.get(f"{UPLOADS}/{key}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def site_in(folder: Path, *, loopback: bool = True, **variables: Any) -> Iterator[Site]:
    """The API of a home in a folder; settings by their variable."""
    given = {"BULK_PIPELINE_QUIET_SECONDS": 0, **variables}
    with closing(installation_in(folder, **given)) as installation:
        yield Site(installation, loopback=loopback)


def part(
    content: bytes = GOOD,
    disposition: bytes = b'form-data; name="file"; filename="a.csv"',
    *,
    last: bool = True,
) -> bytes:
    """A part of a form as it goes over the wire, and its end."""
    line = b"--" + BOUNDARY.encode()
    head = line + b"\r\nContent-Disposition: " + disposition + b"\r\n\r\n"
    return head + content + b"\r\n" + (line + b"--\r\n" if last else b"")


def require_problem(answer: httpx.Response, status: int) -> str:
    """What a refusal says; it must have the one form of all refusals."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"detail", "cure"}, body
    assert all(isinstance(text, str) and text for text in body.values()), body
    return f"{body['detail']} {body['cure']}"
