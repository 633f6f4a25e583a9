"""Starting jobs by way of a running Dagster webserver, over its GraphQL."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.up_address import running_address
from bulk_pipeline.core.errors import PermanentError, TransientError

LOCATION, REPOSITORY = "bulk_pipeline", "__repository__"
LAUNCH_SECONDS, LOOK_SECONDS = 30.0, 3.0
"""A code server that has just started loads its definitions first."""
MOST_BYTES = 1_000_000
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}
"""
_LOOK = "query Look { version }"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A job is started at the address that was named, or not at all."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        """Never; the caller sees the answer as it came."""
        del arguments, named


@dataclass(frozen=True, slots=True)
class DagsterDoor:
    """The webserver of an installation.

    Attributes:
        url: where it answers.
        shown_url: where people find its UI.
    """

    url: str
    shown_url: str

    @classmethod
    def of(cls, settings: Settings, home: Home) -> "DagsterDoor":
        """The webserver of the settings, else of the running `up` of the home.

        Raises:
            TransientError: neither is there.
        """
        url = settings.dagster_url or running_address(home)
        if not url:
            raise TransientError(
                "Dagster is not running for this home. Start `bulk-pipeline up`, or "
                "set BULK_PIPELINE_DAGSTER_URL to the address of its webserver."
            )
        return cls(url.rstrip("/"), (settings.ui_url or url).rstrip("/"))

    def launch(
        self, job: str, run_config: Mapping[str, Any], tags: Mapping[str, str]
    ) -> str:
        """Start a job; returns the id of its run.

        Raises:
            TransientError: nobody answers.
            PermanentError: Dagster refuses the job; says why.
        """
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": REPOSITORY,
            "jobName": job,
        }
        given = [{"key": key, "value": value} for key, value in tags.items()]
        params = {
            "selector": selector,
            "runConfigData": run_config,
            "executionMetadata": {"tags": given},
        }
        answer = self._ask(_LAUNCH, {"params": params}, LAUNCH_SECONDS)
        found = answer.get("launchRun") or {}
        if found.get("__typename") == "LaunchRunSuccess":
            return str(found["run"]["runId"])
        faults = [fault["message"] for fault in found.get("errors", ())]
        said = "; ".join(faults) or found.get("message") or "no reason was given"
        raise PermanentError(f"Dagster does not start {job}: {said}")

    def look(self) -> None:
        """Ask it for its version.

        Raises:
            TransientError: nobody answers.
            PermanentError: somebody else answers.
        """
        self._ask(_LOOK, {}, LOOK_SECONDS)

    def run_url(self, run_id: str) -> str:
        """Where people see a run."""
        return f"{self.shown_url}/runs/{run_id}"

    def _ask(
        self, query: str, variables: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  # the setting allows http(s) only
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        # No proxy: what is asked is on this machine or in its network.
        ways = (urllib.request.ProxyHandler({}), _NoRedirects())
        opener = urllib.request.build_opener(*ways)
        try:
            with opener.open(request, timeout=seconds) as answer:
                document = json.loads(answer.read(MOST_BYTES))
            data = document.get("data")
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(
                f"Dagster does not answer at {self.url} ({error}). Start "
                "`bulk-pipeline up`, or correct BULK_PIPELINE_DAGSTER_URL."
            ) from error
        except (ValueError, AttributeError) as error:
            raise PermanentError(
                f"What answers at {self.url} is no Dagster. Correct "
                "BULK_PIPELINE_DAGSTER_URL."
            ) from error
        if not isinstance(data, dict):
            raise PermanentError(f"Dagster at {self.url} refuses the question.")
        return data
