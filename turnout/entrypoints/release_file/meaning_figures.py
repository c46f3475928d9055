"""Rules about figures: which there are, which can be compared, their units (T205, T215, T105)."""

import re
from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from turnout.entrypoints.release_file.builtkeys import BUILT_FIGURES, KNOWN_FIGURES, is_duration
from turnout.entrypoints.release_file.mistakes import did_you_mean
from turnout.entrypoints.release_file.nodes import Group, Leaf, group_at, items_at, text_at
from turnout.entrypoints.release_file.scene import ServiceScene, Wrong
from turnout.entrypoints.release_file.units import duration, share

_RATES = ("errors", "stream_errors", "refusals", "unsafe_recall", "accuracy", "disagreement")
_RATE_OF = ("recall.", "precision.", "level.")
_POINTS = re.compile(r"[0-9]+(\.[0-9]+)?pp")
_POINTS_OR_TIMES = re.compile(r"[0-9]+(\.[0-9]+)?(pp|x)")
_MARGIN_OF_TIME = re.compile(r"[0-9]+(\.[0-9]+)?(%|x|ms|s)")
_PERCENT = re.compile(r"([0-9]+(\.[0-9]+)?)%")
_GOLDEN = "known: accuracy, recall.<label>, precision.<label>, slice.<slice>.<figure>"
_Place = tuple[str, ...]


def is_rate(figure: str) -> bool:
    """Tell whether a figure is itself a part of a whole."""
    plain = re.sub(r"^slice\.[^.]+\.", "", figure)
    return plain in _RATES or plain.startswith(_RATE_OF)


def rates_and_units(service: ServiceScene) -> Iterator[Wrong]:
    """Ask that a limit has the unit of its figure (T205, T105)."""
    for at in _figure_groups(service):
        for figure in service.group(*at).entries:
            rule = service.group(*at, figure)
            for bound in ("max", "min"):
                yield from _bound(figure, text_at(rule, bound), (*at, figure, bound))
            for margin in ("worse_by", "tolerance"):
                path = (*at, figure, margin)
                text = text_at(rule, margin)
                yield from _margin(figure, text, path)


def watched_figures(service: ServiceScene) -> Iterator[Wrong]:
    """Refuse figures that cannot be watched or compared (T215)."""
    at = ("watch", "figures")
    for figure, rule in service.group(*at).entries.items():
        here = (*at, figure)
        if not isinstance(rule, Group) or "prometheus" in rule.entries:
            continue
        if figure.startswith("level."):
            continue
        if figure in BUILT_FIGURES or is_duration(figure):
            yield from _no_least(figure, rule, here)
            continue
        if figure not in KNOWN_FIGURES:
            note = did_you_mean(figure, sorted(KNOWN_FIGURES))
            text, fix = f"`{figure}` is not a figure", "a new name needs `prometheus:`"
            yield Wrong("T215", text, here, note, fix, of_key=True)
        elif "worse_by" in rule.entries:
            text = f"`{figure}` is not drawn per request and cannot be compared live"
            fix = "use `max`, or `verify.performance`"
            yield Wrong("T215", text, here, fix=fix, of_key=True)


def _no_least(figure: str, rule: Group, here: _Place) -> Iterator[Wrong]:
    if "min" in rule.entries:
        text = f"`{figure}` is the better the lower; it has no `min`"
        yield Wrong("T215", text, (*here, "min"), fix="give `max`", of_key=True)


def golden_figures(service: ServiceScene) -> Iterator[Wrong]:
    """Refuse figures that a golden set does not have (T215)."""
    for name, node in service.group("verify", "golden").entries.items():
        labels = [item.text for item in items_at(node, "labels") if isinstance(item, Leaf)]
        known = [label for label in labels if label]
        for figure in group_at(node, "figures").entries:
            path = ("verify", "golden", name, "figures", figure)
            yield from _golden_figure(figure, known, path)


def _golden_figure(figure: str, labels: list[str], path: _Place) -> Iterator[Wrong]:
    plain = re.sub(r"^slice\.[^.]+\.", "", figure)
    kind, _, label = plain.partition(".")
    if kind in ("recall", "precision") and label:
        if labels and label not in labels:
            text = f"`{figure}`: the set has no label `{label}`"
            yield Wrong("T215", text, path, did_you_mean(label, labels), of_key=True)
    elif plain != "accuracy":
        text = f"`{figure}` is not a figure of a golden set"
        yield Wrong("T215", text, path, fix=_GOLDEN, of_key=True)


def _figure_groups(service: ServiceScene) -> Iterator[_Place]:
    yield ("watch", "figures")
    yield ("verify", "performance", "figures")
    for name in service.group("verify", "golden").entries:
        yield ("verify", "golden", name, "figures")


def _bound(figure: str, text: str | None, path: _Place) -> Iterator[Wrong]:
    read = share if is_rate(figure) else duration if is_duration(figure) else None
    if read is None or text is None:
        return
    try:
        read(text)
    except PydanticCustomError as error:
        said = error.context or {}
        fix = str(said["fix"])
        if read is duration and text.replace(".", "", 1).isdigit():
            fix = f"write `{text}ms` for milliseconds or `{text}s` for seconds"
        yield Wrong("T105", str(said["text"]), path, fix=fix)


def _margin(figure: str, text: str | None, path: _Place) -> Iterator[Wrong]:
    if text is None:
        return
    is_golden = path[:2] == ("verify", "golden")
    percent = _PERCENT.fullmatch(text)
    if is_rate(figure) and percent:
        fix = f"`{percent[1]}pp` for percentage points"
        if not is_golden:
            fix += f", or `{1 + float(percent[1]) / 100:g}x` for times the stable version"
        yield Wrong("T205", f"`{text}` of a rate can be read in two ways", path, fix=fix)
    elif is_rate(figure) and not (_POINTS if is_golden else _POINTS_OR_TIMES).fullmatch(text):
        fix = "write percentage points: `0.5pp`" + ("" if is_golden else ", or times: `1.1x`")
        yield Wrong("T105", f"`{text}` is not a margin of a rate", path, fix=fix)
    elif is_duration(figure) and not _MARGIN_OF_TIME.fullmatch(text):
        fix = "write a part of stable's value, times of it, or a time: `10%`, `1.1x`, `20ms`"
        yield Wrong("T105", f"`{text}` is not a margin of a time", path, fix=fix)
    elif text.endswith("x") and float(text[:-1]) < 1:
        yield Wrong("T105", f"`{text}` would ask the candidate to be better", path, fix="`1.1x`")
