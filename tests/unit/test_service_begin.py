"""A service at the start of a release, and after each save of it."""

from dataclasses import replace

import pytest

from turnout.domain.release import OURS, Outcome, Phase, Release, Step, stable_of
from turnout.domain.service import Service, after, begin, quarantines
from turnout.testing.world import START_S, a_plan, a_release, a_request, a_set, a_version

NOW_S = START_S + 77.0
STABLE = Service(
    name="shop",
    project="shop",
    environment="local",
    stable=a_set(4, "v4"),
    previous=a_version("v3"),
    last="shop-6",
    revision=21,
    next_number=7,
)
NEW = Service(name="shop", project="shop", environment="local")


def wish(**changes: object) -> Release:
    request = replace(a_request("v5"), plan=a_plan(replicas=3), reason="faster")
    return begin(STABLE, replace(request, **changes), NOW_S)  # type: ignore[arg-type]  # names of Request's fields


def test_a_release_takes_the_next_number_for_its_id_and_its_set() -> None:
    release = wish()
    assert (release.id, release.number) == ("shop-7", 7)
    assert release.arm.set == replace(a_set(7, "v5"), version=a_version("v5"))
    assert (release.arm.n, release.weight_bp, release.phase) == (0, 0, Phase.PREPARING)


def test_a_release_begins_with_the_service_as_it_is_under_a_new_revision() -> None:
    release = wish()
    assert (release.stable, release.stable_n, release.previous) == (
        a_set(4, "v4"),
        3,
        a_version("v3"),
    )
    assert release.revision == 22


def test_a_release_keeps_who_asked_why_and_when() -> None:
    release = wish(by="local:ana", fast_return=True)
    assert (release.asked_by, release.reason, release.fast_return) == ("local:ana", "faster", True)
    times = {release.created_at_s, release.entered_at_s, release.wall_s, release.revised_at_s}
    assert times == {NOW_S}
    assert (release.spent_s, release.edition) == (0.0, 0)


def test_a_release_after_a_stable_version_keeps_all_its_steps() -> None:
    assert [step.weight_bp for step in wish().plan.steps] == [1000, 5000, 10_000]


def test_a_first_release_has_its_last_step_alone_with_that_step_s_hold() -> None:
    steps = (Step(weight_bp=1000, hold_s=10.0), Step(weight_bp=10_000, hold_s=3.0))
    release = begin(NEW, replace(a_request(), plan=replace(a_plan(), steps=steps)), NOW_S)
    assert release.plan.steps == steps[1:]
    assert (release.is_first, release.stable_n, release.revision, release.id) == (
        True,
        0,
        1,
        "shop-1",
    )


# --- after a save


@pytest.mark.parametrize("phase", Phase)
def test_the_candidate_is_stable_from_the_bake_on_and_else_the_old_one_is(phase: Phase) -> None:
    release = a_release(phase)
    service = after(STABLE, release, is_final=False)
    ours = phase in OURS
    assert service.stable == stable_of(release) == (a_set(2, "v2") if ours else a_set(1, "v1"))
    assert service.previous == (a_version("v1") if ours else None)


def test_a_return_from_the_bake_makes_the_old_version_and_the_one_before_it_good_again() -> None:
    baking = a_release(Phase.BAKING, previous=a_version("v0"))
    assert after(STABLE, baking, is_final=False).previous == a_version("v1")
    back = after(STABLE, replace(baking, phase=Phase.ROLLING_BACK), is_final=False)
    assert (back.stable, back.previous) == (a_set(1, "v1"), a_version("v0"))


def test_a_first_release_leaves_no_version_before_it() -> None:
    service = after(NEW, a_release(Phase.BAKING, first=True), is_final=False)
    assert (service.stable, service.previous) == (a_set(2, "v2"), None)


def test_a_first_release_that_goes_back_leaves_no_stable_version() -> None:
    service = after(NEW, a_release(Phase.ROLLED_BACK, first=True), is_final=True)
    assert (service.stable, service.active, service.last) == (None, None, "shop-2")


@pytest.mark.parametrize(("is_final", "active"), [(False, "shop-2"), (True, None)])
def test_a_release_is_active_until_it_is_final_and_last_for_good(
    is_final: bool,  # noqa: FBT001 - a column of the table
    active: str | None,
) -> None:
    service = after(NEW, a_release(), is_final=is_final)
    assert (service.active, service.last) == (active, "shop-2")


@pytest.mark.parametrize(
    ("revision", "number", "kept"), [(6, 2, (7, 3)), (7, 3, (7, 3)), (8, 4, (8, 4))]
)
def test_revision_and_number_never_go_back(
    revision: int, number: int, kept: tuple[int, int]
) -> None:
    service = replace(NEW, revision=revision, next_number=number)
    now = after(service, a_release(), is_final=False)  # revision 7, number 2
    assert (now.revision, now.next_number) == kept


def test_a_save_leaves_what_the_service_is_and_whether_it_is_down() -> None:
    down = replace(NEW, is_down=True, project="mall", environment="eu")
    now = after(down, a_release(), is_final=False)
    assert (now.name, now.project, now.environment, now.is_down) == ("shop", "mall", "eu", True)


@pytest.mark.parametrize("outcome", Outcome)
def test_the_machine_bars_what_it_has_shown_to_be_bad(outcome: Outcome) -> None:
    bars = {Outcome.WORSE, Outcome.LIMIT, Outcome.BREAKAGE, Outcome.REFUSED}
    assert quarantines(a_release(Phase.ROLLED_BACK, outcome=outcome)) is (outcome in bars)


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.ROLLED_BACK}))
def test_nothing_is_barred_before_the_end(phase: Phase) -> None:
    assert not quarantines(a_release(phase, outcome=Outcome.WORSE))
