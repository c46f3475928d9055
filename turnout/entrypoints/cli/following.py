"""Following a release: its events as they come, over every loss of the controller."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from turnout.entrypoints.cli.calls import QUIET_S, Event, Socket
from turnout.entrypoints.cli.ending import (
    DONE,
    INTERRUPTED,
    UNFINISHED,
    LeaveError,
    code_of_outcome,
)
from turnout.entrypoints.cli.flags import Flags
from turnout.entrypoints.cli.terminal import say
from turnout.entrypoints.views import FINAL, KEPT, ReleaseView
from turnout.errors import ControllerUnreachableError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 5.0
_QUEUED_LOOK_S = 0.3
_LEAST_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """When following is over: at baking, or (`end`) when the version before has retired.

    `last_s` is an instant of the monotonic clock; None: never. `undoes`: going back is what was
    asked for. Decisions up to `from_edition` are not shown.
    """

    end: bool = False
    last_s: float | None = None
    undoes: bool = False
    from_edition: int = -1

    def left_s(self) -> float | None:
        """Give the time that is left; None without a limit."""
        return None if self.last_s is None else max(0.0, self.last_s - time.monotonic())

    def quiet_s(self) -> float:
        """Give how long a silent stream is listened to."""
        left_s = self.left_s()
        return QUIET_S if left_s is None else max(_LEAST_S, min(QUIET_S, left_s))

    def code_of(self, outcome: str | None) -> int:
        """Give the exit code of an outcome."""
        return DONE if self.undoes and outcome == "aborted" else code_of_outcome(outcome)

    def shows(self, event: Event) -> bool:
        """Tell whether an event is new to who asked."""
        return cast("int", event.body.get("edition", 0)) > self.from_edition

    def is_reached(self, event: Event) -> bool:
        """Tell whether the release came to where it was followed to, by a decision."""
        return event.body.get("to_phase") in (FINAL if self.end else FINAL | KEPT)


def follow(
    flags: Flags, controller: Socket, release_id: str, until: Until, show: Callable[[Event], None]
) -> int:
    """Show every event of a release until it is over; give the exit code of its outcome."""
    try:
        for event in stream(flags, controller, release_id, until):
            if until.shows(event):
                show(event)
            if until.is_reached(event):
                return until.code_of(cast("ReleaseView", event.body["view"])["outcome"])
    except KeyboardInterrupt:
        raise LeaveError(
            INTERRUPTED, f"{release_id} goes on without this window: turnout watch {release_id}"
        ) from None
    return DONE


def stream(flags: Flags, controller: Socket, release_id: str, until: Until) -> Iterator[Event]:
    """Read the events of a release; connect again for ever, and say so once.

    Raises:
        LeaveError: the time of `until` is over.
    """
    after: int | None = None
    target = f"/api/v1/events?release={release_id}"
    pause_s, is_told = _FIRST_PAUSE_S, False
    while True:
        try:
            for event in controller.events(target, after, until.quiet_s()):
                after = event.number or after
                pause_s, is_told = _FIRST_PAUSE_S, False
                yield event
                _refuse_late(release_id, until)
        except ControllerUnreachableError:
            _refuse_late(release_id, until)
            if not is_told:
                is_told = True
                say(flags, "the controller does not answer; the release is kept. Trying again …")
        _refuse_late(release_id, until)
        _pause(min(pause_s, until.left_s() or pause_s))
        pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)


def began_of_queued(
    flags: Flags, controller: Socket, service: str, version: str, until: Until
) -> ReleaseView:
    """Wait until a queued request has become a release."""
    asked_s = time.time()
    say(flags, "waits for the release in its way …")
    while True:
        _refuse_late(f"the request for {version}", until)
        try:
            items = controller.get(f"/releases?service={service}&limit=5")["items"]
        except ControllerUnreachableError:
            items = []
        for view in cast("list[ReleaseView]", items):
            if view["version"] == version and _at(view["began"]) >= asked_s - 1.0:
                return view
        _pause(_QUEUED_LOOK_S)


def _refuse_late(name: str, until: Until) -> None:
    if until.left_s() == 0.0:
        raise LeaveError(UNFINISHED, f"{name} is not over yet; it goes on: turnout watch {name}")


def _at(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def _pause(seconds_s: float) -> None:
    import select

    select.select([], [], [], seconds_s)
