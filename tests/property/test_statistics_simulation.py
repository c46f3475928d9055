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
        self.random = random.Random(self.seed)  # noqa: S311 - a repeatable simulation

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


def points(value: float) -> Amount:
    return Amount(value, Unit.POINTS)


def percent(value: float) -> Amount:
    return Amount(value, Unit.PERCENT)


DEMO = JudgeSettings(
    figures=(
        FigureRule(name="errors", worse_by=points(2.0)),
        FigureRule(name="stream_errors", worse_by=points(2.0)),
        FigureRule(name="latency.p90", worse_by=percent(20.0)),
        FigureRule(name="ttft.p90", worse_by=percent(20.0)),
    ),
    timeout_s=60.0,
)
LIKE = Arm(errors=0.005)


def first(
    traffic: Traffic, until_s: int, holds: Callable[[Judgement], bool]
) -> tuple[int | None, Judgement]:
    """Give the first second after which something holds."""
    judgement = None
    for second, judgement in run(traffic, DEMO, until_s):
        if holds(judgement):
            return second, judgement
    assert judgement is not None
    return None, judgement


def is_worse(judgement: Judgement) -> bool:
    return judgement.verdict is Verdict.WORSE


def demo(seed: int, candidate: Arm) -> Traffic:
    return Traffic(
        rate=200.0, weight=0.5, stable=Arm(), candidate=candidate, seed=seed, streams=0.5, sigma=0.1
    )


def test_equal_versions_are_rarely_called_worse() -> None:
    runs, wrong = 24, 0
    for seed in range(runs):
        traffic = Traffic(rate=60.0, weight=0.3, stable=LIKE, candidate=LIKE, seed=seed)
        wrong += first(traffic, 25, is_worse)[0] is not None
    assert wrong / runs <= 0.01 + 2.6 * math.sqrt(0.01 * 0.99 / runs)


def test_equal_slow_versions_are_rarely_called_worse() -> None:
    runs, wrong = 6, 0
    for seed in range(runs):
        traffic = Traffic(
            rate=40.0, weight=0.3, stable=LIKE, candidate=LIKE, seed=seed, median_ms=3000.0
        )
        wrong += first(traffic, 60, is_worse)[0] is not None
    assert wrong == 0


@pytest.mark.parametrize(
    ("candidate", "within_s"),
    [(Arm(errors=0.1), 30), (Arm(errors=1.0), 5), (Arm(errors=0.005, slower=1.4), 40)],
    ids=["errors 0.5 to 10 %", "errors 0.5 to 100 %", "latency +40 %"],
)
def test_a_worse_version_is_found_in_time(candidate: Arm, within_s: int) -> None:
    for seed in range(8):
        traffic = Traffic(rate=200.0, weight=0.1, stable=LIKE, candidate=candidate, seed=seed)
        assert first(traffic, within_s, is_worse)[0] is not None


def test_total_breakage_shows_within_three_seconds_of_exposure() -> None:
    for seed in range(10):
        traffic = Traffic(rate=200.0, weight=0.1, stable=LIKE, candidate=Arm(1.0), seed=seed)
        seconds, judgement = first(traffic, 3, lambda judgement: judgement.breakage)
        assert seconds is not None
        assert judgement.exposed < 100


def test_one_failure_in_eight_is_no_breakage() -> None:
    for seed in range(10):
        traffic = Traffic(rate=200.0, weight=0.5, stable=LIKE, candidate=Arm(0.12), seed=seed)
        assert first(traffic, 20, lambda judgement: judgement.breakage)[0] is None


def test_the_demo_passes_its_gates_in_about_ten_seconds() -> None:
    seconds = [first(demo(seed, Arm()), 20, lambda j: j.gate)[0] for seed in range(10)]
    assert all(second is not None and second <= 12 for second in seconds)


def test_the_demo_finds_what_costs_half_as_much_again_for_some_users() -> None:
    slow = Arm(slow_users=0.15, slow_by=1.5)
    assert all(first(demo(seed, slow), 20, is_worse)[0] is not None for seed in range(10))


def test_a_slow_service_that_fails_at_once_is_found_at_the_first_age() -> None:
    for seed in range(4):
        traffic = Traffic(
            rate=100.0, weight=0.1, stable=LIKE, candidate=Arm(1.0), seed=seed, median_ms=8000.0
        )
        assert first(traffic, 6, is_worse)[0] is not None
