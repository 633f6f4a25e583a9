"""Laws of the watched folder while SQL Server is away, over real sockets."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli import cli
from bulk_pipeline.core.breaker import BreakerState
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads import sensor
from bulk_pipeline.defs.uploads.sensor import inbox_sensor
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner

FAILURES, SECONDS = 2, 3600.0


@dataclass
class Door:
    """A port that lets nobody in and counts who knocks."""

    knocks: int = 0
    port: int = 0
    entrance: socket.socket = field(default_factory=socket.socket)

    def keep(self) -> None:
        """Close each connection as soon as it is there, until the port is closed."""
        while True:
            try:
                connection, _ = self.entrance.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()


@pytest.fixture
def door() -> Iterator[Door]:
    """A server that is there and drops everybody, like one that is going down."""
    made = Door()
    made.entrance.bind(("127.0.0.1", 0))
    made.entrance.listen()
    made.port = made.entrance.getsockname()[1]
    keeper = threading.Thread(target=made.keep)
    keeper.start()
    yield made
    made.entrance.shutdown(socket.SHUT_RDWR)
    made.entrance.close()
    keeper.join()


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def aim(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the settings name a SQL Server on a port of this machine."""

    def name(port: int, seconds: float = SECONDS) -> None:
        url = f"mssql+mssqlpython://sa:Secret%2123@127.0.0.1:{port}/x?Encrypt=no"
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("BULK_PIPELINE_BREAKER_FAILURES", str(FAILURES))
        monkeypatch.setenv("BULK_PIPELINE_BREAKER_SECONDS", str(seconds))
        monkeypatch.setenv("BULK_PIPELINE_CONNECT_SECONDS", "1")

    return name


def look(runner: Runner) -> dg.SensorResult | dg.SkipReason:
    """One tick, as the daemon evaluates it."""
    with dg.build_sensor_context(
        instance=runner.instance, resources={"installation": InstallationResource()}
    ) as context:
        answer: Any = inbox_sensor(context)
    return answer


def skipped(runner: Runner) -> str:
    """The reason of one tick that asks for nothing."""
    answer = look(runner)
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def standing() -> BreakerState:
    """How the breaker is."""
    with closing(Installation.from_environment()) as installation:
        assert installation.database.breaker is not None
        return installation.database.breaker.state()


def claimed(runner: Runner, tmp_path: Path) -> str:
    """A batch that waits for the database since its first run."""
    batch = runner.claim(write_csv(tmp_path / "accounts.csv", rows_of(["AA"], [2001])))
    runner.installation.journal.stop(batch.key, "waiting", "The database is away.")
    return batch.key


def states(runner: Runner) -> list[str]:
    """States of all uploads of the home."""
    return [upload.state for upload in runner.installation.journal.uploads()]


def test_ticks_open_the_breaker_where_nothing_listens(
    runner: Runner, aim: Callable[..., None], tmp_path: Path
) -> None:
    """The tick's line says what is wrong; batches wait and no file is taken."""
    key = claimed(runner, tmp_path)
    inbox = runner.installation.home.inbox
    inbox.mkdir(parents=True, exist_ok=True)
    dropped = write_csv(inbox / "later.csv", rows_of(["BB"], [2001]))
    aim(closed_port())

    reasons = [skipped(runner) for _ in range(FAILURES)]
    assert standing().state == "open"
    reasons.append(skipped(runner))

    assert all("The files stay in the inbox" in reason for reason in reasons)
    assert "is left alone since" in reasons[-1]
    assert "is left alone since" not in reasons[0]
    assert not any("Secret" in reason for reason in reasons)
    assert dropped.exists()
    assert states(runner) == ["waiting"]
    assert runner.installation.home.landing(key).exists()


def test_ticks_leave_the_database_alone_while_the_breaker_is_open(
    runner: Runner, aim: Callable[..., None], door: Door
) -> None:
    """A server that starts up must not be asked every second by every home."""
    aim(door.port)
    for _ in range(FAILURES):
        skipped(runner)
    assert door.knocks > 0
    assert standing().state == "open"

    knocks, before = door.knocks, time.monotonic()
    for _ in range(3):
        assert "is left alone since" in skipped(runner)
    assert door.knocks == knocks
    assert time.monotonic() - before < 5


def test_one_tick_after_the_wait_asks_again(
    runner: Runner, aim: Callable[..., None], door: Door
) -> None:
    """Nobody has to close the breaker by hand."""
    aim(door.port)
    for _ in range(FAILURES):
        skipped(runner)
    knocks, since = door.knocks, standing().opened_at
    aim(door.port, seconds=0.01)  # a wait of the settings counts at once
    assert "is left alone since" not in skipped(runner)
    assert door.knocks > knocks
    assert standing().failures == FAILURES + 1
    assert standing().opened_at == since


def test_the_list_of_uploads_says_that_the_database_is_left_alone(
    runner: Runner, aim: Callable[..., None], tmp_path: Path
) -> None:
    """Whoever asks why nothing happens is told, and programs read on undisturbed."""
    claimed(runner, tmp_path)
    aim(closed_port())
    assert uploads().stderr == ""
    for _ in range(FAILURES):
        skipped(runner)
    done = uploads("--json")
    assert "is left alone since" in done.stderr
    assert "Secret" not in done.stderr
    assert done.stdout.startswith('{"uploads"')


def uploads(*arguments: str) -> Result:
    """The command that lists them."""
    done = CliRunner().invoke(cli, ["uploads", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done


@contextmanager
def forwarded(port: int, host: str, target: int) -> Iterator[None]:
    """A port that leads to a server, as long as the block lasts."""
    with socket.create_server(("127.0.0.1", port)) as entrance:
        joined: list[socket.socket] = []

        def serve() -> None:
            """Connect whoever comes."""
            while True:
                try:
                    client, _ = entrance.accept()
                except OSError:
                    return
                server = socket.create_connection((host, target))
                joined.extend((client, server))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=pumped, args=(one, other)).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            entrance.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in joined:
                connection.close()


def pumped(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes one way until somebody hangs up."""
    try:
        while content := source.recv(65536):
            sink.sendall(content)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_waiting_batches_are_asked_for_when_the_server_is_back(
    runner: Runner,
    aim: Callable[..., None],
    mssql_url: sa.URL,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The server was away for the night; nobody has to come in the morning."""
    key, port = claimed(runner, tmp_path), closed_port()
    aim(port)
    through = mssql_url.set(host="127.0.0.1", port=port)
    monkeypatch.setenv("DATABASE_URL", through.render_as_string(hide_password=False))
    for _ in range(FAILURES):
        skipped(runner)
    assert "is left alone since" in skipped(runner)

    with forwarded(port, str(mssql_url.host), mssql_url.port or 1433):
        assert "is left alone since" in skipped(runner)
        monkeypatch.setenv("BULK_PIPELINE_BREAKER_SECONDS", "1")
        time.sleep(1)
        monkeypatch.setattr(sensor, "utc_now", tomorrow)
        answer = look(runner)
        assert standing().state == "closed"

    assert isinstance(answer, dg.SensorResult)
    assert [request.partition_key for request in answer.run_requests or ()] == [key]


def tomorrow() -> datetime:
    """A clock by which every wait between attempts at a batch is over."""
    return datetime.now(UTC) + timedelta(days=1)
