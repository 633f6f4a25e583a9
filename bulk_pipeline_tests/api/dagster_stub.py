"""A webserver that answers as Dagster's does; shared by the tests of the API."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webserver:
    """What it was asked, and what it answers.

    Attributes:
        url: where it answers.
        launched: parameters of each run that was asked for.
        answer: the answer to the next launches; None: it starts them.
        status: HTTP code of all answers.
    """

    url: str = ""
    launched: list[dict[str, Any]] = field(default_factory=list)
    answer: dict[str, Any] | bytes | None = None
    status: int = 200

    def answered(self, question: dict[str, Any]) -> bytes:
        """The answer to a question."""
        if "launchRun" not in question["query"]:
            data: dict[str, Any] = {"version": "1"}
        else:
            self.launched.append(question["variables"]["params"])
            run = {"runId": f"run-{len(self.launched)}"}
            started = {"__typename": "LaunchRunSuccess", "run": run}
            if isinstance(self.answer, bytes):
                return self.answer
            data = {"launchRun": self.answer or started}
        return json.dumps({"data": data}).encode()


@contextmanager
def webserver() -> Iterator[Webserver]:
    """A webserver on a port of its own."""
    made = Webserver()

    class Handler(BaseHTTPRequestHandler):
        """Answers GraphQL."""

        def do_POST(self) -> None:
            """Answer one question."""
            length = int(self.headers["Content-Length"])
            body = made.answered(json.loads(self.rfile.read(length)))
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
