"""The promises that only saves can break: evidence, approvals, outcomes, and the end."""

import random
from dataclasses import replace

import pytest

from turnout.application.ports import Change
from turnout.domain.checks import Checks
from turnout.domain.release import Outcome, Phase, Plan, Release, Step
from turnout.testing.sim.coverage import Tally, breakage_codes, rows
from turnout.testing.sim.place import Group, Instance
from turnout.testing.sim.scheduler import Scheduler, ViolationError
from turnout.testing.sim.truth import Truth
from turnout.testing.sim.world import World
from turnout.testing.world import GOLDEN, a_decision, a_plan, a_release

NOW_S = 300.0
NEW = "shop-r2"
ASKS = replace(
    a_plan(),
    steps=(
        Step(weight_bp=1000, hold_s=10.0),
        Step(weight_bp=10_000, hold_s=10.0, approval=True),
    ),
)


@pytest.fixture
def world() -> World:
    world = World(Scheduler(now_s=NOW_S), random.Random(1), {})  # noqa: S311 - repeatable
    world.place("shop").shown_s[NEW] = NOW_S - 10.0
    return world


def truly(world: World, truth: Truth) -> World:
    world.truths = {"sha256:v2": truth}
    return world


def save(world: World, old: Release, **changes: object) -> Release:
    new = replace(old, edition=old.edition + 1, **changes)  # type: ignore[arg-type]  # names of Release's fields
    world.saved(old, Change(release=new))
    return new


# --- I-6: no step is left, and nothing promoted, without evidence


@pytest.mark.parametrize("to", [Phase.SHIFTING, Phase.PROMOTING, Phase.WAITING])
def test_leaving_a_step_before_its_hold_is_noticed(world: World, to: Phase) -> None:
    world.place("shop").shown_s[NEW] = NOW_S - 8.99  # a second is slack
    with pytest.raises(ViolationError, match=r"^I-6 shop-2 left step 0 before its hold"):
        save(world, a_release(weight_bp=1000), phase=to)


def test_a_step_whose_hold_is_over_may_be_left_and_is_proof(world: World) -> None:
    world.place("shop").shown_s[NEW] = NOW_S - 9.0
    save(world, a_release(weight_bp=1000), phase=Phase.SHIFTING, step=1)
    assert world.proofs == {(NEW, 0)}


def test_a_person_may_leave_a_step_early(world: World) -> None:
    world.place("shop").shown_s[NEW] = NOW_S
    save(world, a_release(weight_bp=1000), phase=Phase.PROMOTING, override_by="local:bo")
    assert world.proofs == set()


def promoted(world: World, plan: Plan | None = None, **changes: object) -> Release:
    """Promote with proofs for all three steps."""
    world.proofs |= {(NEW, step) for step in range(3)}
    old = a_release(Phase.PROMOTING, plan=plan, weight_bp=10_000, **changes)  # type: ignore[arg-type]  # names of Release's fields
    return save(world, old, phase=Phase.BAKING)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_promotion_without_evidence_for_a_step_is_noticed(world: World, missing: int) -> None:
    world.proofs = {(NEW, step) for step in range(3) if step != missing}
    with pytest.raises(ViolationError, match=r"^I-6 shop-2 was promoted without evidence"):
        save(world, a_release(Phase.PROMOTING, weight_bp=10_000), phase=Phase.BAKING)


def test_evidence_about_another_set_does_not_promote_this_one(world: World) -> None:
    world.proofs = {("shop-r9", step) for step in range(3)}
    with pytest.raises(ViolationError, match=r"^I-6"):
        save(world, a_release(Phase.PROMOTING, weight_bp=10_000), phase=Phase.BAKING)


@pytest.mark.parametrize(
    ("truth", "checks"),
    [
        (Truth.BAD, Checks()),
        (Truth.UNCLEAR, Checks()),
        (Truth.OVER_LIMIT, Checks()),
        (Truth.BREAKS, Checks()),
        (Truth.CRASHES, Checks()),
        (Truth.NO_ANSWER, Checks()),
        (Truth.FAILS, Checks(golden=(GOLDEN,))),
        (Truth.TAMPERED, Checks(golden=(GOLDEN,))),
    ],
)
def test_promoting_what_could_be_known_to_be_bad_is_noticed(
    world: World, truth: Truth, checks: Checks
) -> None:
    with pytest.raises(ViolationError, match=rf"^I-6 shop-2 was promoted and is {truth}"):
        promoted(truly(world, truth), a_plan(checks=checks))


@pytest.mark.parametrize(
    ("truth", "plan"),
    [
        (Truth.GOOD, a_plan(checks=Checks(golden=(GOLDEN,)))),
        (Truth.FAILS, a_plan()),
        (Truth.BAD, a_plan(10_000)),
        (Truth.BOTH_OVER, a_plan()),
    ],
    ids=["good", "bad for checks that are not made", "no step to compare at", "no worse"],
)
def test_promoting_what_nothing_could_show_is_no_fault(
    world: World, truth: Truth, plan: Plan
) -> None:
    assert promoted(truly(world, truth), plan).phase is Phase.BAKING


def test_nobody_can_notice_what_only_users_show_when_there_are_none(world: World) -> None:
    world.is_used = False
    assert promoted(truly(world, Truth.BREAKS)).phase is Phase.BAKING


def test_a_person_may_promote_anything(world: World) -> None:
    truly(world, Truth.BAD)
    old = a_release(Phase.PROMOTING, weight_bp=10_000, override_by="local:bo")
    assert save(world, old, phase=Phase.BAKING).phase is Phase.BAKING


# --- I-18: an approval counts for its digest


@pytest.mark.parametrize(
    ("approval", "noticed"),
    [
        (("shop-2", "sha256:v2"), False),
        (("shop-2", "sha256:v3"), True),
        (("shop-1", "sha256:v2"), True),
    ],
)
def test_going_on_without_an_approval_of_this_digest_is_noticed(
    world: World,
    approval: tuple[str, str],
    noticed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    world.approvals.add(approval)
    old = a_release(Phase.WAITING, plan=ASKS, weight_bp=1000)
    if noticed:
        with pytest.raises(ViolationError, match=r"^I-18 shop-2 went on without an approval"):
            save(world, old, phase=Phase.SHIFTING, step=1)
    else:
        save(world, old, phase=Phase.SHIFTING, step=1)


# --- I-17: a good version is not rolled back


@pytest.mark.parametrize(
    ("outcome", "truth", "noticed"),
    [
        (Outcome.WORSE, Truth.BAD, False),
        (Outcome.WORSE, Truth.GOOD, True),
        (Outcome.LIMIT, Truth.OVER_LIMIT, False),
        (Outcome.LIMIT, Truth.BOTH_OVER, True),
        (Outcome.REFUSED, Truth.TAMPERED, False),
        (Outcome.REFUSED, Truth.COLD, True),
        (Outcome.FAILED, Truth.COLD, False),
        (Outcome.FAILED, Truth.GOOD, True),
        (Outcome.CRASHED, Truth.CRASHES, False),
        (Outcome.CRASHED, Truth.GOOD, True),
        (Outcome.BREAKAGE, Truth.BREAKS, False),
        (Outcome.BREAKAGE, Truth.GOOD, True),
        (Outcome.ABORTED, Truth.GOOD, False),
    ],
)
def test_an_outcome_that_is_not_true_of_the_version_is_noticed(
    world: World,
    outcome: Outcome,
    truth: Truth,
    noticed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    old = a_release(weight_bp=1000)
    if noticed:
        with pytest.raises(ViolationError, match=r"^I-17 shop-2 is"):
            save(truly(world, truth), old, phase=Phase.ROLLING_BACK, outcome=outcome)
    else:
        save(truly(world, truth), old, phase=Phase.ROLLING_BACK, outcome=outcome)


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.BREAKAGE])
def test_a_good_version_that_the_world_let_die_may_be_rolled_back(
    world: World, outcome: Outcome
) -> None:
    world.died.add(NEW)
    assert save(world, a_release(), phase=Phase.ROLLING_BACK, outcome=outcome).outcome is outcome


@pytest.mark.parametrize(("after_s", "noticed"), [(59.0, True), (60.0, False)])
def test_a_limit_that_ends_a_phase_much_too_early_is_noticed(
    world: World,
    after_s: float,
    noticed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    old = a_release(Phase.STARTING)  # within 120 s
    world.learn(old)
    world.scheduler.now_s += after_s
    if noticed:
        with pytest.raises(ViolationError, match=r"^I-17 shop-2 timed_out after 59 s"):
            save(world, old, phase=Phase.ROLLING_BACK, outcome=Outcome.TIMED_OUT)
    else:
        save(world, old, phase=Phase.ROLLING_BACK, outcome=Outcome.TIMED_OUT)


def test_two_contents_under_one_revision_are_noticed(world: World) -> None:
    world.learn(a_release(weight_bp=1000))
    with pytest.raises(ViolationError, match=r"^I-4 revision 7 has two contents"):
        world.learn(a_release(weight_bp=2000))


# --- at rest


@pytest.fixture
def rest(world: World) -> World:
    """v2 was promoted: its one instance is ready and has all traffic; nothing else is there."""
    done = a_release(Phase.PROMOTED, weight_bp=10_000, stable_n=0, sole=True)
    world.learn(done)
    place = world.place("shop")
    place.groups[NEW] = Group(done.arm.set, wanted=1, up=[Instance(0.0, 8000)])
    place.weights_bp = {NEW: 10_000}
    return world


def test_a_world_at_rest_breaks_no_promise(rest: World) -> None:
    rest.check_rest()


def test_a_release_that_never_ends_is_noticed(rest: World) -> None:
    rest.learn(a_release(Phase.WATCHING, revision=9))
    with pytest.raises(ViolationError, match=r"^I-10 shop-2 never ended"):
        rest.check_rest()


@pytest.mark.parametrize("weights_bp", [{}, {NEW: 9999, "shop-r1": 1}, {"shop-r1": 10_000}])
def test_a_route_that_is_not_all_at_stable_is_noticed(
    rest: World, weights_bp: dict[str, int]
) -> None:
    rest.place("shop").weights_bp = weights_bp
    with pytest.raises(ViolationError, match=r"^I-14 at the end shop routes"):
        rest.check_rest()


def test_a_stable_version_that_is_not_ready_at_the_end_is_noticed(rest: World) -> None:
    rest.place("shop").groups[NEW].up = [Instance(NOW_S + 1.0, 8000)]
    with pytest.raises(ViolationError, match=r"^I-14 at the end shop-r2 has 0 ready"):
        rest.check_rest()


def test_an_instance_that_is_left_over_is_noticed(rest: World) -> None:
    old = a_release().stable
    assert old is not None
    rest.place("shop").groups["shop-r1"] = Group(old, up=[Instance(0.0, 8001)])
    with pytest.raises(ViolationError, match=r"^I-13 left over: shop-r1"):
        rest.check_rest()


# --- what histories are counted by


def test_a_tally_names_rows_that_no_history_took() -> None:
    tally = Tally()
    assert len(tally.empty_cells()) > len(rows())
    tally.taken.update(rows())
    tally.taken.update([("watching", "rolling_back", code) for code in breakage_codes()])
    assert not [cell for cell in tally.empty_cells() if " at " not in cell]


def test_a_broken_promise_is_kept_with_the_history_that_broke_it() -> None:
    tally = Tally()

    def breaks() -> None:
        raise ViolationError("I-3 the stable version shop-r1 was stopped")

    for label in ("seed 4", "seed 9"):
        tally.run(label, breaks)  # type: ignore[arg-type]  # a history that never comes to its end
    assert (tally.histories, tally.violations) == (2, 2)
    assert tally.broken == {
        "I-3 the stable version shop-r1": "seed 4: I-3 the stable version shop-r1 was stopped"
    }
    assert "BROKEN seed 4" in tally.report(complete=False)


def test_what_a_save_did_is_counted_by_its_row_of_the_table(world: World) -> None:
    old = a_release(Phase.BAKING, weight_bp=10_000)
    new = replace(old, phase=Phase.RETIRING, edition=6)
    world.saved(old, Change(release=new, decision=a_decision("baked", old)))
    world.saved(old, Change(release=new))
    assert world.taken == {("baking", "retiring", "baked"): 1}
