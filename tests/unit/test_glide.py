"""One safe change at a time: capacity up, then the route, then capacity down."""

from dataclasses import replace

import pytest

from turnout.domain.glide import glide, is_acked, is_there, ready_of, shape
from turnout.domain.release import Phase, Release, Seen
from turnout.testing.world import a_look, a_plan, a_release, a_running, an_answer

ROOMY = a_plan(replicas=4)
TIGHT = a_plan(replicas=4, room=5)


def row(weight_bp: int, n: int, stable_n: int, *, tight: bool = False) -> Release:
    plan = TIGHT if tight else ROOMY
    return a_release(Phase.SHIFTING, plan=plan, weight_bp=weight_bp, n=n, stable_n=stable_n)


def numbers(release: Release) -> tuple[int, int, int]:
    return release.weight_bp, release.arm.n, release.stable_n


def waits(release: Release, seen: Seen, target_bp: int) -> bool:
    return glide(release, seen, target_bp) is release


# --- raising with room for two full copies


@pytest.mark.parametrize(
    ("weight_bp", "n", "target_bp", "then"),
    [
        (0, 1, 5000, (0, 2, 4)),
        (0, 2, 5000, (5000, 2, 4)),
        (0, 1, 2500, (2500, 1, 4)),
        (0, 1, 2501, (0, 2, 4)),
        (5000, 2, 10_000, (5000, 4, 4)),
        (5000, 4, 10_000, (10_000, 4, 4)),
    ],
    ids=["grow", "shift", "enough", "a bit too few", "grow again", "everything"],
)
def test_weight_only_ever_follows_capacity(
    weight_bp: int, n: int, target_bp: int, then: tuple[int, int, int]
) -> None:
    release = row(weight_bp, n, 4)
    assert numbers(glide(release, a_look(release), target_bp)) == then


@pytest.mark.parametrize(("ready", "weight_bp"), [(0, 0), (1, 2500), (2, 5000), (3, 7500)])
def test_weight_goes_as_far_as_what_is_ready_carries(ready: int, weight_bp: int) -> None:
    release = row(0, 4, 4)
    look = a_look(release, candidate=a_running(ready, 4))
    assert glide(release, look, 10_000).weight_bp == weight_bp


def test_an_unknown_candidate_gets_no_weight() -> None:
    release = row(0, 4, 4)
    assert waits(release, a_look(release, candidate=None), 10_000)


def test_more_weight_than_is_ready_is_not_taken_away_while_raising() -> None:
    release = row(5000, 4, 4)
    assert waits(release, a_look(release, candidate=a_running(1, 4)), 10_000)


def test_the_stable_version_stays_whole_where_there_is_room() -> None:
    release = row(5000, 4, 4)
    look = a_look(release, candidate=a_running(2, 4))
    assert waits(release, look, 10_000)


# --- raising with one more than a full copy


@pytest.mark.parametrize(
    ("before", "target_bp", "then"),
    [
        ((0, 0, 4), 10_000, (0, 1, 4)),
        ((0, 1, 4), 10_000, (2500, 1, 4)),
        ((2500, 1, 4), 10_000, (2500, 1, 3)),
        ((2500, 1, 3), 10_000, (2500, 2, 3)),
        ((2500, 2, 3), 10_000, (5000, 2, 3)),
        ((7500, 3, 2), 10_000, (7500, 3, 1)),
        ((7500, 4, 1), 10_000, (10_000, 4, 1)),
        ((1000, 1, 4), 2500, (2500, 1, 4)),
    ],
)
def test_a_tight_raise_walks_one_change_at_a_time(
    before: tuple[int, int, int], target_bp: int, then: tuple[int, int, int]
) -> None:
    release = row(*before, tight=True)
    assert numbers(glide(release, a_look(release), target_bp)) == then


@pytest.mark.parametrize(
    "changes",
    [{"route": None}, {"candidate": a_running(0, 1)}],
    ids=["not acked", "weight above what is ready"],
)
def test_the_stable_version_shrinks_only_after_its_weight_has_left(
    changes: dict[str, object],
) -> None:
    release = row(2500, 1, 4, tight=True)
    assert waits(release, replace(a_look(release), **changes), 10_000)  # type: ignore[arg-type]  # names of Seen's fields


# --- lowering


@pytest.mark.parametrize(
    ("before", "stable_ready", "then"),
    [
        ((5000, 2, 4), 4, (0, 2, 4)),
        ((5000, 2, 2), 2, (5000, 2, 4)),
        ((5000, 2, 4), 3, (2500, 2, 4)),
        ((10_000, 4, 4), 1, (7500, 4, 4)),
    ],
    ids=["at once", "grow", "as far as ready", "the first part"],
)
def test_going_back_needs_capacity_of_the_stable_version_too(
    before: tuple[int, int, int], stable_ready: int, then: tuple[int, int, int]
) -> None:
    release = row(*before)
    look = a_look(release, stable=a_running(stable_ready))
    assert numbers(glide(release, look, 0)) == then


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ((10_000, 4, 1), (7500, 4, 1)),
        ((7500, 4, 1), (7500, 3, 1)),
        ((7500, 3, 1), (7500, 3, 2)),
        ((7500, 3, 2), (5000, 3, 2)),
        ((2500, 1, 4), (0, 1, 4)),
    ],
)
def test_a_tight_return_walks_one_change_at_a_time(
    before: tuple[int, int, int], then: tuple[int, int, int]
) -> None:
    release = row(*before, tight=True)
    assert numbers(glide(release, a_look(release), 0)) == then


def test_the_candidate_keeps_what_carries_its_weight_until_the_route_is_acked() -> None:
    release = row(7500, 4, 1, tight=True)
    assert waits(release, a_look(release, route=an_answer(release, acked=False)), 0)


def test_no_instance_of_the_candidate_ends_while_the_stable_version_is_short() -> None:
    release = row(7500, 4, 1, tight=True)
    assert waits(release, a_look(release, stable=a_running(0, 1)), 0)


def test_the_stable_version_is_made_whole_while_the_last_route_is_not_yet_acked() -> None:
    release = row(0, 2, 2)
    assert numbers(glide(release, a_look(release, route=None), 0)) == (0, 2, 4)


def test_an_unknown_stable_version_gets_no_weight_back() -> None:
    release = row(5000, 2, 4)
    assert waits(release, a_look(release, stable=None), 0)


def test_a_stable_version_grows_while_the_route_without_the_candidate_is_not_acked() -> None:
    release = row(0, 2, 3)
    look = a_look(release, route=an_answer(release, acked=False))
    assert numbers(glide(release, look, 0)) == (0, 2, 4)


# --- alone


def alone(weight_bp: int, n: int) -> Release:
    plan = a_plan(10_000, replicas=2)
    return a_release(Phase.SHIFTING, plan=plan, first=True, weight_bp=weight_bp, n=n)


@pytest.mark.parametrize(
    ("weight_bp", "n", "ready", "target_bp", "then"),
    [
        (0, 1, 1, 10_000, (0, 2, 0)),
        (0, 2, 1, 10_000, (0, 2, 0)),
        (0, 2, 2, 10_000, (10_000, 2, 0)),
        (10_000, 2, 0, 0, (0, 2, 0)),
        (10_000, 1, 1, 0, (0, 1, 0)),
    ],
    ids=["grow", "wait for all", "all traffic", "no route", "no route, not whole"],
)
def test_a_first_version_gets_all_traffic_or_no_route(
    weight_bp: int, n: int, ready: int, target_bp: int, then: tuple[int, int, int]
) -> None:
    release = alone(weight_bp, n)
    look = a_look(release, candidate=a_running(ready, n))
    assert numbers(glide(release, look, target_bp)) == then


@pytest.mark.parametrize("target_bp", [0, 10_000])
def test_a_first_version_at_its_goal_only_waits_for_the_route(target_bp: int) -> None:
    release = alone(target_bp, 2)
    assert waits(release, a_look(release, route=None), target_bp)


# --- the words it is made of


@pytest.mark.parametrize("target_bp", [0, 5000, 10_000])
def test_nothing_changes_at_the_goal_whatever_is_ready(target_bp: int) -> None:
    release = row(target_bp, 1, 1)
    look = a_look(release, candidate=a_running(0), stable=a_running(0))
    assert waits(release, look, target_bp)


def test_a_weight_that_is_not_acked_is_not_there() -> None:
    release = row(5000, 2, 4)
    assert is_there(release, a_look(release), 5000)
    assert not is_there(release, a_look(release), 5001)
    assert not is_there(release, a_look(release, route=None), 5000)


@pytest.mark.parametrize(
    ("acked", "revision", "told"),
    [(True, 7, True), (False, 7, False), (True, 6, False), (True, 8, False)],
)
def test_only_this_revision_s_own_answer_counts(
    acked: bool,  # noqa: FBT001 - a column of the table
    revision: int,
    told: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = row(5000, 2, 4)
    look = a_look(release, route=an_answer(release, acked=acked, revision=revision))
    assert is_acked(release, look) is told


def test_an_answer_under_an_older_epoch_counts_for_its_revision() -> None:
    release = row(5000, 2, 4)
    answer = an_answer(release)
    older = replace(answer, fence=answer.fence._replace(epoch=1))
    assert is_acked(release, a_look(release, route=older))


def test_what_is_unknown_has_nothing_ready() -> None:
    assert ready_of(None) == 0
    assert ready_of(a_running(2, 3)) == 2


def test_a_change_of_numbers_is_one_new_revision_and_nothing_else() -> None:
    release = row(1000, 1, 4)
    assert shape(release, stable_n=3) == replace(release, stable_n=3, revision=8)
    both = shape(release, candidate_n=2, weight_bp=0)
    assert both == replace(release.with_arm(n=2, weight_bp=0), revision=8)


def test_weight_zero_is_a_change_and_not_a_missing_word() -> None:
    assert shape(row(1000, 1, 4), weight_bp=0).weight_bp == 0
    assert shape(row(1000, 1, 4), candidate_n=0).arm.n == 0
