"""What the API and offline commands tell of releases and decisions: values with sentences."""

from turnout.domain.codec import Json, to_json
from turnout.domain.decision import Decision
from turnout.domain.evidence import Judged
from turnout.domain.release import Release
from turnout.domain.route import WHOLE_BP
from turnout.domain.sentence import Language, beginning, held_code, sentence, waiting_for
from turnout.domain.service import Service
from turnout.entrypoints.views import ReleaseView, Sentences, ServiceView, WhyView, instant


class DecisionView(Sentences):
    """A decision as it is told, with its sentence."""

    code: str
    at: str
    release: str
    edition: int
    from_phase: str
    to_phase: str
    step: int
    weight_from: float
    weight_to: float
    by: str
    why: str
    took_s: float
    requests: int
    exposed: int
    figures: Json
    findings: Json
    last_exit: str


def told(
    release: Release, decision: Decision | None = None, judged: Judged | None = None
) -> ReleaseView:
    """Show a release with what it waits for, or what happened to it last."""
    stable, paused, outcome = release.stable, release.paused, release.outcome
    return {
        "id": release.id,
        "service": release.service,
        "environment": release.environment,
        "version": release.candidate.name,
        "digest": release.candidate.digest,
        "stable": stable.version.name if stable else None,
        "phase": str(release.phase),
        "outcome": str(outcome) if outcome else None,
        "step": release.step + 1,
        "weight": release.weight_bp / WHOLE_BP,
        "paused": paused.code if paused else None,
        "asked_by": release.asked_by,
        "reason": release.reason,
        "edition": release.edition,
        "began": instant(release.created_at_s),
        "since": instant(release.entered_at_s),
        "length_s": round(release.wall_s - release.created_at_s, 3),
        "steps": [
            {"weight": step.weight_bp / WHOLE_BP, "hold_s": step.hold_s}
            for step in release.plan.steps
        ],
        "candidate_n": release.arm.n,
        "stable_n": release.stable_n,
        "fast_return": release.fast_return,
        "why": why_of(release, decision, judged),
    }


def service_told(service: Service, active: ReleaseView | None) -> ServiceView:
    """Show a service with its release under way."""
    stable, previous = service.stable, service.previous
    return {
        "service": service.name,
        "project": service.project,
        "environment": service.environment,
        "stable": {"version": stable.version.name, "digest": stable.version.digest}
        if stable
        else None,
        "previous": previous.name if previous else None,
        "is_down": service.is_down,
        "release": active,
        "last": service.last,
    }


def decision_told(decision: Decision, release: Release) -> DecisionView:
    """Show a decision with its sentence."""
    return {
        "code": decision.code,
        "at": instant(decision.at_s),
        "release": decision.release,
        "edition": decision.edition,
        "from_phase": str(decision.from_phase),
        "to_phase": str(decision.to_phase),
        "step": decision.step + 1,
        "weight_from": decision.weight_from_bp / WHOLE_BP,
        "weight_to": decision.weight_to_bp / WHOLE_BP,
        "by": decision.by,
        "why": decision.why,
        "took_s": decision.took_s,
        "requests": decision.requests,
        "exposed": decision.exposed,
        "figures": to_json(decision.figures),
        "findings": to_json(decision.findings),
        "last_exit": decision.last_exit,
        "en": sentence(decision, release, Language.EN),
        "zh": sentence(decision, release, Language.ZH),
    }


def began(release: Release) -> WhyView:
    """Tell how a release began."""
    return {
        "code": "started",
        "en": beginning(release, Language.EN),
        "zh": beginning(release, Language.ZH),
    }


def why_of(release: Release, decision: Decision | None, judged: Judged | None) -> WhyView:
    """Tell what a release waits for at its step, else its last decision, else how it began."""
    judgement = judged.judgement if judged else None
    held = held_code(release, judgement) if judged else ""
    if held:
        return {
            "code": held,
            "en": waiting_for(release, judgement, Language.EN),
            "zh": waiting_for(release, judgement, Language.ZH),
        }
    if decision is None:
        return began(release)
    return {
        "code": decision.code,
        "en": sentence(decision, release, Language.EN),
        "zh": sentence(decision, release, Language.ZH),
    }
