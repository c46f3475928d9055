"""Each check of the simulation notices what it should: a promise that is broken says so."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from turnout.application.ports import Change
from turnout.domain.release import Outcome, Phase, Release, Step
from turnout.domain.route import Fence, Observed, Route, RouteSettings, Target
from turnout.domain.version import Endpoint
from turnout.errors import (
    FencedError,
    NotReadyError,
    ShrinkRefusedError,
    StaleRouteError,
    UnavailableError,
)
from turnout.testing.sim.coverage import Tally
from turnout.testing.sim.faults import DRAWN, Fault, Kind, Scripted, Seeded
from turnout.testing.sim.history import History
from turnout.testing.sim.place import Facts, Group, Place
from turnout.testing.sim.scheduler import (
    Host,
    Pause,
    Scheduler,
    ViolationError,
    VirtualBell,
    VirtualClock,
    VirtualTasks,
)
from turnout.testing.sim.truth import Truth
from turnout.testing.sim.world import World
from turnout.testing.world import a_decision, a_plan, a_release, a_set

OLD, NEW = a_set(), a_set(2, "v2")
FACTS = Facts(stable="shop-r1", retiring=False, replicas=2, drain_s=5.0, targets={})
SETTINGS = RouteSettings(listen=Endpoint("127.0.0.1", 8000))


def a_place(old: int = 2, new: int = 2) -> Place:
    """Make a place in which both versions run for long, and nothing is routed yet."""
    place = Place("shop", Scheduler(now_s=1000.0))
    for item, n in ((OLD, old), (NEW, new)):
        group = place.groups[item.name] = Group(item)
        place.grow(group, n, -1.0)
    return place


def a_route(sequence: int = 1, **weights_bp: int) -> Route:
    """Make a route; sets are named `r1`, `r2`."""
    names = {f"shop-{name}": weight_bp for name, weight_bp in weights_bp.items()}
    return Route(
        service="shop",
        settings=SETTINGS,
        targets=tuple(Target(set_name=n, version="v", weight_bp=w) for n, w in names.items()),
        salt="r2",
        observed={n: Observed(endpoints=(Endpoint("127.0.0.1", 9001),)) for n in names},
        sequence=sequence,
    )


def routed(revision: int = 1, *, old: int = 2, new: int = 2, **weights_bp: int) -> Place:
    place = a_place(old, new)
    place.ensure_route(a_route(**weights_bp), Fence(1, revision), FACTS)
    return place


def shrink(
    place: Place,
    name: str,
    n: int,
    facts: Facts = FACTS,
    only_while: Mapping[str, int] | None = None,
) -> None:
    place.shrink(place.groups[name], n, only_while or {}, facts)


def test_a_set_without_enough_ready_instances_gets_no_weight() -> None:
    place = routed(r1=10_000, new=1)
    with pytest.raises(ViolationError, match="I-1 8000 bp to shop-r2 with 1 of 2 ready"):
        place.ensure_route(a_route(r1=2000, r2=8000), Fence(1, 2), FACTS)


def test_a_set_that_just_crashed_is_no_mistake_of_the_engine() -> None:
    place = routed(r1=10_000, new=1)
    place.groups["shop-r2"].crashed_s = place.scheduler.now_s - 1.0
    place.ensure_route(a_route(r1=2000, r2=8000), Fence(1, 2), FACTS)
    assert place.weights_bp == {"shop-r1": 2000, "shop-r2": 8000}


@pytest.mark.parametrize("weights_bp", [{"r1": 9000}, {"r1": 9000, "r2": 2000}])
def test_weights_that_are_not_the_whole_are_noticed(weights_bp: dict[str, int]) -> None:
    with pytest.raises(ViolationError, match="I-2 the weights"):
        a_place().ensure_route(a_route(**weights_bp), Fence(1, 1), FACTS)


def test_a_set_that_the_router_names_must_not_be_stopped() -> None:
    place = routed(r1=10_000, r2=0)
    with pytest.raises(ViolationError, match="I-2 shop-r2 was stopped"):
        shrink(place, "shop-r2", 0)


def test_the_stable_version_must_not_be_stopped() -> None:
    place = routed(r2=10_000)
    with pytest.raises(ViolationError, match="I-3 the stable version"):
        shrink(place, "shop-r1", 0)


def test_a_revision_means_one_route_for_good() -> None:
    facts = replace(FACTS, targets={1: {"shop-r1": 10_000}})
    with pytest.raises(ViolationError, match="I-4 the router got"):
        a_place().ensure_route(a_route(r1=9000, r2=1000), Fence(1, 1), facts)


def test_a_younger_reign_with_an_older_revision_is_noticed() -> None:
    place = routed(revision=5, r1=10_000)
    with pytest.raises(ViolationError, match="I-4 the router went back from revision 5 to 4"):
        place.ensure_route(a_route(r1=10_000), Fence(2, 4), FACTS)


def test_streams_that_are_cut_before_the_drain_are_noticed() -> None:
    place = routed(r1=5000, r2=5000)
    place.ensure_route(a_route(sequence=2, r1=10_000), Fence(1, 2), FACTS)
    place.busy_until_s["shop-r2"] = place.scheduler.now_s + 30.0
    place.scheduler.now_s += 4.0
    with pytest.raises(ViolationError, match=r"I-8 streams of shop-r2 were cut 4\.0 s"):
        shrink(place, "shop-r2", 0)
    place.scheduler.now_s += 1.0
    shrink(place, "shop-r2", 0)
    assert place.groups["shop-r2"].up == []


def test_capacity_that_is_cut_under_traffic_is_noticed() -> None:
    place = routed(r1=4000, r2=6000)
    with pytest.raises(ViolationError, match="I-9 shop-r2 was cut to 1 under a weight of 6000 bp"):
        shrink(place, "shop-r2", 1)
    shrink(place, "shop-r1", 1)
    assert len(place.groups["shop-r1"].up) == 1


def test_the_way_back_must_stay_until_the_new_version_carries_all() -> None:
    place = routed(r2=10_000)
    place.groups["shop-r2"].up.pop()
    facts = replace(FACTS, stable="shop-r2", retiring=True)
    with pytest.raises(ViolationError, match="I-9 the way back shop-r1"):
        shrink(place, "shop-r1", 0, facts)


def test_the_adapter_itself_refuses_a_shrink_without_what_carries() -> None:
    place = routed(r2=10_000)
    place.groups["shop-r2"].up.pop()
    with pytest.raises(ShrinkRefusedError):
        shrink(place, "shop-r1", 0, only_while={"shop-r2": 2})
    assert len(place.groups["shop-r1"].up) == 2


def test_those_that_are_ready_are_the_last_to_go() -> None:
    place = a_place(new=1)
    place.grow(place.groups["shop-r2"], 2, 60.0)
    shrink(place, "shop-r2", 1)
    assert len(place.groups["shop-r2"].ready(place.scheduler.now_s)) == 1


@pytest.mark.parametrize(
    ("fence", "route"),
    [
        (Fence(1, 4), a_route(r1=10_000)),
        (Fence(0, 9), a_route(r1=10_000)),
        (Fence(1, 5), a_route(r1=9000, r2=1000)),
        (Fence(1, 5), a_route(sequence=0, r1=10_000)),
    ],
    ids=["older revision", "older reign", "other content", "older endpoints"],
)
def test_a_false_router_refuses_what_a_real_one_refuses(fence: Fence, route: Route) -> None:
    place = routed(revision=5, r1=10_000)
    with pytest.raises(StaleRouteError):
        place.ensure_route(route, fence, FACTS)
    assert place.weights_bp == {"shop-r1": 10_000}


def test_a_false_router_wants_an_endpoint_for_each_weight() -> None:
    route = replace(a_route(r1=10_000), observed={})
    with pytest.raises(NotReadyError):
        a_place().ensure_route(route, Fence(1, 1), FACTS)


def test_an_older_reign_is_refused_by_both_false_parts() -> None:
    place = a_place()
    place.claim_runtime(4)
    place.claim_router(4)
    with pytest.raises(FencedError):
        place.claim_runtime(3)
    with pytest.raises(FencedError):
        place.claim_router(3)
    with pytest.raises(FencedError):
        place.admit(Fence(3, 99))


# --- what only saves can break


def a_world(truth: Truth = Truth.GOOD) -> World:
    return World(Scheduler(now_s=1000.0), random.Random(1), {"sha256:v2": truth})  # noqa: S311 - no secret


def save(world: World, old: Release, new: Release, code: str = "") -> None:
    decision = a_decision(code, new) if code else None
    world.saved(old, Change(release=new, decision=decision))


def test_two_contents_of_one_revision_are_noticed() -> None:
    world, row = a_world(), a_release(weight_bp=1000)
    world.learn(row)
    with pytest.raises(ViolationError, match="I-4 revision 7 has two contents"):
        world.learn(row.with_arm(weight_bp=2000))


def test_a_step_that_is_left_before_its_hold_is_noticed() -> None:
    world, row = a_world(), a_release(weight_bp=1000)
    world.place("shop").shown_s["shop-r2"] = 995.0
    later = replace(row, phase=Phase.SHIFTING, step=1)
    with pytest.raises(ViolationError, match="I-6 shop-2 left step 0 before its hold"):
        save(world, row, later)
    world.place("shop").shown_s["shop-r2"] = 985.0
    save(world, row, later, "step.passed")
    assert world.taken == {("watching", "shifting", "step.passed"): 1}


def promote(world: World) -> None:
    row = a_release(Phase.PROMOTING, weight_bp=10_000)
    world.proofs = {("shop-r2", step) for step in range(3)}
    save(world, row, replace(row, phase=Phase.BAKING, outcome=Outcome.PROMOTED))


def test_a_promotion_without_evidence_for_a_step_is_noticed() -> None:
    row = a_release(Phase.PROMOTING, weight_bp=10_000)
    with pytest.raises(ViolationError, match="I-6 shop-2 was promoted without evidence"):
        save(a_world(), row, replace(row, phase=Phase.BAKING))


@pytest.mark.parametrize("truth", [Truth.BAD, Truth.BREAKS, Truth.OVER_LIMIT, Truth.CRASHES])
def test_only_the_promotion_of_a_bad_version_is_noticed(truth: Truth) -> None:
    promote(a_world())
    with pytest.raises(ViolationError, match="I-6 shop-2 was promoted and is"):
        promote(a_world(truth))


@pytest.mark.parametrize(
    "outcome", [Outcome.WORSE, Outcome.LIMIT, Outcome.REFUSED, Outcome.FAILED, Outcome.BREAKAGE]
)
def test_a_good_version_that_is_blamed_is_noticed(outcome: Outcome) -> None:
    row = a_release(weight_bp=1000)
    with pytest.raises(ViolationError, match="I-17 shop-2 is good and ended as"):
        save(a_world(), row, replace(row, phase=Phase.ROLLING_BACK, outcome=outcome))


def test_a_limit_that_came_too_early_is_noticed() -> None:
    world, row = a_world(), a_release(Phase.STARTING)
    world.entered_s["shop-2"] = 980.0
    with pytest.raises(ViolationError, match="I-17 shop-2 timed_out after 20 s"):
        save(world, row, replace(row, phase=Phase.ROLLING_BACK, outcome=Outcome.TIMED_OUT))


def test_a_step_without_its_approval_is_noticed() -> None:
    asks = Step(weight_bp=10_000, hold_s=1.0, approval=True)
    plan = replace(a_plan(), steps=(Step(weight_bp=1000, hold_s=1.0), asks))
    row = a_release(Phase.WAITING, plan=plan, weight_bp=1000)
    later, world = replace(row, phase=Phase.SHIFTING, step=1), a_world()
    with pytest.raises(ViolationError, match="I-18 shop-2 went on without an approval"):
        save(world, row, later)
    world.approvals.add(("shop-2", "sha256:v2"))
    save(world, row, later)


def at_rest(phase: Phase = Phase.ROLLED_BACK) -> World:
    world = a_world()
    world.places["shop"] = routed(r1=10_000, new=0)
    world.learn(a_release(phase, n=0))
    return world


def test_what_rests_in_order_breaks_no_promise() -> None:
    at_rest().check_rest()


def test_a_release_that_never_ended_is_noticed() -> None:
    with pytest.raises(ViolationError, match="I-10 shop-2 never ended"):
        at_rest(Phase.ROLLING_BACK).check_rest()


def test_an_instance_that_is_left_over_is_noticed() -> None:
    world = at_rest()
    world.places["shop"].grow(world.places["shop"].groups["shop-r2"], 1, 0.0)
    with pytest.raises(ViolationError, match="I-13 left over: shop-r2"):
        world.check_rest()


def test_a_wrong_route_or_a_missing_instance_at_rest_is_noticed() -> None:
    world = at_rest()
    world.places["shop"].weights_bp = {"shop-r2": 10_000}
    with pytest.raises(ViolationError, match="I-14 at the end shop routes"):
        world.check_rest()
    world = at_rest()
    world.places["shop"].groups["shop-r1"].up.clear()
    with pytest.raises(ViolationError, match="I-14 at the end shop-r1 has 0 ready"):
        world.check_rest()


# --- time and faults


def ticking(scheduler: Scheduler, ticks: list[float]) -> None:
    async def tick() -> None:
        while True:
            ticks.append(scheduler.now_s)
            await Pause(1.0)

    scheduler.start(Host("a"), tick())


def test_virtual_time_passes_only_by_pauses() -> None:
    scheduler, ticks = Scheduler(), list[float]()
    ticking(scheduler, ticks)
    scheduler.run(3.5, lambda: False)
    assert ticks == [0.0, 1.0, 2.0, 3.0]


def test_a_run_ends_a_minute_after_everything_is_done() -> None:
    scheduler, ticks = Scheduler(), list[float]()
    ticking(scheduler, ticks)
    scheduler.run(1000.0, lambda: scheduler.now_s >= 5.0)
    assert ticks[-1] == 65.0


def test_what_a_killed_process_ran_never_goes_on() -> None:
    scheduler, host, dropped = Scheduler(), Host("a"), list[str]()
    scheduler.at(1.0, lambda: dropped.append("ran"), host, lambda: dropped.append("dropped"))
    host.generation += 1
    scheduler.run(5.0, lambda: False)
    assert dropped == ["dropped"]


def test_a_stopped_process_goes_on_when_its_stop_ends() -> None:
    scheduler, host, at_s = Scheduler(), Host("a", stalled_until_s=30.0), list[float]()
    scheduler.at(1.0, lambda: at_s.append(scheduler.now_s), host)
    scheduler.run(50.0, lambda: False)
    assert at_s == [30.0]


def test_a_virtual_limit_ends_work_that_is_late() -> None:
    scheduler, host, ended = Scheduler(), Host("a"), list[float]()
    tasks = VirtualTasks(scheduler, host)

    async def work() -> None:
        await tasks.within_s(5.0, tasks.pause_s(4.0))
        with pytest.raises(UnavailableError):
            await tasks.within_s(5.0, tasks.pause_s(9.0))
        await VirtualBell().wait_s(0.25)
        ended.append(scheduler.now_s)

    tasks.start(work())
    scheduler.run(50.0, lambda: False)
    assert ended == [10.0]


def test_a_skewed_process_believes_another_wall_clock() -> None:
    scheduler = Scheduler(now_s=100.0)
    right, wrong = (VirtualClock(scheduler, Host("a", skew_s=s, born_s=40.0)) for s in (0.0, 30.0))
    assert wrong.wall_s() - right.wall_s() == 30.0
    assert wrong.mono_s() == right.mono_s() == 60.0


def test_a_script_gives_its_faults_at_its_calls() -> None:
    fault = Fault(Kind.SLOW, 2.0)
    assert [Scripted({2: fault}).at(call, 0.0) for call in (1, 2, 3)] == [None, fault, None]


def test_drawn_faults_differ_from_seed_to_seed_and_end() -> None:
    drawn = [Seeded(random.Random(seed), until_s=10.0) for seed in range(40)]  # noqa: S311 - a seed
    assert len({faults.rate for faults in drawn}) == 4
    met = {found.kind for faults in drawn for n in range(500) if (found := faults.at(n, 1.0))}
    assert met == set(DRAWN)
    assert not any(faults.at(n, 10.5) for faults in drawn for n in range(500))


def test_a_tally_keeps_the_first_history_of_each_broken_promise() -> None:
    tally = Tally()

    def broken() -> History:
        raise ViolationError("I-1 too much to shop-r2")

    tally.run("seed 1", broken)
    tally.run("seed 2", broken)
    assert (tally.histories, tally.violations) == (2, 2)
    assert list(tally.broken.values()) == ["seed 1: I-1 too much to shop-r2"]
