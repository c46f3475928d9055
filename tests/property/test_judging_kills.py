"""A controller killed at any batch ends at the floats and windows of one that never died."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.judging_stage import FIRST_S, Stage, an_increment, ended
from turnout.application.ports import Batch, EvidenceState, EvidenceStore
from turnout.domain.evidence import Judged
from turnout.statistics.increment import Increment, Outcome
from turnout.statistics.judgement import Verdict
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit

SECONDS, BEFORE = 36, 20
WEIGHTS = {2: (2000, 0), 16: (5000, 1), 28: (10_000, 2)}
POINTS, PERCENT, MOST = (
    Amount(2.0, Unit.POINTS),
    Amount(20.0, Unit.PERCENT),
    Amount(40.0, Unit.PERCENT),
)
RULES = JudgeSettings(
    figures=(
        FigureRule(name="errors", worse_by=POINTS, max=MOST),
        FigureRule(name="latency.p90", worse_by=PERCENT),
    ),
    timeout_s=30.0,
)
Killed = Callable[[int], bool]


def never(_: int) -> bool:
    return False


class KilledError(BaseException):
    """The process has ended; no border of the product may take it for a fault."""


@dataclass
class DyingStore:
    """The port `EvidenceStore`; while `dies` the process ends before a save is written."""

    inside: EvidenceStore
    dies: bool = False

    async def save(self, epoch: int, release_id: str, state: EvidenceState) -> None:
        if self.dies:
            raise KilledError
        await self.inside.save(epoch, release_id, state)

    async def load(self, release_id: str) -> EvidenceState | None:
        return await self.inside.load(release_id)


@dataclass(frozen=True)
class End:
    """What is left of a release: the judge at rest, its windows, what it says."""

    body: str
    windows: tuple[str, ...]
    said: Judged | None


def an_answer(draw: random.Random, second: int, name: str, bad: float) -> tuple[int, Increment]:
    took_ms = draw.lognormvariate(4.5, 0.9)
    outcome = Outcome.FAILED if draw.random() < bad else Outcome.OK
    done = (ended(outcome, 1, took_ms),)
    return int(took_ms / 1000.0), replace(an_increment(second, name), started=0, ended=done)


def story(seed: int, failures: float) -> list[Batch]:
    """Tell starts at once, ends when they come, and heartbeats two seconds late."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable story, no secret
    told: dict[int, list[Increment]] = {}
    for second in range(-BEFORE, SECONDS):
        weight = max((w for at, (w, _) in WEIGHTS.items() if at <= second), default=0) / 10_000
        for _ in range(24):
            name = "shop-r2" if draw.random() < weight else "shop-r1"
            bad = failures if name == "shop-r2" else 0.01
            after_s, answer = an_answer(draw, FIRST_S + second, name, bad)
            start = replace(an_increment(FIRST_S + second, name), ended=())
            told.setdefault(second, []).append(start)
            told.setdefault(second + after_s, []).append(answer)
    return [
        Batch(cursor="", increments=tuple(told[i]), complete_to=FIRST_S + i - 2)
        for i in range(-BEFORE, SECONDS)
    ]


def life(told: Sequence[Batch], after_save: Killed = never, before_save: Killed = never) -> End:
    stage = Stage(kept=told[:BEFORE])
    stage.release = replace(stage.release, plan=replace(stage.release.plan, judge=RULES))
    store = stage.saves.inside = DyingStore(stage.saves.inside)
    stage.ensure(acked=False)
    for i, batch in enumerate(told[BEFORE:]):
        stage.clock.go_on(1.0)
        if i in WEIGHTS:
            stage.weigh(*WEIGHTS[i])
        store.dies = before_save(i)
        read(stage, batch)
        dead, store.dies = store.dies or after_save(i), False
        if dead:
            be_born_again(stage)
    return end_of(stage)


def read(stage: Stage, batch: Batch) -> None:
    try:
        stage.read(batch)
    except KilledError:
        stage.tasks.started.clear()


def be_born_again(stage: Stage) -> None:
    stage.restarted()
    stage.ensure(acked=False)
    stage.ensure(acked=True)
    stage.read()


def end_of(stage: Stage) -> End:
    said = stage.look()
    stage.close()
    stage.tasks.close()
    body = stage.store.tables.judges["shop-1"].body
    return End(body, tuple(stage.windows()), said)


@pytest.fixture(
    scope="module", params=[(1, 0.01), (2, 0.01), (3, 0.3)], ids=["alike", "alike too", "worse"]
)
def told(request: pytest.FixtureRequest) -> Sequence[Batch]:
    return story(*request.param)


def test_a_kill_after_each_saved_batch_changes_no_float(told: Sequence[Batch]) -> None:
    whole, again = life(told), life(told, after_save=lambda _: True)
    assert (again.body, again.windows) == (whole.body, whole.windows)
    assert len(whole.windows) > 10


def test_a_kill_before_each_other_save_changes_no_float(told: Sequence[Batch]) -> None:
    whole, again = life(told), life(told, before_save=lambda i: i % 2 == 1)
    assert (again.body, again.windows) == (whole.body, whole.windows)


def test_a_killed_controller_gives_the_same_verdict(told: Sequence[Batch]) -> None:
    whole, again = life(told), life(told, after_save=lambda i: i < SECONDS - 1)
    assert again.said == whole.said


@settings(deadline=None, max_examples=4)
@given(st.sets(st.integers(0, SECONDS - 1)), st.sets(st.integers(0, SECONDS - 1)))
def test_kills_at_any_batches_end_at_the_same_windows(after: set[int], before: set[int]) -> None:
    told = story(4, 0.05)
    whole = life(told)
    again = life(told, after_save=after.__contains__, before_save=before.__contains__)
    assert (again.body, again.windows) == (whole.body, whole.windows)


def test_the_story_of_a_worse_version_ends_in_its_verdict() -> None:
    said = life(story(3, 0.3)).said
    assert said is not None
    assert said.judgement.verdict is Verdict.WORSE
