"""What is said on stderr while somebody waits; nothing where it is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from vectorlab.cli.output import stderr


@contextmanager
def progress() -> Iterator[Callable[[int, int | None, str], None]]:
    """A progress bar on stderr, for as long as a job is waited for; silent without a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )
    with bar:
        task = bar.add_task("waiting", total=None)

        def listener(done: int, total: int | None, note: str) -> None:
            bar.update(task, completed=done, total=total, description=note)

        yield listener


class _RateColumn(ProgressColumn):
    """Steps per second, once there were some."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        return Text(f"{speed:.3g}/s" if speed else "", style="progress.data.speed")
