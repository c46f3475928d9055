"""Values for tests, built by plain functions with defaults."""

from turnout.domain.checks import ArtifactRules, Checks, GoldenRule, GoldenSet, Scorer, WarmUp
from turnout.domain.release import Breakage, Plan, Step
from turnout.domain.route import RouteSettings
from turnout.domain.service import Request
from turnout.domain.version import Endpoint, InstanceSet, RunSpec, Version
from turnout.statistics.judgement import Judgement, Verdict
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit

START_S = 1_700_000_000.0  # not 0, so that an instant cannot pass for a duration
GOLDEN = GoldenSet(
    name="levels",
    file="golden/levels.jsonl",
    digest="sha256:golden",
    scorer=Scorer.LABEL,
    rules=(GoldenRule(figure="accuracy", min=0.9),),
)


def a_version(name: str = "v1", digest: str | None = None) -> Version:
    """Make a version; its digest follows its name."""
    return Version(
        name=name,
        digest=digest or f"sha256:{name}",
        artifact_digest=f"sha256:artifact-{name}",
        run=RunSpec(command=("serve", "--port", "$port"), folder="."),
    )


def a_set(number: int = 1, version: str = "v1", service: str = "shop") -> InstanceSet:
    """Make a set of instances."""
    return InstanceSet(service=service, number=number, version=a_version(version))


def a_judge() -> JudgeSettings:
    """Make what a release is judged by: errors alone."""
    rule = FigureRule(name="errors", worse_by=Amount(2.0, Unit.POINTS))
    return JudgeSettings(figures=(rule,), timeout_s=60.0)


def all_checks() -> Checks:
    """Make checks of every kind."""
    return Checks(artifact=ArtifactRules(source="models/v1"), golden=(GOLDEN,), warm=WarmUp())


def a_plan(
    *weights_bp: int,
    hold_s: float = 10.0,
    bake_s: float = 10.0,
    drain_s: float = 5.0,
    replicas: int = 1,
    room: int | None = None,
    checks: Checks | None = None,
) -> Plan:
    """Make a plan of steps with one hold."""
    return Plan(
        steps=tuple(Step(weight_bp=w, hold_s=hold_s) for w in weights_bp or (1000, 5000, 10_000)),
        route=RouteSettings(listen=Endpoint("127.0.0.1", 8000)),
        judge=a_judge(),
        checks=checks or Checks(),
        breakage=Breakage(),
        replicas=replicas,
        room=room or 2 * replicas,
        bake_s=bake_s,
        drain_s=drain_s,
    )


def a_request(version: str = "v1", *, key: str = "k1", service: str = "shop") -> Request:
    """Make a person's wish for a release."""
    return Request(
        key=key,
        service=service,
        project="shop",
        environment="local",
        version=a_version(version),
        plan=a_plan(),
        by="local:dev",
        at_s=START_S,
    )


def a_judgement(
    *,
    worse: bool = False,
    gate: bool = False,
    requests_in_step: int = 0,
    breakage: bool = False,
    limit_broken: str | None = None,
    stable_breaks_too: bool = False,
) -> Judgement:
    """Make a judge's answer without figures."""
    verdict = Verdict.WORSE if worse else Verdict.NOT_WORSE if gate else Verdict.UNDECIDED
    return Judgement(
        verdict=verdict,
        figures=(),
        requests_in_step=requests_in_step,
        exposed=requests_in_step,
        log_e=0.0,
        limit_broken=limit_broken,
        stable_breaks_too=stable_breaks_too,
        breakage=breakage,
        settled_to=None,
        gate=gate,
        late=0,
    )
