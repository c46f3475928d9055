"""Events of a release as lines: a time and a sentence each."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

import click

from turnout.entrypoints.cli.calls import Event, Socket
from turnout.entrypoints.cli.flags import Flags
from turnout.entrypoints.cli.terminal import answer, clean, json_line, spoken
from turnout.errors import TurnoutError

if TYPE_CHECKING:
    from turnout.entrypoints.views import ReleaseView


@dataclass(slots=True)
class Lines:
    """Prints events one by one: to stderr, so that the result alone is on stdout.

    `as_stream`: the events themselves are the result.
    """

    flags: Flags
    as_stream: bool = False
    held: str = ""

    def show(self, event: Event) -> None:
        """Print one event; figures only when what is waited for has changed."""
        if self.flags.as_json:
            if self.as_stream:
                json_line("event", {"event": event.kind, **event.body})
            return
        sentence = self._sentence(event)
        if sentence and not (self.flags.quiet and not self.as_stream):
            click.echo(clean(sentence), err=not self.as_stream)

    def end(self, controller: Socket, release_id: str) -> None:
        """Print the release as it is at the end."""
        if self.as_stream:
            return
        try:
            view = cast("ReleaseView", controller.get(f"/releases/{release_id}"))
        except TurnoutError:
            return
        word = view["outcome"] or view["phase"]
        version, stable = view["version"], view["stable"]
        text = f"{view['id']}: {word.replace('_', ' ')}"
        served = version if view["outcome"] == "promoted" else stable or "no version"
        answer(self.flags, "release", {"release": view}, f"{text}; users are on {served}")

    def _sentence(self, event: Event) -> str:
        if event.kind == "figures":
            return self._waiting(event)
        text = event.body.get(self.flags.language)
        return f"{local_time(str(event.body['at']))}  {text}" if text else ""

    def _waiting(self, event: Event) -> str:
        view = cast("ReleaseView", event.body["view"])
        why = view.get("why")
        if why is None or not why["code"].startswith("held.") or why["code"] == self.held:
            return ""
        self.held = why["code"]
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        return f"{now}  {spoken(self.flags, why)}"


def local_time(instant: str) -> str:
    """Write an instant as a local time of day."""
    return datetime.fromisoformat(instant).astimezone().strftime("%H:%M:%S")
