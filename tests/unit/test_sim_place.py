"""The false runtime and router: they refuse like real ones, and notice each broken promise."""

from dataclasses import replace

import pytest

from turnout.domain.route import Fence, Observed, Route, Target
from turnout.domain.version import Endpoint
from turnout.errors import FencedError, NotReadyError, ShrinkRefusedError, StaleRouteError
from turnout.testing.sim.place import Facts, Group, Instance, Place
from turnout.testing.sim.scheduler import Scheduler, ViolationError
from turnout.testing.world import a_plan, a_set

OLD, NEW = "shop-r1", "shop-r2"
NOW_S = 300.0
FACTS = Facts(stable=OLD, retiring=False, replicas=2, drain_s=5.0, targets={})


def ready(n: int, at_s: float = 0.0) -> list[Instance]:
    return [Instance(at_s, 8000 + i) for i in range(n)]


@pytest.fixture
def place() -> Place:
    """Two of each version are ready; all traffic is at the old one, under fence 3.7."""
    place = Place("shop", Scheduler(now_s=NOW_S))
    place.groups = {
        OLD: Group(a_set(1, "v1"), wanted=2, up=ready(2)),
        NEW: Group(a_set(2, "v2"), wanted=2, up=ready(2)),
    }
    place.runtime_fence = place.fence = Fence(3, 7)
    place.weights_bp, place.named = {OLD: 10_000}, frozenset({OLD})
    return place


def route(new_bp: int = 0, *, old_bp: int | None = None, sequence: int = 1) -> Route:
    weights = {NEW: new_bp, OLD: 10_000 - new_bp if old_bp is None else old_bp}
    return Route(
        service="shop",
        settings=a_plan().route,
        targets=tuple(Target(set_name=n, version="v", weight_bp=w) for n, w in weights.items()),
        salt="r2",
        observed={n: Observed(endpoints=(Endpoint("127.0.0.1", 8000),)) for n in weights},
        sequence=sequence,
    )


def told(place: Place, new_bp: int, revision: int = 8, **changes: object) -> None:
    wanted = replace(route(new_bp), **changes)  # type: ignore[arg-type]  # names of Route's fields
    place.ensure_route(wanted, Fence(3, revision), FACTS)


# --- fences


@pytest.mark.parametrize("fence", [Fence(2, 99), Fence(3, 6)])
def test_the_runtime_refuses_an_older_fence(place: Place, fence: Fence) -> None:
    with pytest.raises(FencedError, match=r"obeys 3\.7"):
        place.admit(fence)


def test_the_runtime_takes_the_same_fence_again_and_a_newer_one(place: Place) -> None:
    for fence in (Fence(3, 7), Fence(3, 8), Fence(4, 1)):
        place.admit(fence)
        assert place.runtime_fence == fence


def test_a_claim_raises_the_epoch_alone_and_an_older_one_is_refused(place: Place) -> None:
    place.claim_runtime(4)
    place.claim_router(4)
    assert (place.runtime_fence, place.fence) == (Fence(4, 7), Fence(4, 7))
    with pytest.raises(FencedError, match="epoch 4"):
        place.claim_runtime(3)
    with pytest.raises(FencedError, match="epoch 4"):
        place.claim_router(3)


@pytest.mark.parametrize("fence", [Fence(2, 99), Fence(3, 6)])
def test_the_router_refuses_an_older_fence(place: Place, fence: Fence) -> None:
    with pytest.raises(StaleRouteError, match=r"obeys 3\.7"):
        place.ensure_route(route(), fence, FACTS)


def test_the_router_refuses_other_content_at_the_same_revision(place: Place) -> None:
    told(place, 5000)
    with pytest.raises(StaleRouteError, match="other content"):
        told(place, 2500)
    told(place, 5000)
    assert place.weights_bp == {NEW: 5000, OLD: 5000}


def test_the_router_takes_newer_endpoints_and_refuses_older_ones(place: Place) -> None:
    told(place, 5000, sequence=4)
    told(place, 5000, sequence=5)
    with pytest.raises(StaleRouteError, match="newer endpoints"):
        told(place, 5000, sequence=4)


def test_sequences_begin_anew_with_an_epoch(place: Place) -> None:
    told(place, 5000, sequence=4)
    place.ensure_route(route(5000, sequence=1), Fence(4, 8), FACTS)
    assert place.fence == Fence(4, 8)


def test_an_accepted_route_is_in_force_and_says_so(place: Place) -> None:
    told(place, 5000)
    applied = place.applied()
    assert (applied.fence, applied.acked) == (Fence(3, 8), True)
    assert applied.weights_bp == {NEW: 5000, OLD: 5000}
    assert place.named == {OLD, NEW}


def test_a_set_without_an_endpoint_at_the_router_is_refused(place: Place) -> None:
    with pytest.raises(NotReadyError, match=NEW):
        told(place, 5000, observed={})
    with pytest.raises(NotReadyError, match=NEW):
        told(place, 5000, revision=9, observed={NEW: Observed(endpoints=())})


# --- promises at the router


def test_weights_that_do_not_add_up_are_noticed(place: Place) -> None:
    with pytest.raises(ViolationError, match=r"^I-2 the weights"):
        place.ensure_route(route(5000, old_bp=4999), Fence(3, 8), FACTS)


def test_no_target_at_all_is_no_wrong_sum(place: Place) -> None:
    told(place, 0, targets=())
    assert place.weights_bp == {}


def test_weight_beyond_what_is_ready_is_noticed(place: Place) -> None:
    place.groups[NEW].up = [*ready(1), Instance(NOW_S + 0.1, 8009)]
    told(place, 5000)
    with pytest.raises(ViolationError, match=r"^I-1 5001 bp to shop-r2 with 1 of 2"):
        told(place, 5001, revision=9)


def test_weight_to_a_set_that_is_not_there_is_noticed(place: Place) -> None:
    del place.groups[NEW]
    with pytest.raises(ViolationError, match=r"^I-1"):
        told(place, 1)


@pytest.mark.parametrize(("crashed", "noticed"), [(NEW, False), (OLD, False), ("nobody", True)])
def test_weight_beyond_what_is_ready_is_an_accident_shortly_after_a_crash(
    place: Place,
    crashed: str,
    noticed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    place.groups[NEW].up = ready(1)
    if crashed in place.groups:
        place.groups[crashed].crashed_s = NOW_S - 99.0
    if noticed:
        with pytest.raises(ViolationError, match=r"^I-1"):
            told(place, 10_000)
    else:
        told(place, 10_000)


def test_weight_goes_to_whatever_is_left_when_the_other_side_is_dead(place: Place) -> None:
    place.groups[NEW].up, place.groups[OLD].up = ready(1), ready(1, NOW_S + 1.0)
    told(place, 10_000)
    assert place.weights_bp == {NEW: 10_000}


def test_less_weight_is_always_allowed(place: Place) -> None:
    told(place, 5000)
    place.groups[NEW].up = []
    told(place, 2500, revision=9)
    assert place.weights_bp == {NEW: 2500, OLD: 7500}


def test_a_route_that_its_row_does_not_say_is_noticed(place: Place) -> None:
    facts = replace(FACTS, targets={8: {NEW: 2500, OLD: 7500}})
    with pytest.raises(ViolationError, match=r"^I-4 the router got .* for revision 8"):
        place.ensure_route(route(5000), Fence(3, 8), facts)


def test_a_younger_reign_that_goes_back_in_revisions_is_noticed(place: Place) -> None:
    with pytest.raises(ViolationError, match=r"^I-4 the router went back .* 7 to 6"):
        place.ensure_route(route(5000), Fence(4, 6), FACTS)


# --- promises at the runtime


def shrink(place: Place, name: str, wanted: int, facts: Facts = FACTS, **least: int) -> None:
    only_while = {key.replace("_", "-"): n for key, n in least.items()}
    place.shrink(place.groups[name], wanted, only_while, facts)


def test_a_set_that_is_not_used_may_end(place: Place) -> None:
    shrink(place, NEW, 0)
    assert (place.groups[NEW].wanted, place.groups[NEW].up) == (0, [])


def test_what_is_ready_longest_stays_when_a_set_shrinks(place: Place) -> None:
    place.groups[NEW].up = [Instance(9.0, 1), Instance(2.0, 2)]
    shrink(place, NEW, 1)
    assert [instance.port for instance in place.groups[NEW].up] == [2]


def test_stopping_the_stable_version_is_noticed(place: Place) -> None:
    with pytest.raises(ViolationError, match=r"^I-3 the stable version shop-r1"):
        shrink(place, OLD, 0)


def test_stopping_what_the_router_names_is_noticed(place: Place) -> None:
    place.named = frozenset({OLD, NEW})
    with pytest.raises(ViolationError, match=r"^I-2 shop-r2"):
        shrink(place, NEW, 0)


def test_cutting_capacity_under_its_weight_is_noticed(place: Place) -> None:
    told(place, 5001)
    with pytest.raises(ViolationError, match=r"^I-9 shop-r2 was cut to 1 under a weight of 5001"):
        shrink(place, NEW, 1)


def test_capacity_may_be_cut_to_just_what_the_weight_needs(place: Place) -> None:
    told(place, 5000)
    shrink(place, NEW, 1)
    assert len(place.groups[NEW].up) == 1


@pytest.mark.parametrize(
    ("idle_s", "busy_s", "cut"), [(4.9, 5.0, True), (5.0, 5.5, False), (4.9, 4.8, False)]
)
def test_cutting_streams_before_the_drain_is_over_is_noticed(
    place: Place,
    idle_s: float,
    busy_s: float,
    cut: bool,  # noqa: FBT001 - a column of the table
) -> None:
    place.zero_s[NEW], place.busy_until_s[NEW] = NOW_S - idle_s, NOW_S - idle_s + busy_s
    if cut:
        with pytest.raises(ViolationError, match=r"^I-8 streams of shop-r2 were cut 4\.9 s"):
            shrink(place, NEW, 0)
    else:
        shrink(place, NEW, 0)


RETIRING = Facts(stable=NEW, retiring=True, replicas=2, drain_s=5.0, targets={})


@pytest.fixture
def retiring(place: Place) -> Place:
    place.weights_bp, place.named = {NEW: 10_000}, frozenset({NEW})
    return place


@pytest.mark.parametrize(("crashed_s", "noticed"), [(6.1, True), (5.9, False)])
def test_stopping_the_way_back_too_early_is_noticed(
    retiring: Place,
    crashed_s: float,
    noticed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    retiring.groups[NEW].up, retiring.groups[NEW].crashed_s = ready(1), NOW_S - crashed_s
    if noticed:
        with pytest.raises(ViolationError, match=r"^I-9 the way back shop-r1"):
            shrink(retiring, OLD, 0, RETIRING)
    else:
        shrink(retiring, OLD, 0, RETIRING)


def test_the_way_back_may_end_when_the_new_version_carries_everything(retiring: Place) -> None:
    shrink(retiring, OLD, 0, RETIRING, shop_r2=2)
    assert retiring.groups[OLD].up == []


def test_the_adapter_s_own_check_refuses_before_a_promise_breaks(retiring: Place) -> None:
    retiring.groups[NEW].up = ready(1)
    with pytest.raises(ShrinkRefusedError, match="shop-r1 stays: shop-r2"):
        shrink(retiring, OLD, 0, RETIRING, shop_r2=2)
    assert len(retiring.groups[OLD].up) == 2


# --- what it is made of


def test_instances_that_are_missing_are_started_and_ready_later(place: Place) -> None:
    group = place.groups[NEW]
    place.grow(group, 4, 2.5)
    assert [len(group.up), len(group.ready(NOW_S)), group.wanted] == [4, 2, 4]
    assert len(group.ready(NOW_S + 2.49)) == 2
    assert len(group.ready(NOW_S + 2.5)) == 4
    assert len({instance.port for instance in group.up}) == 4


def test_a_group_is_seen_as_a_runtime_would_see_it(place: Place) -> None:
    group = place.groups[NEW]
    group.up.append(Instance(NOW_S + 1.0, 8042))
    group.loops, group.crashes = True, 3
    seen = group.running(NOW_S)
    assert (seen.total, seen.ready, seen.loops, seen.crashes) == (3, 2, True, 3)
    assert [endpoint.port for endpoint in seen.endpoints] == [8000, 8001]


def test_a_set_that_loses_its_last_weight_is_busy_for_a_while_and_remembers_when(
    place: Place,
) -> None:
    told(place, 5000)
    assert (place.shown_s, place.zero_s) == ({NEW: NOW_S}, {})
    told(place, 0, revision=9)
    assert place.zero_s == {NEW: NOW_S}
    assert NOW_S <= place.busy_until_s[NEW] < NOW_S + 40.0
