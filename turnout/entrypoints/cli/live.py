"""One release in place on a terminal: weights, figures of both versions, the last sentences."""

from collections import deque
from types import TracebackType
from typing import Self, TypedDict, cast

from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from turnout.domain import amounts
from turnout.entrypoints.cli.calls import Event
from turnout.entrypoints.cli.flags import Flags
from turnout.entrypoints.cli.lines import local_time
from turnout.entrypoints.cli.terminal import clean, percent, spoken, table
from turnout.entrypoints.views import ReleaseView, Sentences

_REDRAWN_HZ = 4
_LINES = 8
_HEAD = ("", "stable", "candidate", "difference (95 %, valid at any look)", "limit", "verdict")
_VERDICTS = {"worse": "WORSE", "not_worse": "not worse", "undecided": "not enough data"}


class _Figure(TypedDict):
    name: str
    verdict: str
    comparison: str
    unit: str
    stable_value: float | None
    candidate_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    limit: float | None
    maximum: float | None
    stable_n: int
    candidate_n: int


class _Judgement(TypedDict):
    figures: list[_Figure]
    requests_in_step: int


class _Judged(TypedDict):
    judgement: _Judgement


class Live:
    """A picture that is drawn anew with every event."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._told: deque[str] = deque(maxlen=_LINES)
        self._judged: _Judged | None = None
        self._live = RichLive(console=Console(), refresh_per_second=_REDRAWN_HZ)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Leave the last picture where it is."""
        self._live.stop()

    def show(self, event: Event) -> None:
        """Draw what an event tells."""
        if event.kind == "figures":
            self._judged = cast("_Judged", event.body["judged"])
        elif "en" in event.body:
            sentence = spoken(self._flags, cast("Sentences", event.body))
            self._told.append(f"{local_time(str(event.body['at']))}  {sentence}")
        view = cast("ReleaseView | None", event.body.get("view"))
        if view is not None:
            self._live.update(Text(clean(picture(self._flags, view, self._judged, self._told))))


def picture(flags: Flags, view: ReleaseView, judged: _Judged | None, told: "deque[str]") -> str:
    """Write the whole picture of a release."""
    steps = view.get("steps", [])
    way = f"{view['id']}  {view['stable'] or '-'} -> {view['version']}"
    paused = " (paused)" if view["paused"] else ""
    head = f"{way}   {view['phase']}{paused}   step {view['step']} of {len(steps)}"
    parts = [head, _weights(view)]
    if judged is not None:
        parts.append(_figures(judged["judgement"]))
    why = view.get("why")
    if why is not None and why["code"].startswith("held."):
        parts.append(f"now       {spoken(flags, why)}")
    return "\n".join([*parts, *told, "Ctrl-C leaves; the release goes on"])


def _weights(view: ReleaseView) -> str:
    marks = []
    for number, step in enumerate(view.get("steps", []), 1):
        mark = "##########" if number < view["step"] else ".........."
        if number == view["step"]:
            mark = "######....".replace(".", " ") if view["weight"] else ".........."
        marks.append(f"{percent(step['weight'])} [{mark}]")
    return f"weight {percent(view['weight'])}   {'  '.join(marks)}"


def _figures(judgement: _Judgement) -> str:
    rows = [_row(figure) for figure in judgement["figures"]]
    counted = amounts.count(judgement["requests_in_step"])
    return f"{table(_HEAD, rows)}\n{counted} requests at the candidate in this step"


def _row(figure: _Figure) -> tuple[str, ...]:
    is_rate = figure["comparison"] != "ranks" and figure["unit"] == "%"
    value = amounts.share if is_rate else amounts.duration_ms
    differs = amounts.points if is_rate else amounts.relative
    numbers = (figure["difference"], figure["low"], figure["high"])
    difference, low, high = ("…" if one is None else differs(one) for one in numbers)
    limit = figure["limit"]
    return (
        figure["name"],
        *(
            "…" if one is None else value(one)
            for one in (figure["stable_value"], figure["candidate_value"])
        ),
        f"{difference}  [{low} … {high}]",
        "-" if limit is None else differs(limit),
        _VERDICTS.get(figure["verdict"], figure["verdict"]),
    )
