"""The progress of a start on a console: a line for each part that is ready."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.status import Status

__all__ = ["ConsoleProgress"]


@dataclass(slots=True)
class ConsoleProgress:
    """Progress on the console: a line for each part that is ready; on a terminal also what is being waited for."""

    console: Console
    status: Status

    def ready(self, name: str, seconds: float) -> None:
        """Print that a part is ready, and after how many seconds."""
        self.console.print(f"  [green]✓[/] {name:<14} ready   [dim]{seconds:5.1f} s[/]")

    def working(self, text: str) -> None:
        """Show what is being done."""
        self.status.update(text)
        if not self.console.is_terminal:
            self.console.print(f"  … {text}")

    def detail(self, text: str) -> None:
        """Show a detail of what is being done, on a terminal only."""
        self.status.update(escape(text))

    def done(self, text: str) -> None:
        """Print that something is done."""
        self.status.update("starting")
        self.console.print(f"  [green]✓[/] {text}")

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.console.print(f"  [yellow]![/] {escape(text)}", soft_wrap=True)
