"""Laws of the moves, over any row and any look: what no state of the world can make them do."""

from dataclasses import replace

from hypothesis import assume, example, given
from hypothesis import strategies as st

from turnout.domain.checks import Checks, JobResult, JobState
from turnout.domain.glide import glide
from turnout.domain.moves import Ruling, decide
from turnout.domain.release import (
    FINAL,
    LEAVING,
    OURS,
    Command,
    OnTrouble,
    Outcome,
    Pause,
    Phase,
    Plan,
    Release,
    Seen,
    Verb,
)
from turnout.domain.version import Running
from turnout.testing.world import (
    a_command,
    a_judged,
    a_judgement,
    a_look,
    a_plan,
    a_release,
    a_running,
    all_checks,
    an_answer,
)

WHOLE = 10_000
UNDER_WAY = sorted(set(Phase) - FINAL)
PAUSE = Pause(code="paused.person", by="local:ana")
BREAKS = {"rolledback.crashed", "rolledback.breakage", "rolledback.limit", "rolledback.worse"}
TIMES_S = st.sampled_from([0.5, 4.99, 5.0, 10.0, 120.0, 90_000.0])
BP = st.one_of(st.sampled_from([0, 1, 1000, 5000, 9999, WHOLE]), st.integers(0, WHOLE))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    replicas = draw(st.sampled_from([1, 2, 4, 5]))  # 3 of 4: see the unit tests
    room = draw(st.integers(replicas + 1, 2 * replicas))
    checks = draw(st.sampled_from([Checks(), all_checks()]))
    plan = a_plan(1000, 5000, WHOLE, replicas=replicas, room=room, checks=checks)
    on_worse, on_undecided = draw(st.tuples(*[st.sampled_from(OnTrouble)] * 2))
    return replace(
        plan, on_worse=on_worse, on_undecided=on_undecided, first=draw(st.integers(1, 2))
    )


@st.composite
def rows(draw: st.DrawFn, phases: tuple[Phase, ...] = tuple(UNDER_WAY)) -> Release:
    plan, phase = draw(plans()), draw(st.sampled_from(phases))
    first = phase is not Phase.WAITING and draw(st.booleans())
    if first:  # its last step alone is left
        plan = replace(plan, steps=plan.steps[-1:])
    early = phase is Phase.PREPARING
    stable_n = 0 if first else draw(st.integers(0, plan.replicas))
    n = 0 if early else draw(st.integers(0, min(plan.replicas, plan.room - stable_n)))
    weight_bp = draw(st.sampled_from([0, WHOLE]) if first else BP)
    over = draw(st.sampled_from(["", "local:bo"]))
    return a_release(
        phase,
        plan=plan,
        first=first,
        n=n,
        weight_bp=WHOLE if phase in OURS else 0 if early else weight_bp,
        stable_n=stable_n,
        step=draw(st.integers(0, len(plan.steps) - (2 if phase is Phase.WAITING else 1))),
        sole=phase is Phase.RETIRING,
        spent_s=draw(TIMES_S),
        evidence_s=draw(TIMES_S),
        override_by=over,
        forced=bool(over) and draw(st.booleans()),
        approved_by=draw(st.sampled_from(["", "local:bo"])),
        outcome=Outcome.WORSE if phase is Phase.ROLLING_BACK else None,
    )


@st.composite
def runnings(draw: st.DrawFn) -> Running | None:
    total = draw(st.integers(0, 6))
    if draw(st.booleans()):
        return a_running(draw(st.integers(0, total)), total)
    crashes, probes, starts = draw(st.tuples(*[st.integers(0, 3)] * 3))
    broken = a_running(
        0, total, crashes=crashes, failed_probes=probes, restarts_before_ready=starts
    )
    return draw(st.sampled_from([None, broken]))


JUDGEMENTS = st.builds(
    a_judgement,
    worse=st.booleans(),
    gate=st.booleans(),
    requests_in_step=st.sampled_from([0, 1, 40]),
    breakage=st.booleans(),
    limit_broken=st.sampled_from([None, "errors"]),
    stable_breaks_too=st.booleans(),
)
CALM = st.builds(a_judgement, gate=st.booleans(), requests_in_step=st.sampled_from([0, 1, 40]))


@st.composite
def looks(draw: st.DrawFn, release: Release) -> Seen:
    answers = [None, an_answer(release), an_answer(release, acked=False)]
    judgement = draw(st.none() | CALM | JUDGEMENTS)
    return Seen(
        candidate=draw(runnings()),
        stable=draw(runnings()) if release.stable else None,
        route=draw(st.sampled_from([*answers, an_answer(release, revision=6)])),
        in_flight=draw(st.sampled_from([None, {}, {"shop-r1": 2, "shop-r2": 3}])),
        job=draw(st.none() | st.builds(JobResult, state=st.sampled_from(JobState))),
        judged=a_judged(release, judgement) if judgement else None,
    )


@st.composite
def situations(
    draw: st.DrawFn, phases: tuple[Phase, ...] = tuple(UNDER_WAY)
) -> tuple[Release, Seen]:
    release = draw(rows(phases))
    return release, draw(looks(release))


ORDERS = st.lists(
    st.builds(a_command, st.sampled_from(Verb), st.sampled_from(["sha256:v2", "sha256:v3"])),
    max_size=3,
).map(tuple)


def ruled(release: Release, look: Seen, dt_s: float = 1.5) -> Ruling:
    return decide(release, look, look, dt_s)


def wanted(release: Release) -> tuple[int, int, int, bool]:
    return release.weight_bp, release.arm.n, release.stable_n, release.sole


# --- numbers


@given(situations(), ORDERS)
def test_numbers_stay_within_what_the_plan_allows(
    case: tuple[Release, Seen], orders: tuple[Command, ...]
) -> None:
    release, look = case
    new = ruled(release, replace(look, commands=orders)).release
    plan = new.plan
    assert 0 <= new.weight_bp <= WHOLE
    assert 0 <= new.arm.n <= max(plan.replicas, plan.first)
    assert 0 <= new.stable_n <= plan.replicas


@given(situations(tuple(sorted(set(UNDER_WAY) - {Phase.RETIRING}))))
def test_both_versions_never_want_more_than_the_room(case: tuple[Release, Seen]) -> None:
    new = ruled(*case).release
    assert new.arm.n + new.stable_n <= new.plan.room


@given(situations(), ORDERS)
def test_the_revision_grows_by_one_exactly_when_the_wanted_numbers_change(
    case: tuple[Release, Seen], orders: tuple[Command, ...]
) -> None:
    release, look = case
    new = ruled(release, replace(look, commands=orders)).release
    assert new.revision == release.revision + (wanted(new) != wanted(release))


@given(situations())
def test_one_ruling_changes_numbers_in_one_direction(case: tuple[Release, Seen]) -> None:
    release, look = case
    new = ruled(release, look).release
    moved = (new.weight_bp - release.weight_bp, new.arm.n - release.arm.n)
    back = release.stable_n - new.stable_n
    signs = {(change > 0) - (change < 0) for change in (*moved, back)} - {0}
    assert len(signs) <= 1  # all of it towards the candidate, or all of it away


@given(situations())
def test_one_ruling_changes_one_number_but_when_no_candidate_is_ready(
    case: tuple[Release, Seen],
) -> None:
    release, look = case
    new = ruled(release, look).release
    changed = sum(a != b for a, b in zip(wanted(new), wanted(release), strict=True))
    dead = look.candidate is not None and look.candidate.ready == 0
    assert changed <= (2 if dead and release.phase is Phase.ROLLING_BACK else 1)


@given(situations())
def test_a_weight_is_raised_only_to_what_is_ready(case: tuple[Release, Seen]) -> None:
    release, look = case
    new = ruled(release, look).release
    ready = look.candidate.ready if look.candidate else 0
    lower = new.weight_bp <= release.weight_bp
    assert lower or new.weight_bp * new.plan.replicas <= ready * WHOLE


# --- glide


def consistent(release: Release) -> bool:
    plan = release.plan
    lead, rest = plan.need(release.weight_bp), plan.need(WHOLE - release.weight_bp)
    return release.stable is not None and release.arm.n >= lead and release.stable_n >= rest


@st.composite
def shared(draw: st.DrawFn) -> Release:
    plan, weight_bp = draw(plans()), draw(BP)
    lead, rest = plan.need(weight_bp), plan.need(WHOLE - weight_bp)
    n = draw(st.integers(lead, max(lead, min(plan.replicas, plan.room - rest))))
    stable_n = draw(st.integers(rest, max(rest, min(plan.replicas, plan.room - n))))
    return a_release(Phase.SHIFTING, plan=plan, weight_bp=weight_bp, n=n, stable_n=stable_n)


@given(shared(), BP)
@example(a_release(plan=a_plan(replicas=4, room=5), weight_bp=0, n=0), WHOLE)
@example(a_release(plan=a_plan(replicas=4, room=5), weight_bp=WHOLE, n=4, stable_n=1), 0)
def test_where_all_gets_ready_a_glide_comes_to_its_goal_and_rests(
    release: Release, target_bp: int
) -> None:
    for _ in range(6 * release.plan.replicas + 6):
        new = glide(release, a_look(release), target_bp)
        assert consistent(new)
        if new is release:
            break
        release = new
    assert release.weight_bp == target_bp
    assert glide(release, a_look(release), target_bp) is release


@given(shared(), st.data())
def test_no_readiness_makes_a_glide_take_capacity_that_carries_weight(
    release: Release, data: st.DataObject
) -> None:
    target_bp = data.draw(BP)
    for _ in range(12):
        counts = (release.arm.n, release.stable_n)
        candidate, stable = (a_running(data.draw(st.integers(0, n)), n) for n in counts)
        look = a_look(release, candidate=candidate, stable=stable)
        release = glide(release, look, target_bp)
        assert consistent(release)
        assert release.arm.n + release.stable_n <= release.plan.room


# --- rest


@given(situations())
def test_the_same_look_at_the_same_row_always_gives_the_same_ruling(
    case: tuple[Release, Seen],
) -> None:
    assert ruled(*case) == ruled(*case)


@given(situations())
def test_a_row_that_rests_is_left_as_it_is_whoever_looked_before(
    case: tuple[Release, Seen],
) -> None:
    release, look = case
    ruling = ruled(release, look, 0.0)
    assume(ruling.release == release)
    assert ruling == Ruling(release=release)
    again = decide(release, look, None, 0.0).release
    assert wanted(again) == wanted(release)


@given(rows(), st.booleans())
def test_in_a_world_that_follows_every_release_comes_to_rest(
    release: Release,
    idle: bool,  # noqa: FBT001 - drawn
) -> None:
    for _ in range(60):
        look = a_look(release, in_flight={} if idle else None)
        ruling = ruled(release, look, 0.0)
        if ruling == Ruling(release=release):
            return
        release = ruling.release
    raise AssertionError(release)


@given(situations(), ORDERS)
def test_a_release_that_has_ended_stays_so(
    case: tuple[Release, Seen], orders: tuple[Command, ...]
) -> None:
    for phase in FINAL:
        ended = replace(case[0], phase=phase)
        assert ruled(ended, replace(case[1], commands=orders)) == Ruling(release=ended)


# --- unknown is neither good nor bad


@given(rows())
def test_with_no_data_nothing_passes_and_nothing_shrinks(release: Release) -> None:
    assume(not release.is_first and not release.approved_by and not release.override_by)
    release = replace(release, plan=replace(release.plan, checks=all_checks()))
    new = ruled(release, Seen()).release
    assert new.phase in {release.phase, Phase.ROLLING_BACK}
    assert (new.step, new.weight_bp, new.sole) == (release.step, release.weight_bp, release.sole)
    assert new.arm.n >= release.arm.n
    assert new.stable_n >= release.stable_n


@given(situations((Phase.WATCHING,)))
def test_no_step_passes_without_evidence_about_it(case: tuple[Release, Seen]) -> None:
    release, look = case
    assume(not release.override_by)
    elsewhere = replace(look.judged, step=release.step + 1) if look.judged else None
    for judged in (None, elsewhere):
        ruling = ruled(release, replace(look, judged=judged))
        assert ruling.code not in {"step.passed", "passed", "waiting.approval"}


@given(situations())
def test_a_missing_verdict_leads_back_only_when_a_limit_is_over(
    case: tuple[Release, Seen],
) -> None:
    release, look = case
    assume(release.phase not in LEAVING)
    fresh = replace(release, spent_s=3.5, evidence_s=3.5)
    blank = replace(look, judged=None, candidate=None, job=None)
    assert ruled(fresh, blank).release.phase is not Phase.ROLLING_BACK


# --- a pause


@given(situations())
def test_a_pause_stops_everything_but_breakage(case: tuple[Release, Seen]) -> None:
    release, look = case
    assume(release.phase not in LEAVING)
    held = replace(release, paused=PAUSE)
    ruling = ruled(held, look)
    if ruling.code in BREAKS:
        assert ruling.release.phase is Phase.ROLLING_BACK
        assert wanted(ruling.release) == wanted(held)
    else:
        assert ruling == Ruling(release=held)


@given(situations(tuple(sorted(LEAVING))))
def test_a_pause_changes_nothing_of_a_release_that_leaves(case: tuple[Release, Seen]) -> None:
    release, look = case
    free, held = ruled(release, look), ruled(replace(release, paused=PAUSE), look)
    assert held.code == free.code
    assert replace(held.release, paused=None) == free.release
