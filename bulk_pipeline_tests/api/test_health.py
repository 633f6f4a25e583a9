"""A look at the health keeps nobody waiting who asks for something else."""

from threading import Event

import anyio
import anyio.to_thread
import httpx

from bulk_pipeline_tests.api.site import HERE, UPLOADS, Site

PATIENCE_SECONDS = 30
MANY = 60
"""More than the threads that all endpoints share."""


def test_a_database_that_hangs_stops_no_other_answer(site: Site, monkeypatch) -> None:
    """Strangers may ask for the health; they must not be able to stop the uploads."""
    over, begun = Event(), Event()

    def hangs(*arguments: object) -> None:
        """Answer once the rest of the test is done."""
        begun.set()
        assert over.wait(PATIENCE_SECONDS)

    monkeypatch.setattr("bulk_pipeline.api.standing.require_database", hangs)
    way = httpx.ASGITransport(site.client.app)

    async def ask() -> int:
        """The code of the list, while many ask for the health."""
        async with (
            httpx.AsyncClient(transport=way, base_url=HERE) as client,
            anyio.create_task_group() as crowd,
        ):
            for _ in range(MANY):
                crowd.start_soon(client.get, "/health")
            await anyio.to_thread.run_sync(begun.wait, PATIENCE_SECONDS)
            await anyio.wait_all_tasks_blocked()
            with anyio.move_on_after(PATIENCE_SECONDS / 2):
                answer = await client.get(UPLOADS)
            waiting = not over.is_set()
            over.set()
            assert waiting
        return answer.status_code

    assert anyio.run(ask) == 200
