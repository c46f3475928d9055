"""Values for tests, built by plain functions with defaults."""

from dataclasses import replace

from turnout.domain.checks import ArtifactRules, Checks, GoldenRule, GoldenSet, Scorer, WarmUp
from turnout.domain.decision import Decision
from turnout.domain.evidence import Judged
from turnout.domain.release import Arm, Breakage, Command, Phase, Plan, Release, Seen, Step, Verb
from turnout.domain.route import Applied, Fence, RouteSettings
from turnout.domain.service import Request
from turnout.domain.version import Endpoint, InstanceSet, Running, RunSpec, Version
from turnout.statistics.judgement import Comparison, FigureView, Judgement, Verdict
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


def a_release(
    phase: Phase = Phase.WATCHING,
    *,
    plan: Plan | None = None,
    first: bool = False,
    weight_bp: int = 0,
    n: int = 1,
    **changes: object,
) -> Release:
    """Make the row of release shop-2, which replaces v1 by v2; `first`: there is no v1."""
    plan = plan or a_plan()
    release = Release(
        id="shop-2",
        number=2,
        service="shop",
        environment="local",
        stable=None if first else a_set(),
        arms=(Arm(set=a_set(2, "v2"), n=n, weight_bp=weight_bp),),
        plan=plan,
        asked_by="local:dev",
        phase=phase,
        stable_n=0 if first else plan.replicas,
        revision=7,
        revised_at_s=START_S + 40.0,
        edition=5,
        created_at_s=START_S,
        entered_at_s=START_S + 40.0,
        wall_s=START_S + 50.0,
    )
    return replace(release, **changes)  # type: ignore[arg-type]  # names of Release's fields


def a_running(ready: int, total: int | None = None, **changes: object) -> Running:
    """Make what a runtime tells of a set; all of it is ready unless `total` is larger."""
    endpoints = tuple(Endpoint("127.0.0.1", 9001 + i) for i in range(ready))
    running = Running(total=ready if total is None else total, ready=ready, endpoints=endpoints)
    return replace(running, **changes)  # type: ignore[arg-type]  # names of Running's fields


def an_answer(release: Release, *, acked: bool = True, revision: int | None = None) -> Applied:
    """Make the router's word about the row's revision, or about another one."""
    fence = Fence(3, release.revision if revision is None else revision)
    return Applied(fence=fence, weights_bp={release.arm.set.name: release.weight_bp}, acked=acked)


def a_judged(release: Release, judgement: Judgement) -> Judged:
    """Bind a judgement to the row's step and weight."""
    return Judged(
        step=release.step,
        weight_bp=release.weight_bp,
        judgement=judgement,
        as_of_s=START_S + 50.0,
    )


def a_look(release: Release, *, judgement: Judgement | None = None, **changes: object) -> Seen:
    """Make a look that finds what the row wants, ready and in force."""
    seen = Seen(
        candidate=a_running(release.arm.n),
        stable=a_running(release.stable_n) if release.stable else None,
        route=an_answer(release),
        judged=a_judged(release, judgement) if judgement else None,
    )
    return replace(seen, **changes)  # type: ignore[arg-type]  # names of Seen's fields


def a_command(verb: Verb, digest: str = "sha256:v2", *, by: str = "local:ana") -> Command:
    """Make a person's command, bound to the candidate's digest."""
    return Command(id=1, verb=verb, by=by, digest=digest, why="because", at_s=START_S + 60.0)


def a_figure(name: str = "errors", **changes: object) -> FigureView:
    """Make what a judge shows of a rate that is compared and not worse."""
    figure = FigureView(
        name=name,
        verdict=Verdict.NOT_WORSE,
        comparison=Comparison.COUNTS,
        unit=Unit.PERCENT,
        stable_value=0.001,
        candidate_value=0.0013,
        difference=0.0003,
        low=-0.0009,
        high=0.0021,
        limit=0.02,
        maximum=None,
        stable_n=2000,
        candidate_n=1214,
        stable_x=2,
        candidate_x=2,
        age_s=None,
        needed_requests=None,
        log_e=-0.5,
        log_e_gate=3.5,
    )
    return replace(figure, **changes)  # type: ignore[arg-type]  # names of FigureView's fields


def a_decision(code: str, release: Release, **changes: object) -> Decision:
    """Make a saved decision about a row that stays in its phase and at its weight."""
    decision = Decision(
        code=code,
        at_s=release.wall_s,
        release=release.id,
        edition=release.edition,
        from_phase=release.phase,
        to_phase=release.phase,
        step=release.step,
        weight_from_bp=release.weight_bp,
        weight_to_bp=release.weight_bp,
        by="turnout",
    )
    return replace(decision, **changes)  # type: ignore[arg-type]  # names of Decision's fields
