"""A judge that dies and goes on from its saved state judges as one that never died."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Begun, Ended, Increment, Outcome, StreamEnd
from turnout.statistics.judge import Judge, WindowRecord
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit

FIRST_S = 1000
POINTS = Amount(2.0, Unit.POINTS)
PERCENT = Amount(20.0, Unit.PERCENT)
RULES = JudgeSettings(
    figures=(
        FigureRule(name="errors", worse_by=POINTS, max=Amount(30.0, Unit.PERCENT)),
        FigureRule(name="stream_errors", worse_by=POINTS),
        FigureRule(name="latency.p99", worse_by=PERCENT),
        FigureRule(name="ttft.p90", worse_by=PERCENT, max=Amount(900.0, Unit.MS)),
        FigureRule(name="tpot.p50", worse_by=PERCENT),
    ),
    timeout_s=30.0,
)
Event = Callable[[Judge], None]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a repeatable simulation, no secret


@dataclass(frozen=True)
class Story:
    """A baseline, three steps, two strata, both kinds, some failures, some streams told early."""

    seed: int
    median_ms: float
    baseline_s: int = 20

    def events(self) -> list[Event]:
        draw = seeded(self.seed)
        told: list[Event] = []
        waiting: dict[int, list[Increment]] = {}
        for second in range(FIRST_S - self.baseline_s, FIRST_S + 30):
            told.extend(self._weights(second))
            weight = 0.0 if second < FIRST_S else (0.3 if second < FIRST_S + 12 else 0.6)
            for _ in range(40):
                self._request(draw, second, weight, waiting)
            told.extend(_taking(increment) for increment in waiting.pop(second, []))
            told.append(_heartbeat(second - 2))
        return told

    def _weights(self, second: int) -> list[Event]:
        changes = {FIRST_S: (3000, 1), FIRST_S + 12: (6000, 2), FIRST_S + 24: (10_000, 3)}
        if second not in changes:
            return []
        weight_bp, step = changes[second]
        return [
            lambda judge: judge.weight_sent(second + 0.1),
            lambda judge: judge.weight_acked(second + 0.3, weight_bp, step),
        ]

    def _request(
        self, draw: random.Random, second: int, weight: float, waiting: dict[int, list[Increment]]
    ) -> None:
        first_ms = draw.lognormvariate(0.0, 0.7) * self.median_ms
        stream, failed = draw.random() < 0.5, draw.random() < 0.05
        whole_ms = first_ms * (2.0 if stream else 1.0)
        name = "guard-r2" if draw.random() < weight else "guard-r1"
        key = _key(second, name, draw.randrange(2))
        over = second + int(whole_ms / 1000.0)
        begins = stream and over > second + 2
        ended = _ended(first_ms, whole_ms, stream=stream, failed=failed, begun=begins)
        begun = (Begun(bin_of(first_ms), 1, 1),) if begins else ()
        waiting.setdefault(second, []).append(replace(key, started=1, begun=begun))
        waiting.setdefault(over, []).append(replace(key, ended=(ended,)))


def _ended(first_ms: float, whole_ms: float, *, stream: bool, failed: bool, begun: bool) -> Ended:
    end = StreamEnd.NONE
    if stream:
        end = StreamEnd.CUT if failed else StreamEnd.DONE
    return Ended(
        outcome=Outcome.FAILED if failed else Outcome.OK,
        streamed=stream,
        end=end,
        attempts=1,
        ttft_bin=bin_of(first_ms) if stream else None,
        duration_bin=bin_of(whole_ms),
        chunks_bin=None,
        tpot_bin=bin_of(whole_ms / 50.0) if stream else None,
        n=1,
        begun=begun,
    )


def _key(second: int, name: str, stratum: int) -> Increment:
    return Increment(
        second=second,
        service="guard",
        tester=False,
        intended=name,
        actual=name,
        stratum=stratum,
        started=0,
        ended=(),
        overdue=0,
        running=0,
        bytes_in=0,
        bytes_out=0,
    )


def _taking(increment: Increment) -> Event:
    return lambda judge: judge.take(increment)


def _heartbeat(complete_to: int) -> Event:
    return lambda judge: judge.heartbeat(complete_to)


def tell(judge: Judge, events: Sequence[Event]) -> list[WindowRecord]:
    records: list[WindowRecord] = []
    for event in events:
        event(judge)
        records.extend(judge.closed())
    return records


def new() -> Judge:
    return Judge(RULES, "guard-r1", "guard-r2")


def restarted(judge: Judge) -> Judge:
    return Judge.from_dict(RULES, json.loads(json.dumps(judge.to_dict())))


STORIES = [Story(1, 80.0), Story(2, 2500.0), Story(3, 80.0, baseline_s=2)]
IDS = ["fast", "slow", "quiet before"]


@pytest.mark.parametrize("story", STORIES, ids=IDS)
def test_a_crash_at_each_window_boundary_changes_no_float(story: Story) -> None:
    events = story.events()
    whole, dying = new(), new()
    expected = tell(whole, events)
    seen: list[WindowRecord] = []
    for event in events:
        news = tell(dying, [event])
        seen.extend(news)
        if news:
            dying = restarted(dying)
    assert dying.to_dict() == whole.to_dict()
    assert dying.view() == whole.view()
    assert seen == expected
    assert len(seen) > 10


@pytest.mark.parametrize("story", STORIES, ids=IDS)
def test_replay_from_any_saved_cursor_ends_at_the_same_floats(story: Story) -> None:
    events = story.events()
    whole = new()
    states = []
    for at, event in enumerate(events):
        if tell(whole, [event]):
            states.append((at + 1, json.dumps(whole.to_dict())))
    for cursor, state in states[:: max(1, len(states) // 6)]:
        again = Judge.from_dict(RULES, json.loads(state))
        tell(again, events[cursor:])
        assert again.to_dict() == whole.to_dict()


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 10_000), st.sets(st.integers(0, 2000), max_size=6))
def test_a_crash_at_any_event_changes_no_float(seed: int, crashes: set[int]) -> None:
    events = Story(seed, 700.0, baseline_s=8).events()
    whole, dying = new(), new()
    tell(whole, events)
    for at, event in enumerate(events):
        tell(dying, [event])
        if at in crashes:
            dying = restarted(dying)
    assert dying.to_dict() == whole.to_dict()


def test_the_saved_state_of_a_fast_service_stays_small() -> None:
    judge = new()
    tell(judge, STORIES[0].events())
    assert len(json.dumps(judge.to_dict(), separators=(",", ":"))) < 90_000


def test_the_order_of_news_between_heartbeats_does_not_matter() -> None:
    events = Story(4, 80.0).events()
    plain, mixed = new(), new()
    tell(plain, events)
    draw, batch = seeded(1), []
    for event in events:
        if "_taking" in event.__qualname__:
            batch.append(event)
            continue
        draw.shuffle(batch)
        tell(mixed, [*batch, event])
        batch = []
    assert mixed.view().figures == plain.view().figures
    assert mixed.view().log_e == plain.view().log_e
