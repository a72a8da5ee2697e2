"""A bar with rate and time left, where a person watches; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .output import Output


@contextmanager
def progress_bar(
    output: Output, what: str, total: Callable[[], int]
) -> Iterator[Callable[[int], None]]:
    """Show progress on the terminal, and take the bar away at the end.

    Args:
        what: what is being done.
        total: how many there are to do; asked only if the bar is shown.

    Yields:
        A function to be called with the number done since its last call.
    """
    if output.quiet or not output.watched:
        yield lambda _done: None
        return
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

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("left", style="dim"),
        console=output.notes,
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        bar.update(task, total=total())
        yield lambda done: bar.advance(task, done)
