"""A progress bar with speed and time left, on stderr."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
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


class _Speed(ProgressColumn):
    """How many items a second."""

    def render(self, task: Task) -> Text:
        """Returns the speed of a task, as text."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed or 0:.2f} {task.fields['unit']}s/s")


@contextlib.contextmanager
def progress_bar(total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar during a block, if stderr is a terminal.

    Args:
        total: Number of items.
        unit: What an item is, such as `frame`.

    Yields:
        `advance(count)`, to be called when so many more items are done.
    """
    columns = (
        TextColumn("{task.fields[unit]}s"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TextColumn("time left"),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    # What is printed meanwhile comes above the bar, unless it goes to a file.
    with Progress(
        *columns,
        console=console,
        redirect_stdout=sys.stdout.isatty(),
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=total, unit=unit)
        yield lambda count: progress.update(task, advance=count)
