"""What a demonstration shows: a story for people, or one JSON object for each event."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from turnout.entrypoints.demo.crowd import Count

Value = str | int | float | bool | None | Sequence[object] | Mapping[str, object]


@dataclass(slots=True)
class Screen:
    """Tells events as they come; on a terminal a line of live figures stays below them."""

    as_json: bool
    console: Console = field(default_factory=lambda: Console(highlight=False))
    began_s: float = field(default_factory=time.monotonic)
    _live: Live | None = None

    def __enter__(self) -> Self:
        if not self.as_json and self.console.is_terminal:
            self._live = Live(Text(""), console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def event(self, name: str, text: str, **facts: Value) -> None:
        """Tell one event: a line of the story, or an object."""
        if self.as_json:
            self._write({"kind": "demo.event", "event": name, "text": text, **facts})
            return
        self.console.print(Text(f"{self._seconds():4.0f} s  ", style="dim") + _styled(name, text))

    def figures(self, count: Count, where: str) -> None:
        """Renew the line of live figures."""
        if self._live is None:
            return
        shares = "  ".join(f"{name} {n:,}" for name, n in sorted(count.versions.items()))
        lost = f"{count.lost} lost, {count.cut} cut"
        text = f"        {where}   {count.sent:,} requests, {lost}   {shares}"
        self._live.update(Text(text, style="cyan"))

    def result(self, line: Mapping[str, Value], rows: Sequence[tuple[str, str]]) -> None:
        """Tell how it ended: the closing table, or the last object."""
        if self.as_json:
            self._write({"kind": "demo.result", **line})
            return
        table = Table(show_header=False, box=None, padding=(0, 2))
        for name, value in rows:
            table.add_row(name, value)
        self.console.print()
        self.console.print(table)

    def _seconds(self) -> float:
        return time.monotonic() - self.began_s

    def _write(self, line: Mapping[str, Value]) -> None:
        timed = {"turnout": 1, **line}
        if line["kind"] == "demo.event":
            timed["after_s"] = round(self._seconds(), 3)
        sys.stdout.write(json.dumps(timed, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _styled(name: str, text: str) -> Text:
    if name == "command":
        return Text(f"$ {text}", style="bold")
    if name in {"kill", "failure"}:
        return Text(text, style="bold red")
    if name == "outcome":
        return Text(text, style="bold green")
    return Text(text)
