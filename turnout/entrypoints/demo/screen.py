"""What a demonstration shows: a story for people, or one JSON object for each event."""

import json
import re
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from turnout.domain import amounts
from turnout.entrypoints.demo.crowd import Count
from turnout.entrypoints.demo.lines import Line

Value = str | int | float | bool | None | Sequence[object] | Mapping[str, object]

_INDENT: Final = 8
_NARROWEST: Final = 20
_UNIT: Final = re.compile(r"(?<=\d) (?=%|pp|ms|s\b)")
_TIED: Final = "\N{NO-BREAK SPACE}"
_STYLES: Final = {"command": "bold", "kill": "bold red", "outcome": "bold"}


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
        """Tell one event: an object, or a line of the story."""
        if self.as_json:
            self._write({"kind": "demo.event", "event": name, "text": text, **facts})
            return
        if name == "command":
            self._print(Text(""))
            text = f"$ {text}"
        self._print(self._folded(f"{self._seconds():4.0f} s  ", text, _STYLES.get(name, "")))

    def line(self, line: Line) -> None:
        """Tell what a command wrote; people are shown what the story is told by."""
        if self.as_json or line.is_story:
            self.event("line", line.text, code=line.code)

    def passage(self, line: Line) -> None:
        """Tell what a command wrote about the past, with the time of day that it wrote."""
        if self.as_json:
            self.line(line)
        elif line.is_story:
            self._print(self._folded(f"{' ' * _INDENT}{line.clock}", line.text, ""))

    def figures(self, count: Count, where: str) -> None:
        """Renew the line of live figures."""
        if self._live is None:
            return
        shares = (f"{name} {amounts.count(n)}" for name, n in sorted(count.versions.items()))
        told = f"{amounts.count(count.sent)} requests, {count.lost} lost, {count.cut} cut"
        told = "   ".join([told, *shares])
        text = Text(f"{' ' * _INDENT}{where}:  {told}", style="cyan")
        text.truncate(self.console.width, overflow="ellipsis")
        self._live.update(text)

    def result(self, line: Mapping[str, Value], rows: Sequence[tuple[str, str]]) -> None:
        """Tell how it ended: the closing table, or the last object."""
        if self.as_json:
            self._write({"kind": "demo.result", **line})
            return
        self._print(Text(""))
        first = max(len(name) for name, _ in rows)
        for name, value in rows:
            left = f"{' ' * _INDENT}{name:<{first}}  "
            self._print(self._folded(left, value, "") if value else Text(left.rstrip()))

    def _folded(self, left: str, text: str, style: str) -> Text:
        lines = [text]
        if self.console.is_terminal:
            width = max(_NARROWEST, self.console.width - len(left))
            lines = textwrap.wrap(_UNIT.sub(_TIED, text), width, break_on_hyphens=False)
        body = f"\n{' ' * len(left)}".join(lines).replace(_TIED, " ")
        return Text(left, style="dim") + Text(body, style=style)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)

    def _seconds(self) -> float:
        return time.monotonic() - self.began_s

    def _write(self, line: Mapping[str, Value]) -> None:
        timed = {"turnout": 1, **line}
        if line["kind"] == "demo.event":
            timed["after_s"] = round(self._seconds(), 3)
        sys.stdout.write(json.dumps(timed, ensure_ascii=False) + "\n")
        sys.stdout.flush()
