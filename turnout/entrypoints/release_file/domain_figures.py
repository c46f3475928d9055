"""Turns limits and margins of figures into the numbers of the judge and of golden sets."""

import re

from turnout.domain.checks import GoldenRule
from turnout.entrypoints.release_file.schema_judge import Watch
from turnout.entrypoints.release_file.schema_parts import Figure
from turnout.entrypoints.release_file.schema_run import Route
from turnout.entrypoints.release_file.units import duration, share
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(pp|x|%)")
_MS = 1000.0
_POINTS = 100.0


def judge_of(watch: Watch, route: Route) -> JudgeSettings:
    """Give what a release is judged by."""
    figures = tuple(
        FigureRule(
            name=name,
            max=amount_of(rule.max),
            worse_by=amount_of(rule.worse_by),
            tolerance=amount_of(rule.tolerance),
        )
        for name, rule in watch.figures.items()
    )
    return JudgeSettings(
        figures=figures,
        timeout_s=route.timeout,
        false_alarms=watch.false_alarms,
        floor_ms=watch.floor * _MS,
        breakage_errors=watch.breakage.errors if watch.breakage else None,
    )


def amount_of(text: str | None) -> Amount | None:
    """Read a limit with its unit; a time becomes milliseconds."""
    if text is None:
        return None
    match = _AMOUNT.fullmatch(text)
    if match:
        return Amount(float(match[1]), Unit(match[2]))
    return Amount(duration(text) * _MS, Unit.MS)


def golden_rules(figures: dict[str, Figure]) -> tuple[GoldenRule, ...]:
    """Give the limits of a golden set as shares of 0 to 1."""
    return tuple(
        GoldenRule(
            figure=name,
            min=None if rule.min is None else share(rule.min),
            max=None if rule.max is None else share(rule.max),
            worse_by=None if rule.worse_by is None else _points(rule.worse_by),
        )
        for name, rule in figures.items()
    )


def _points(text: str) -> float:
    return float(text.removesuffix("pp")) / _POINTS
