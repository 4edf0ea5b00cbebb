"""The job that makes an echo."""

from vectorlab.echo.domain.requests import EchoRequest
from vectorlab.echo.store import echoes

from vectorlab.store.database import Transaction
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles


@handles(EchoRequest)
def run_echo(context: JobContext, request: EchoRequest) -> None:
    """Say it again, in capitals."""

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        result_ids["echo_id"] = echoes.add(
            tx, request.called, request.called.upper(), context.job.created_by
        )

    context.commit(write)
