"""Faults at the calls of ports: each does what its name says, and nothing else."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from turnout.errors import RefusedError, TurnoutError
from turnout.testing.sim.faults import DRAWN, Fault, Kind, Scripted, Seeded
from turnout.testing.sim.hosts import Calls, Through, run_now
from turnout.testing.sim.scheduler import Host, Pause, Scheduler
from turnout.testing.sim.world import World

LENGTHS_S = {Kind.LATE: (5.0, 60.0), Kind.SLOW: (1.0, 21.0), Kind.STALL: (3.0, 93.0)}


@dataclass
class Part:
    """A part with one verb; the time of each call of it is kept."""

    scheduler: Scheduler
    seen_s: list[float] = field(default_factory=list)
    abilities: str = "many"

    async def do(self, word: str, *, loud: bool = False) -> str:
        self.seen_s.append(self.scheduler.now_s)
        if word == "no":
            raise RefusedError("the part refuses")
        return word.upper() if loud else word


@dataclass
class Stage:
    """One call of one process, with the fault that meets it."""

    script: Mapping[int, Fault] = field(default_factory=dict)
    told: list[tuple[float, str]] = field(default_factory=list)
    crashed_s: list[float] = field(default_factory=list)
    rebooted: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(now_s=2.0)
        self.world = World(self.scheduler, random.Random(1), {})  # noqa: S311 - repeatable
        self.host, self.part = Host("A"), Part(self.scheduler)
        self.calls = Calls(
            self.world,
            Scripted(self.script),
            crash=lambda _: self.crashed_s.append(self.scheduler.now_s),
            reboot=lambda _, after_s: self.rebooted.append((self.scheduler.now_s, after_s)),
        )

    def call(self, word: str = "hello", times: int = 1) -> list[tuple[float, str]]:
        port = Through(self.calls, self.host, "part", self.part)

        async def work() -> None:
            for _ in range(times):
                try:
                    answer = str(await port.do(word, loud=True))
                except TurnoutError as error:
                    answer = f"! {error}"
                self.told.append((round(self.scheduler.now_s, 2), answer))

        self.scheduler.start(self.host, work())
        self.scheduler.run(500.0, lambda: False)
        return self.told

    @property
    def seen_s(self) -> list[float]:
        return [round(at_s, 2) for at_s in self.part.seen_s]


def met(kind: Kind, seconds_s: float = 20.0) -> Stage:
    return Stage({1: Fault(kind, seconds_s)})


def test_a_call_without_a_fault_takes_a_hundredth_of_a_second() -> None:
    stage = Stage()
    assert stage.call(times=2) == [(2.01, "HELLO"), (2.02, "HELLO")]
    assert (stage.seen_s, stage.calls.count, stage.calls.met) == ([2.01, 2.02], 2, {})


def test_what_a_part_refuses_is_refused_and_no_fault() -> None:
    assert Stage().call("no") == [(2.01, "! the part refuses")]


def test_what_is_no_verb_is_given_as_it_is() -> None:
    stage = Stage()
    abilities: object = Through(stage.calls, stage.host, "part", stage.part).abilities
    assert abilities == "many"


@pytest.mark.parametrize(
    ("kind", "told", "seen_s"),
    [
        (Kind.ERROR, [(2.01, "! part.do: no answer")], []),
        (Kind.LOST_ANSWER, [(2.01, "! part.do: no answer")], [2.01]),
        (Kind.LATE, [(7.0, "! part.do: no answer in time")], [22.0]),
        (Kind.SLOW, [(22.0, "HELLO")], [22.0]),
        (Kind.KILL_BEFORE, [], []),
        (Kind.KILL_AFTER, [], [2.0]),
        (Kind.STALL, [(22.0, "HELLO")], [22.0]),
        (Kind.STALL_AND_CRASH, [(22.0, "HELLO")], [22.0]),
    ],
)
def test_a_fault_does_what_its_name_says(
    kind: Kind, told: list[tuple[float, str]], seen_s: list[float]
) -> None:
    stage = met(kind)
    assert (stage.call(), stage.seen_s) == (told, seen_s)
    assert stage.calls.met == {("part.do", str(kind)): 1}


@pytest.mark.parametrize("kind", [Kind.KILL_BEFORE, Kind.KILL_AFTER])
def test_a_killed_process_is_another_one_and_boots_again(kind: Kind) -> None:
    stage = met(kind)
    stage.host.stalled_until_s = 1.0
    stage.call()
    assert (stage.host.generation, stage.host.stalled_until_s) == (1, 0.0)
    assert stage.rebooted == [(2.0, 20.0)]


@pytest.mark.parametrize(("kind", "crashed_s"), [(Kind.STALL, []), (Kind.STALL_AND_CRASH, [5.0])])
def test_only_a_stall_and_crash_lets_the_candidate_die_meanwhile(
    kind: Kind, crashed_s: list[float]
) -> None:
    stage = met(kind)
    stage.call()
    assert stage.crashed_s == crashed_s


@pytest.mark.parametrize("kind", [Kind.LOST_ANSWER, Kind.LATE, Kind.KILL_AFTER])
def test_a_refusal_that_nobody_hears_of_harms_nobody(kind: Kind) -> None:
    stage = met(kind)
    if kind is Kind.LOST_ANSWER:  # the part's own answer comes before it is lost
        assert stage.call("no") == [(2.01, "! the part refuses")]
    else:
        stage.call("no")
    assert len(stage.seen_s) == 1


def test_a_fault_meets_its_call_alone() -> None:
    stage = Stage({2: Fault(Kind.ERROR, 1.0)})
    answers = [answer for _, answer in stage.call(times=3)]
    assert answers == ["HELLO", "! part.do: no answer", "HELLO"]


@pytest.mark.parametrize(
    ("outage", "answer"),
    [
        ({"part": [(2.0, 2.02)]}, "! part.do: away"),
        ({"part": [(0.0, 2.0)]}, "HELLO"),
        ({"part": [(2.02, 9.0)]}, "HELLO"),
        ({"other": [(0.0, 9.0)]}, "HELLO"),
    ],
    ids=["now", "before", "later", "another part"],
)
def test_a_part_that_is_away_answers_nobody(
    outage: dict[str, list[tuple[float, float]]], answer: str
) -> None:
    stage = Stage()
    stage.world.outages.update(outage)
    assert stage.call() == [(2.01, answer)]


def test_a_false_part_that_waits_is_a_mistake() -> None:
    async def waits() -> None:
        await Pause(1.0)

    work = waits()
    with pytest.raises(RuntimeError, match="must not wait"):
        run_now(work)


# --- which fault meets which call


def test_a_script_names_each_call_by_its_number() -> None:
    fault = Fault(Kind.SLOW, 4.0)
    script = Scripted({7: fault})
    assert [script.at(call, 1.0) for call in (6, 7, 8)] == [None, fault, None]


def seeded(seed: int, until_s: float = 50.0) -> Seeded:
    return Seeded(random.Random(seed), until_s)  # noqa: S311 - a repeatable history


def test_no_fault_is_drawn_after_the_time_of_faults() -> None:
    drawn = seeded(1)
    drawn.rate = 1.0
    assert drawn.at(1, 50.0) is not None
    assert drawn.at(1, 50.01) is None


def test_the_same_seed_draws_the_same_faults() -> None:
    first, second = ([seeded(s).at(i, 1.0) for i in range(500)] for s in (3, 3))
    assert first == second


def test_rates_and_kinds_differ_from_seed_to_seed() -> None:
    swarm = [seeded(seed) for seed in range(200)]
    assert {drawn.rate for drawn in swarm} == {0.0, 0.003, 0.01, 0.04}
    assert {kind for drawn in swarm for kind in drawn.kinds} == set(DRAWN)
    assert all(drawn.kinds for drawn in swarm)
    assert len({tuple(drawn.kinds) for drawn in swarm}) > 20


def test_a_candidate_s_crash_in_a_stall_is_never_drawn_by_chance() -> None:
    assert set(Kind) - set(DRAWN) == {Kind.STALL_AND_CRASH}


@pytest.mark.parametrize("kind", DRAWN)
def test_the_length_of_a_fault_stays_within_its_kind_s_bounds(kind: Kind) -> None:
    drawn = seeded(5)
    drawn.rate, drawn.kinds = 1.0, [kind]
    faults = [drawn.at(i, 1.0) for i in range(2000)]
    lengths_s = [fault.seconds_s for fault in faults if fault]
    least_s, most_s = LENGTHS_S.get(kind, (0.5, 12.5))
    span_s = most_s - least_s
    assert least_s <= min(lengths_s) < least_s + span_s / 20
    assert most_s - span_s / 20 < max(lengths_s) <= most_s
