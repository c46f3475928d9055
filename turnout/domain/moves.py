"""The one table of moves, and the pure function that reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from turnout.domain import rules
from turnout.domain.glide import glide, is_acked, ready_of, shape
from turnout.domain.orders import obey
from turnout.domain.release import (
    FINAL,
    LEAVING,
    Outcome,
    Pause,
    Phase,
    Release,
    Seen,
    enter,
)
from turnout.domain.route import WHOLE_BP

Rule = Callable[[Release, Seen], bool]
Change = Callable[[Release, Seen], Release]


class Look(StrEnum):
    """What a phase has to know of the world besides instances and route."""

    JOB = "job"
    EVIDENCE = "evidence"
    IN_FLIGHT = "in_flight"


def _stay(release: Release, _: Seen) -> Release:
    return release


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """If `when` holds, the release goes `to` another phase (None: it stays and is changed).

    `code` names the sentence that people read; `then` changes the row on the way.
    """

    when: Rule
    to: Phase | None
    code: str
    then: Change = _stay
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """How a release lives in one phase.

    `moves` are tried in order; if none holds, `adjust` makes one change of the wanted numbers.
    After `limit_s` (None: no limit, the comment says why) with nothing else to do it goes back.
    """

    moves: tuple[Move, ...]
    looks: tuple[Look, ...] = ()
    adjust: Change = _stay
    limit_s: Callable[[Release], float] | None = None
    late: Outcome = Outcome.TIMED_OUT
    every_s: float = 1.0


def _grow_first(release: Release, _: Seen) -> Release:
    plan = release.plan
    first = max(1, plan.first, plan.need(plan.steps[0].weight_bp))
    return shape(release, candidate_n=min(first, plan.room - release.stable_n))


def _expose(release: Release, seen: Seen) -> Release:
    crashes = seen.candidate.crashes if seen.candidate else 0
    return _at_step(release.with_arm(crashes_before=crashes), release.step)


def _next_step(release: Release, _: Seen) -> Release:
    return _at_step(release, release.step + 1)


def _at_step(release: Release, step: int) -> Release:
    # Consent that was given ahead is used up by the step that asks for it.
    asks = release.plan.steps[step].approval
    return replace(release, step=step, approved_by="" if asks else release.approved_by)


def _approved_step(release: Release, _: Seen) -> Release:
    # Consent is for one step; before the first step no weight has been given yet.
    step = release.step + 1 if release.weight_bp else release.step
    return replace(release, step=step, approved_by="")


def _settle(release: Release, _: Seen) -> Release:
    return shape(release, sole=True)


def _pause_undecided(release: Release, _: Seen) -> Release:
    return replace(release, paused=Pause(code="paused.undecided", by="turnout"))


def _pause_limit(release: Release, _: Seen) -> Release:
    return replace(release, paused=Pause(code="paused.limit", by="turnout"))


def _pause_worse(release: Release, _: Seen) -> Release:
    return replace(release, paused=Pause(code="paused.worse", by="turnout"))


def _to_the_step(release: Release, seen: Seen) -> Release:
    return glide(release, seen, release.plan.steps[release.step].weight_bp)


def _to_everything(release: Release, seen: Seen) -> Release:
    return glide(release, seen, WHOLE_BP)


def _retire(release: Release, seen: Seen) -> Release:
    stable = release.stable
    if stable is None or not is_acked(release, seen):
        return release
    whole = ready_of(seen.candidate) >= release.plan.replicas
    if release.stable_n and whole and rules.is_drained(release, seen, stable.name):
        return shape(release, stable_n=0)
    room = release.plan.room > release.arm.n
    if room and not release.stable_n and ready_of(seen.stable) and seen.candidate and not whole:
        # not stopped yet and needed again, as far as there is room
        plan = release.plan
        return shape(release, stable_n=min(plan.replicas, plan.room - release.arm.n))
    return release


def _roll_back(release: Release, seen: Seen) -> Release:
    plan = release.plan
    if release.weight_bp and seen.candidate is not None and seen.candidate.ready == 0:
        # nothing is left to protect: whatever can answer is the stable version's
        keep = min(plan.replicas, plan.room - release.arm.n) if release.stable else 0
        return shape(release, weight_bp=0, stable_n=max(keep, release.stable_n))
    moved = glide(release, seen, 0)
    if moved is not release or not is_acked(release, seen) or release.weight_bp:
        return moved
    if release.arm.n:
        drained = rules.is_drained(release, seen, release.arm.set.name)
        return shape(release, candidate_n=0) if drained else release
    if release.stable is not None and release.stable_n < plan.replicas:
        return shape(release, stable_n=plan.replicas)
    return release


def _back(when: Rule, code: str, outcome: Outcome) -> Move:
    return Move(when=when, to=Phase.ROLLING_BACK, code=code, outcome=outcome)


BREAKAGE: tuple[Move, ...] = (  # in every phase that it can hold in, paused or not
    _back(rules.starts_over_and_over, "rolledback.crashed", Outcome.CRASHED),
    _back(rules.crashed_while_exposed, "rolledback.breakage", Outcome.BREAKAGE),
    _back(rules.fails_its_probes, "rolledback.breakage", Outcome.BREAKAGE),
    _back(rules.breaks_plainly, "rolledback.breakage", Outcome.BREAKAGE),
    _back(rules.breaks_a_limit, "rolledback.limit", Outcome.LIMIT),
    Move(when=rules.both_break_a_limit, to=None, code="paused.limit", then=_pause_limit),
    _back(rules.is_worse, "rolledback.worse", Outcome.WORSE),
    Move(when=rules.is_worse_and_waits, to=None, code="paused.worse", then=_pause_worse),
)
_REFUSED = _back(rules.job_refused, "refused", Outcome.REFUSED)
_FAILED = _back(rules.job_failed, "rolledback.failed", Outcome.FAILED)

MOVES: Mapping[Phase, Stay] = {  # the first move whose rule holds is taken
    Phase.PREPARING: Stay(
        moves=(
            _REFUSED,
            _FAILED,
            Move(when=rules.is_prepared, to=Phase.STARTING, code="prepared", then=_grow_first),
        ),
        looks=(Look.JOB,),
        limit_s=lambda release: release.plan.prepare_within_s,
        every_s=0.25,
    ),
    Phase.STARTING: Stay(
        moves=(Move(when=rules.candidate_is_ready, to=Phase.VERIFYING, code="ready"),),
        limit_s=lambda release: release.plan.start_within_s,
        every_s=0.25,
    ),
    Phase.VERIFYING: Stay(
        moves=(
            _REFUSED,
            _FAILED,
            Move(when=rules.is_verified, to=Phase.WARMING, code="verified"),
        ),
        looks=(Look.JOB,),
        limit_s=lambda release: release.plan.verify_within_s,
        every_s=0.25,
    ),
    Phase.WARMING: Stay(
        moves=(
            _FAILED,
            Move(
                when=rules.first_step_waits_for_a_person,
                to=Phase.WAITING,
                code="waiting.approval",
                then=_expose,
            ),
            Move(when=rules.is_warm, to=Phase.SHIFTING, code="warm", then=_expose),
        ),
        looks=(Look.JOB,),
        limit_s=lambda release: release.plan.warm_within_s,
        every_s=0.25,
    ),
    Phase.SHIFTING: Stay(
        moves=(Move(when=rules.carries_the_step, to=Phase.WATCHING, code="watching"),),
        looks=(Look.EVIDENCE,),
        adjust=_to_the_step,
        limit_s=lambda release: release.plan.shift_within_s,
        every_s=0.25,
    ),
    Phase.WATCHING: Stay(
        moves=(
            Move(when=rules.step_waits_for_a_person, to=Phase.WAITING, code="waiting.approval"),
            Move(when=rules.last_step_is_passed, to=Phase.PROMOTING, code="passed"),
            Move(when=rules.step_is_passed, to=Phase.SHIFTING, code="step.passed", then=_next_step),
            _back(rules.gives_up_undecided, "rolledback.undecided", Outcome.UNDECIDED),
            Move(
                when=rules.is_undecided_for_too_long,
                to=None,
                code="paused.undecided",
                then=_pause_undecided,
            ),
            _back(rules.is_blind_for_too_long, "rolledback.no_evidence", Outcome.NO_EVIDENCE),
        ),
        looks=(Look.EVIDENCE,),
        every_s=0.5,  # no limit of its own: patience and blindness end it
    ),
    Phase.WAITING: Stay(
        moves=(
            Move(when=rules.is_approved, to=Phase.SHIFTING, code="approved", then=_approved_step),
        ),
        looks=(Look.EVIDENCE,),
        limit_s=lambda release: release.plan.approve_within_s,
        late=Outcome.NOT_APPROVED,
    ),
    Phase.PROMOTING: Stay(
        moves=(
            Move(
                when=rules.carries_everything,
                to=Phase.BAKING,
                code="promoted",
                outcome=Outcome.PROMOTED,
            ),
        ),
        looks=(Look.EVIDENCE,),
        adjust=_to_everything,
        limit_s=lambda release: release.plan.shift_within_s,
        every_s=0.25,
    ),
    Phase.BAKING: Stay(
        moves=(Move(when=rules.is_baked, to=Phase.RETIRING, code="baked", then=_settle),),
        looks=(Look.EVIDENCE,),  # no limit: without evidence it stays, and says so
    ),
    Phase.RETIRING: Stay(
        moves=(Move(when=rules.old_is_gone, to=Phase.PROMOTED, code="retired"),),
        looks=(Look.IN_FLIGHT,),
        adjust=_retire,
        every_s=0.5,  # no limit: the old version stays until the new one can carry everything
    ),
    Phase.ROLLING_BACK: Stay(
        moves=(Move(when=rules.is_undone, to=Phase.ROLLED_BACK, code="undone"),),
        looks=(Look.IN_FLIGHT,),
        adjust=_roll_back,
        every_s=0.25,  # no limit: going back is tried for ever
    ),
    Phase.PROMOTED: Stay(moves=()),
    Phase.ROLLED_BACK: Stay(moves=()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The next row and the code of what happened; an empty code is a silent change or none."""

    release: Release
    code: str = ""
    by: str = "turnout"


def decide(release: Release, seen: Seen, previous: Seen | None, dt_s: float) -> Ruling:
    """Give the next row; the same one when there is nothing to do. No clock, no I/O, no chance.

    Args:
        release: as last saved, with the unsaved progress of its timers.
        seen: the look after enforcing it.
        previous: the look before, by the same process; None after a restart.
        dt_s: time between the two looks, already bounded.
    """
    if release.phase in FINAL:
        return Ruling(release=release)
    ticked = tick(release, seen, previous, dt_s)
    obeyed, code, by = obey(ticked, seen.commands)
    if code:
        return Ruling(release=obeyed, code=code, by=by)
    ruling = _ruling(obeyed, seen)
    return replace(ruling, release=_fresh_drain(obeyed, ruling.release))


def tick(release: Release, seen: Seen, previous: Seen | None, dt_s: float) -> Release:
    """Count time; drain and evidence only between two looks that both saw the condition (E-6)."""
    if release.paused and release.phase not in LEAVING:
        return release
    both = (seen, previous or Seen())
    routed = all(is_acked(release, look) for look in both)
    if release.phase in LEAVING:
        return replace(release, spent_s=release.spent_s + dt_s if routed else 0.0)
    judged = routed and all(rules.is_judged(release, look) for look in both)
    return replace(
        release,
        spent_s=release.spent_s + dt_s,
        evidence_s=release.evidence_s + (dt_s if judged else 0.0),
    )


def _ruling(release: Release, seen: Seen) -> Ruling:
    stay = MOVES[release.phase]
    held = release.paused is not None and release.phase not in LEAVING
    for move in BREAKAGE if held else (*BREAKAGE, *stay.moves):
        if move.when(release, seen):
            return _take(move, release, seen)
    if held:
        return Ruling(release=release)
    adjusted = stay.adjust(release, seen)
    if adjusted is not release:
        return Ruling(release=adjusted, code=_code_of(release, adjusted))
    if stay.limit_s is not None and release.spent_s >= stay.limit_s(release):
        late = replace(enter(release, Phase.ROLLING_BACK), outcome=stay.late)
        return Ruling(release=late, code=f"rolledback.{stay.late}")
    return Ruling(release=release)


def _take(move: Move, release: Release, seen: Seen) -> Ruling:
    changed = move.then(release, seen)
    if move.to is None:
        return Ruling(release=changed, code=move.code)
    outcome = move.outcome or release.outcome
    return Ruling(release=replace(enter(changed, move.to), outcome=outcome), code=move.code)


def _code_of(old: Release, new: Release) -> str:
    if new.weight_bp > old.weight_bp:
        return "step.up"
    return "back" if new.weight_bp < old.weight_bp else ""


def _fresh_drain(old: Release, new: Release) -> Release:
    moved = new.revision != old.revision and new.phase is old.phase
    return replace(new, spent_s=0.0) if moved and new.phase in LEAVING else new
