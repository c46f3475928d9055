"""Seeded traffic through a whole judge: what is alike passes, what is worse is found."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Ended, Increment, Outcome, StreamEnd
from turnout.statistics.judge import Judge, Judgement, Verdict
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit

FLOOR_MS = 2.0
FAILURE_MS = 20.0
START_S = 1000
BASELINE_S = 30


@dataclass(frozen=True)
class Arm:
    """How one version behaves: share of failures, factor on every duration, and for some users."""

    errors: float = 0.0
    slower: float = 1.0
    slow_users: float = 0.0
    slow_by: float = 1.0


@dataclass
class Traffic:
    """Requests of a seeded day, told the way a gateway tells them."""

    rate: float
    weight: float
    stable: Arm
    candidate: Arm
    seed: int
    streams: float = 0.0
    median_ms: float = 80.0
    sigma: float = 0.4
    pending: dict[int, list[tuple[int, bool, Ended]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def second(self, second: int, weight: float) -> list[Increment]:
        """Give what is told when a second is over: its starts, and all that ended in it."""
        started = {False: 0, True: 0}
        for _ in range(self._poisson(self.rate)):
            candidate = self.random.random() < weight
            started[candidate] += 1
            arm = self.candidate if candidate else self.stable
            self._request(second + self.random.random(), candidate, arm)
        news: dict[tuple[int, bool], list[Ended]] = defaultdict(list)
        for began, candidate, ended in self.pending.pop(second, []):
            news[began, candidate].append(ended)
        keys = sorted({*news, *((second, c) for c in started if started[c])})
        return [
            increment(at, candidate=c, started=started[c] if at == second else 0, ended=news[at, c])
            for at, c in keys
        ]

    def _request(self, at_s: float, candidate: bool, arm: Arm) -> None:  # noqa: FBT001 - a label
        draw = self.random
        slow = arm.slower * (arm.slow_by if draw.random() < arm.slow_users else 1.0)
        first_ms = draw.lognormvariate(math.log(self.median_ms), self.sigma) * slow
        stream = draw.random() < self.streams
        failed = draw.random() < arm.errors
        whole_ms = FAILURE_MS if failed else first_ms + (12 * 20.0 if stream else 0.0)
        ended = one(first_ms, whole_ms, stream=stream, failed=failed)
        over = math.floor(at_s + whole_ms / 1000.0)
        self.pending[over].append((math.floor(at_s), candidate, ended))

    def _poisson(self, mean: float) -> int:
        return max(0, round(self.random.gauss(mean, math.sqrt(mean))))


def one(first_ms: float, whole_ms: float, *, stream: bool, failed: bool) -> Ended:
    """Give one request that ended."""
    body = stream and not failed
    return Ended(
        outcome=Outcome.FAILED if failed else Outcome.OK,
        streamed=stream,
        end=StreamEnd.DONE if body else StreamEnd.NONE,
        attempts=1,
        ttft_bin=bin_of(first_ms + FLOOR_MS) if body else None,
        duration_bin=bin_of(whole_ms + FLOOR_MS),
        chunks_bin=None,
        tpot_bin=None,
        n=1,
    )


def increment(second: int, *, candidate: bool, started: int, ended: list[Ended]) -> Increment:
    """Give what is new of a second of one version."""
    name = "guard-r2" if candidate else "guard-r1"
    return Increment(
        second=second,
        service="guard",
        tester=False,
        intended=name,
        actual=name,
        stratum=0,
        started=started,
        ended=tuple(ended),
        overdue=0,
        running=0,
        bytes_in=0,
        bytes_out=0,
    )


def run(traffic: Traffic, settings: JudgeSettings, until_s: int) -> Iterator[tuple[int, Judgement]]:
    """Give the judgement after each second of exposure: a baseline first, then one step."""
    judge = Judge(settings, "guard-r1", "guard-r2")
    for second in range(START_S - BASELINE_S, START_S + until_s):
        if second == START_S:
            judge.weight_sent(second + 0.1)
            judge.weight_acked(second + 0.2, round(traffic.weight * 10_000), 1)
        weight = traffic.weight if second >= START_S else 0.0
        for news in traffic.second(second, weight):
            judge.take(news)
        judge.heartbeat(second - 2)
        if second >= START_S:
            yield second - START_S + 1, judge.view()
