"""Scores answers to golden rows, and compares figures with limits and with the stable version."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from turnout.domain.checks import Finding, GoldenRule, GoldenSet, Scorer
from turnout.errors import BadInputError

UNPARSED: Final = "unparsed"
UNANSWERED: Final = "unanswered"
FIRST: Final = 3

# Source: output form of Qwen3Guard-Gen.
_SAFETY: Final = re.compile(r"^Safety: (\w+)\s*$", re.MULTILINE)
_THOUGHTS: Final = re.compile(r"<think>.*?</think>", re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TOLERANCE: Final = 1e-6
_EDGE: Final = 1e-12
_POINTS: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is expected of one row; `line` counts from 1."""

    line: int
    expected: str
    slice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One row with its answer; `said` is `unparsed` or `unanswered` where there is no answer."""

    row: Row
    said: str
    hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A share of rows, with the rows that missed."""

    hits: int
    rows: int
    missed: tuple[Row, ...]

    @property
    def value(self) -> float | None:
        """Give the share of hits; None where no row counts, which is not zero."""
        return self.hits / self.rows if self.rows else None


def label_of(text: str, labels: Sequence[str] = ()) -> str:
    """Read the label of an answer: `Safety: X` in a line of its own, else the label alone.

    Two labels, or one that is not among `labels`, is `unparsed`, which is a class of its own.
    """
    spoken = _THOUGHTS.sub("", text)
    found = _SAFETY.findall(spoken) or [spoken.strip()]
    if len(found) > 1:
        return UNPARSED
    label = found[0].lower()
    known = {each.lower(): each for each in labels or _LEVELS}
    return known.get(label, UNPARSED)


def score(golden: GoldenSet, row: Row, answer: str | None) -> Scored:
    """Compare an answer with what is expected; None is a row that was not answered."""
    if answer is None:
        return Scored(row=row, said=UNANSWERED, hit=False)
    said = _READERS[golden.scorer](answer, golden)
    hit = _EQUALS[golden.scorer](said, row.expected)
    return Scored(row=row, said=said, hit=hit)


def figure_of(name: str, scored: Sequence[Scored]) -> Figure:
    """Count a figure: accuracy, recall.<label>, precision.<label>, slice.<slice>.<figure>."""
    if name.startswith("slice."):
        part, name = _split_slice(name)
        scored = [each for each in scored if each.row.slice == part]
    kind, _, label = name.partition(".")
    if kind == "recall" and label:
        scored = [each for each in scored if each.row.expected == label]
    elif kind == "precision" and label:
        scored = [each for each in scored if each.said == label]
    elif name != "accuracy":
        raise BadInputError(f"`{name}` is no figure of a golden set; try accuracy, recall.<label>")
    missed = tuple(each.row for each in scored if not each.hit)
    return Figure(hits=len(scored) - len(missed), rows=len(scored), missed=missed)


def findings_of(
    golden: GoldenSet, candidate: Sequence[Scored], stable: Sequence[Scored] | None
) -> tuple[Finding, ...]:
    """Judge each rule of a golden set; without a rule the accuracy is told.

    The set is the whole population: `worse_by` is compared with the observed difference, and the
    paired test is shown beside it. Without a stable version `min` and `max` alone hold.
    """
    rules = golden.rules or (GoldenRule(figure="accuracy"),)
    return tuple(_finding(golden, rule, candidate, stable) for rule in rules)


def paired_p(broken: int, fixed: int) -> float:
    """Give the chance of so many broken rows, or more, if broken and fixed were equally likely.

    Source: McNemar's exact test, one-sided.
    """
    pairs = broken + fixed
    log_half = pairs * math.log(2.0)
    terms = [
        math.exp(
            math.lgamma(pairs + 1) - math.lgamma(k + 1) - math.lgamma(pairs - k + 1) - log_half
        )
        for k in range(broken, pairs + 1)
    ]
    return min(1.0, math.fsum(terms))


# --- judging


def _finding(
    golden: GoldenSet,
    rule: GoldenRule,
    candidate: Sequence[Scored],
    stable: Sequence[Scored] | None,
) -> Finding:
    mine = figure_of(rule.figure, candidate)
    theirs = figure_of(rule.figure, stable) if stable is not None else None
    limits = _limits(rule, theirs.value if theirs else None)
    broken = [limit for limit in limits if not limit.holds(mine.value)]
    file = golden.file.rpartition("/")[2]
    return Finding(
        code="golden",
        ok=not broken,
        name=golden.name,
        figure=rule.figure,
        value=mine.value,
        stable_value=theirs.value if theirs else None,
        limit=(broken or limits)[0].at if limits else None,
        hits=mine.hits,
        rows=mine.rows,
        text="; ".join(filter(None, _remarks(rule, candidate, stable))),
        first=tuple(f"{file}:{row.line}" for row in mine.missed[:FIRST]),
    )


@dataclass(frozen=True, slots=True)
class _Limit:
    at: float
    is_upper: bool = False

    def holds(self, value: float | None) -> bool:
        # A figure without rows is unknown, and what is unknown passes nothing.
        if value is None:
            return False
        return value <= self.at + _EDGE if self.is_upper else value >= self.at - _EDGE


def _limits(rule: GoldenRule, stable: float | None) -> list[_Limit]:
    limits = [_Limit(rule.min)] if rule.min is not None else []
    if rule.max is not None:
        limits.append(_Limit(rule.max, is_upper=True))
    if rule.worse_by is not None and stable is not None:
        limits.append(_Limit(stable - rule.worse_by))
    return limits


def _remarks(
    rule: GoldenRule, candidate: Sequence[Scored], stable: Sequence[Scored] | None
) -> Iterator[str]:
    if not figure_of(rule.figure, candidate).rows:
        yield f"no row counts for `{rule.figure}`, so it is unknown"
    yield _comparison(rule, candidate, stable)
    if unanswered := sum(each.said == UNANSWERED for each in candidate):
        yield f"{unanswered} rows were not answered"


def _comparison(
    rule: GoldenRule, candidate: Sequence[Scored], stable: Sequence[Scored] | None
) -> str:
    if stable is None:
        lone = rule.worse_by is not None
        return "no stable version to compare with: `min` and `max` alone hold" if lone else ""
    before = {row.line for row in figure_of(rule.figure, stable).missed}
    after = {row.line for row in figure_of(rule.figure, candidate).missed}
    broken, fixed = len(after - before), len(before - after)
    margin = (
        f", may be worse by {rule.worse_by * _POINTS:g} pp" if rule.worse_by is not None else ""
    )
    return f"{fixed} rows fixed, {broken} broken (p {paired_p(broken, fixed):.2g}){margin}"


def _split_slice(name: str) -> tuple[str, str]:
    rest = name.removeprefix("slice.")
    for mark in (".recall.", ".precision."):
        part, found, label = rest.partition(mark)
        if found:
            return part, f"{mark[1:]}{label}"
    part, _, figure = rest.rpartition(".")
    return part, figure


# --- reading answers

_LEVELS: Final = ("safe", "controversial", "unsafe")


def _as_label(answer: str, golden: GoldenSet) -> str:
    try:
        told: object = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    label: object = told.get("label") if isinstance(told, dict) else None
    return label_of(label if isinstance(label, str) else answer, golden.labels)


def _as_json(answer: str, _: GoldenSet) -> str:
    return canonical(answer)


def canonical(text: str) -> str:
    """Write a JSON text in its one sorted form; `unparsed` when it is none."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return UNPARSED


def _as_number(answer: str, _: GoldenSet) -> str:
    found = _NUMBER.findall(answer)
    return found[-1].replace(",", "") if found else UNPARSED


def _same_number(said: str, expected: str) -> bool:
    wanted = _NUMBER.findall(expected)
    if said == UNPARSED or not wanted:
        return False
    number = float(wanted[-1].replace(",", ""))
    return math.isclose(float(said), number, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _same(said: str, expected: str) -> bool:
    return said == expected


_READERS: Final[Mapping[Scorer, Callable[[str, GoldenSet], str]]] = {
    Scorer.EXACT: lambda answer, _: answer.strip(),
    Scorer.LABEL: _as_label,
    Scorer.JSON: _as_json,
    Scorer.NUMERIC: _as_number,
}
_EQUALS: Final[Mapping[Scorer, Callable[[str, str], bool]]] = {
    Scorer.EXACT: lambda said, expected: said == expected.strip(),
    Scorer.LABEL: _same,
    Scorer.JSON: lambda said, expected: said == canonical(expected) != UNPARSED,
    Scorer.NUMERIC: _same_number,
}
