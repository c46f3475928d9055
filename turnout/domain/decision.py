"""A decision: what happened to a release, why, and on what evidence; saved, then rendered."""

from dataclasses import dataclass

from turnout.domain import rules
from turnout.domain.checks import Finding
from turnout.domain.release import Phase, Release, Seen
from turnout.domain.version import Running
from turnout.statistics.judgement import FigureView


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One saved change of a release; the sentence is rendered from it, never stored alone.

    `edition` is the row's edition that it produced. `took_s` is the time since the phase that it
    ends was entered.
    """

    code: str
    at_s: float
    release: str
    edition: int
    from_phase: Phase
    to_phase: Phase
    step: int
    weight_from_bp: int
    weight_to_bp: int
    by: str
    why: str = ""
    took_s: float = 0.0
    requests: int = 0
    exposed: int = 0
    figures: tuple[FigureView, ...] = ()
    findings: tuple[Finding, ...] = ()
    failed_probes: int = 0
    last_exit: str = ""
    last_lines: tuple[str, ...] = ()


def decision_of(old: Release, new: Release, seen: Seen, *, code: str, by: str) -> Decision:
    """Tell one change of a row with the evidence that it rests on; `new` is as it is saved."""
    judgement = seen.judged.judgement if seen.judged else None
    candidate = seen.candidate
    broke = code == "rolledback.breakage" or code.startswith("rolledback.crashed")
    return Decision(
        code=code,
        at_s=new.wall_s,
        release=new.id,
        edition=new.edition,
        from_phase=old.phase,
        to_phase=new.phase,
        step=old.step,
        weight_from_bp=old.weight_bp,
        weight_to_bp=new.weight_bp,
        by=by,
        why=_why(old, new, seen, code),
        took_s=max(0.0, new.wall_s - old.entered_at_s),
        requests=judgement.requests_in_step if judgement else 0,
        exposed=judgement.exposed if judgement else 0,
        figures=judgement.figures if judgement else (),
        findings=seen.job.findings if seen.job else (),
        failed_probes=_failed_probes(old, seen) if broke else 0,
        last_exit=_last_exit(candidate) if broke and candidate else "",
        last_lines=candidate.last_lines[-5:] if broke and candidate else (),
    )


def _why(old: Release, new: Release, seen: Seen, code: str) -> str:
    match code:
        case "overruled":
            return new.override_why
        case "paused.person":
            return new.paused.why if new.paused else ""
        case "approved":
            return old.approved_by
        case "refused" | "rolledback.failed":
            return seen.job.why if seen.job else ""
        case _:
            return new.why


def _failed_probes(old: Release, seen: Seen) -> int:
    # A probe that failed now and then broke nothing.
    broke = rules.fails_its_probes(old, seen)
    return seen.candidate.failed_probes if broke and seen.candidate else 0


def _last_exit(candidate: Running) -> str:
    return candidate.last_exit or candidate.why_not_ready
