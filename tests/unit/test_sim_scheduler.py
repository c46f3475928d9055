"""Virtual time: what happens when, and what becomes of the work of a process that dies."""

from collections.abc import Callable

import pytest

from turnout.errors import UnavailableError
from turnout.testing.sim.scheduler import (
    Host,
    Pause,
    Scheduler,
    VirtualBell,
    VirtualClock,
    VirtualTasks,
)
from turnout.testing.world import START_S

NEVER: Callable[[], bool] = lambda: False  # noqa: E731 - a word for the end that does not come


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(now_s=3.0)


def test_things_happen_in_the_order_of_their_times(scheduler: Scheduler) -> None:
    told: list[tuple[str, float]] = []
    for name, at_s in (("late", 9.0), ("early", 4.0), ("between", 5.5)):
        scheduler.at(at_s, lambda name=name: told.append((name, scheduler.now_s)))  # type: ignore[misc]  # a default keeps the loop's name
    scheduler.run(20.0, NEVER)
    assert told == [("early", 4.0), ("between", 5.5), ("late", 9.0)]


def test_things_of_one_time_happen_in_the_order_in_which_they_were_asked_for(
    scheduler: Scheduler,
) -> None:
    told: list[int] = []
    for number in range(5):
        scheduler.at(4.0, lambda number=number: told.append(number))  # type: ignore[misc]  # a default keeps the loop's number
    scheduler.run(20.0, NEVER)
    assert told == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("at_s", "happens"), [(20.0, True), (20.01, False)])
def test_nothing_happens_after_the_end(
    scheduler: Scheduler,
    at_s: float,
    happens: bool,  # noqa: FBT001 - a column of the table
) -> None:
    told: list[float] = []
    scheduler.at(at_s, lambda: told.append(scheduler.now_s))
    scheduler.run(20.0, NEVER)
    assert bool(told) is happens


@pytest.mark.parametrize(("at_s", "happens"), [(64.0, True), (64.01, False)])
def test_the_world_lives_a_minute_longer_than_its_work(
    scheduler: Scheduler,
    at_s: float,
    happens: bool,  # noqa: FBT001 - a column of the table
) -> None:
    told: list[float] = []
    scheduler.at(4.0, lambda: None)
    scheduler.at(at_s, lambda: told.append(scheduler.now_s))
    scheduler.run(900.0, lambda: scheduler.now_s >= 4.0)
    assert bool(told) is happens


async def ticking(scheduler: Scheduler, told: list[float], every_s: float = 2.0) -> None:
    while True:
        told.append(scheduler.now_s)
        await Pause(every_s)


def test_work_goes_on_after_each_of_its_pauses(scheduler: Scheduler) -> None:
    told: list[float] = []
    scheduler.start(Host("A"), ticking(scheduler, told))
    scheduler.run(8.0, NEVER)
    assert told == [3.0, 5.0, 7.0]


def test_work_of_two_processes_goes_on_side_by_side(scheduler: Scheduler) -> None:
    told: list[float] = []
    scheduler.start(Host("A"), ticking(scheduler, told))
    scheduler.start(Host("B"), ticking(scheduler, told, 3.0))
    scheduler.run(8.0, NEVER)
    assert told == [3.0, 3.0, 5.0, 6.0, 7.0]


def test_work_of_a_killed_process_never_goes_on(scheduler: Scheduler) -> None:
    host, told = Host("A"), list[float]()
    scheduler.start(host, ticking(scheduler, told))
    scheduler.at(5.5, lambda: setattr(host, "generation", 1))
    scheduler.run(30.0, NEVER)
    assert told == [3.0, 5.0]


def test_a_killed_process_runs_none_of_its_own_ends(scheduler: Scheduler) -> None:
    host, told = Host("A"), list[str]()

    async def careful() -> None:
        await Pause(2.0)
        told.append("went on")

    scheduler.start(host, careful())
    scheduler.at(4.0, lambda: setattr(host, "generation", 1))
    scheduler.at(6.0, lambda: scheduler.start(host, careful()))
    scheduler.run(30.0, NEVER)
    assert told == ["went on"]


def test_what_was_to_happen_to_a_dead_process_is_dropped(scheduler: Scheduler) -> None:
    host, told = Host("A"), list[str]()
    scheduler.at(5.0, lambda: told.append("act"), host, lambda: told.append("drop"))
    scheduler.at(4.0, lambda: setattr(host, "generation", 1))
    scheduler.run(30.0, NEVER)
    assert told == ["drop"]


@pytest.mark.parametrize(("until_s", "at_s"), [(4.99, 5.0), (12.0, 12.0)])
def test_a_process_that_stands_still_goes_on_later(
    scheduler: Scheduler, until_s: float, at_s: float
) -> None:
    host, told = Host("A"), list[float]()
    scheduler.at(5.0, lambda: told.append(scheduler.now_s), host)
    scheduler.at(4.0, lambda: setattr(host, "stalled_until_s", until_s))
    scheduler.run(30.0, NEVER)
    assert told == [at_s]


# --- the ports of one process


def test_a_process_counts_seconds_from_its_own_birth(scheduler: Scheduler) -> None:
    host = Host("A", born_s=2.5, skew_s=-40.0)
    clock = VirtualClock(scheduler, host)
    assert (clock.mono_s(), clock.wall_s()) == (0.5, START_S + 3.0 - 40.0)
    scheduler.now_s = 10.0
    assert (clock.mono_s(), clock.wall_s()) == (7.5, START_S + 10.0 - 40.0)


async def timed(scheduler: Scheduler, limit_s: float, *waits_s: float) -> str:
    async def work() -> str:
        for wait_s in waits_s:
            await Pause(wait_s)
        return "done"

    try:
        answer = await VirtualTasks(scheduler, Host("A")).within_s(limit_s, work())
    except UnavailableError as error:
        answer = str(error)
    return f"{answer} at {scheduler.now_s:g}"


@pytest.mark.parametrize(
    ("waits_s", "told"),
    [
        ((), "done at 3"),
        ((5.0,), "done at 8"),
        ((2.0, 3.0), "done at 8"),
        ((5.01,), "no answer within 5.0 s at 8"),
        ((2.0, 3.01), "no answer within 5.0 s at 8"),
        ((900.0,), "no answer within 5.0 s at 8"),
    ],
)
def test_work_is_given_up_exactly_at_its_limit(
    scheduler: Scheduler, waits_s: tuple[float, ...], told: str
) -> None:
    answers: list[str] = []

    async def note() -> None:
        answers.append(await timed(scheduler, 5.0, *waits_s))

    scheduler.start(Host("A"), note())
    scheduler.run(60.0, NEVER)
    assert answers == [told]


@pytest.mark.parametrize(("limit_s", "waits_s"), [(0.25, 1.0), (7.0, 7.0)])
def test_a_virtual_bell_lets_at_least_a_second_pass(
    scheduler: Scheduler, limit_s: float, waits_s: float
) -> None:
    told: list[float] = []

    async def wait() -> None:
        bell = VirtualBell()
        bell.ring()
        await bell.wait_s(limit_s)
        told.append(scheduler.now_s)

    scheduler.start(Host("A"), wait())
    scheduler.run(60.0, NEVER)
    assert told == [3.0 + waits_s]


@pytest.mark.parametrize(("tracing", "lines"), [(True, ["     3.00 hello"]), (False, [])])
def test_a_trace_is_kept_only_when_it_is_asked_for(
    tracing: bool,  # noqa: FBT001 - a column of the table
    lines: list[str],
) -> None:
    scheduler = Scheduler(now_s=3.0, tracing=tracing)
    scheduler.note("hello")
    assert scheduler.lines == lines
