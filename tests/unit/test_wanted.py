"""What a saved row wants of the world, from its numbers alone."""

from dataclasses import replace

import pytest

from turnout.domain.release import Phase, Release
from turnout.domain.route import Observed, Target
from turnout.domain.version import Endpoint
from turnout.domain.wanted import instances_of, kept_while, route_of
from turnout.testing.world import a_plan, a_release, a_set

OLD, NEW = a_set(1, "v1"), a_set(2, "v2")


def target(name: str, version: str, weight_bp: int, *, candidate: bool = False) -> Target:
    return Target(set_name=name, version=version, weight_bp=weight_bp, candidate=candidate)


def targets(release: Release) -> tuple[Target, ...]:
    return route_of(release, {}, 1).targets


def test_both_sets_are_named_with_their_numbers() -> None:
    release = a_release(plan=a_plan(replicas=3), n=2)
    assert instances_of(release) == {NEW: 2, OLD: 3}


def test_a_set_of_which_nothing_is_wanted_is_still_named() -> None:
    release = a_release(Phase.RETIRING, n=1, stable_n=0)
    assert instances_of(release) == {NEW: 1, OLD: 0}


def test_a_first_release_wants_its_own_set_alone() -> None:
    assert instances_of(a_release(first=True, n=2)) == {NEW: 2}


@pytest.mark.parametrize("phase", Phase)
def test_only_retiring_keeps_the_old_while_the_new_is_not_whole(phase: Phase) -> None:
    release = a_release(phase, plan=a_plan(replicas=3), n=2)
    assert kept_while(release) == ({NEW: 3} if phase is Phase.RETIRING else {})


@pytest.mark.parametrize(
    ("weight_bp", "n", "told"),
    [
        (0, 0, (target("shop-r1", "v1", 10_000),)),
        (
            0,
            1,
            (target("shop-r2", "v2", 0, candidate=True), target("shop-r1", "v1", 10_000)),
        ),
        (
            3000,
            1,
            (target("shop-r2", "v2", 3000, candidate=True), target("shop-r1", "v1", 7000)),
        ),
        (
            10_000,
            0,
            (target("shop-r2", "v2", 10_000, candidate=True), target("shop-r1", "v1", 0)),
        ),
    ],
    ids=["not there", "for testers", "shared", "all"],
)
def test_the_weights_of_both_versions_add_up(
    weight_bp: int, n: int, told: tuple[Target, ...]
) -> None:
    assert targets(a_release(weight_bp=weight_bp, n=n)) == told


@pytest.mark.parametrize(
    "release",
    [
        a_release(first=True, weight_bp=10_000),
        a_release(Phase.RETIRING, weight_bp=10_000, sole=True),
    ],
    ids=["first release", "after the bake"],
)
def test_a_version_that_is_alone_is_no_candidate_and_has_no_fallback(release: Release) -> None:
    route = route_of(release, {}, 1)
    assert route.targets == (target("shop-r2", "v2", 10_000),)
    assert not route.fallback


def test_a_first_release_without_weight_has_no_target_at_all() -> None:
    assert targets(a_release(first=True, weight_bp=0)) == ()


def test_a_shared_route_falls_back_to_the_stable_version() -> None:
    assert route_of(a_release(weight_bp=1000), {}, 1).fallback


def test_a_route_tells_the_service_its_settings_and_the_release_s_own_salt() -> None:
    release = a_release(weight_bp=1000)
    route = route_of(release, {}, 41)
    assert (route.service, route.settings, route.sequence) == ("shop", release.plan.route, 41)
    assert route.salt == "r2"
    assert route_of(replace(release, number=3), {}, 41).salt == "r3"


def test_only_endpoints_of_named_sets_ride_along() -> None:
    observed = {
        name: Observed(endpoints=(Endpoint("127.0.0.1", port),), health_path="/health")
        for name, port in (("shop-r1", 9001), ("shop-r2", 9002), ("shop-v9", 9003))
    }
    both = route_of(a_release(weight_bp=1000), observed, 1).observed
    assert both == {name: observed[name] for name in ("shop-r1", "shop-r2")}
    alone = route_of(a_release(Phase.RETIRING, weight_bp=10_000, sole=True), observed, 1).observed
    assert alone == {"shop-r2": observed["shop-r2"]}


def test_phases_change_nothing_of_the_route() -> None:
    told = {targets(a_release(phase, weight_bp=1000)) for phase in Phase}
    assert len(told) == 1
