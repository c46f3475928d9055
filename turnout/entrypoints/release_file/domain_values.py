"""Turns one service of one environment into the values that a release is made of."""

import re
from dataclasses import dataclass

from turnout.domain.checks import Checks
from turnout.domain.release import Breakage, OnTrouble, Plan, Step, Strategy
from turnout.domain.route import WHOLE_BP, Repeatable, RouteSettings
from turnout.domain.version import Endpoint, RunSpec, Version
from turnout.entrypoints.release_file.domain_checks import checks_of
from turnout.entrypoints.release_file.domain_figures import judge_of
from turnout.entrypoints.release_file.domain_runs import digest_of, run_of
from turnout.entrypoints.release_file.loading import Loaded, Resolved
from turnout.entrypoints.release_file.mistakes import did_you_mean
from turnout.entrypoints.release_file.schema_judge import Shift, Watch
from turnout.entrypoints.release_file.schema_run import Route
from turnout.entrypoints.release_file.schema_service import Service
from turnout.entrypoints.release_file.units import tester_parts
from turnout.errors import BadInputError

DEFAULT_LISTEN = "127.0.0.1:8080"
_BLIND_S = 86_400.0
_VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a release of one version would be. The artifact's digest is not known here."""

    service: str
    project: str
    environment: str
    version_name: str
    run: RunSpec
    plan: Plan
    folder: str

    def version(self, artifact_digest: str | None) -> Version:
        """Make the version once the digest of its artifact is known; None without artifact."""
        return Version(
            name=self.version_name,
            digest=digest_of(self.run, self.folder, artifact_digest, self.version_name),
            artifact_digest=artifact_digest,
            run=self.run,
        )


def to_domain(
    loaded: Loaded, service: str, version_name: str, environment: str | None = None
) -> Wanted:
    """Give run and plan of one service, with all defaults of its environment.

    Raises:
        BadInputError: the file has mistakes, or has no such service or environment; the name is
            not one of a version; a named file went away.
    """
    view = view_of(loaded, environment)
    if service not in view.services:
        near = did_you_mean(service, view.services) or f"known: {', '.join(view.services)}"
        raise BadInputError(f"{loaded.path.name} has no service `{service}`; {near}")
    if not _VERSION_NAME.fullmatch(version_name) or ".." in version_name:
        raise BadInputError(
            f"`{version_name}` is not the name of a version: "
            "use letters, digits and . _ + - with a letter or digit first"
        )
    section = view.services[service]
    words = {"version": version_name, "service": service, "environment": view.environment}
    try:
        run = run_of(section, loaded.folder)
        checks = checks_of(section, loaded.folder, words)
    except OSError as error:
        raise BadInputError(f"`{error.filename}` cannot be read: {error.strerror}") from error
    return Wanted(
        service=service,
        project=loaded.project,
        environment=view.environment,
        version_name=version_name,
        run=run,
        plan=plan_of(section, run, checks),
        folder=str(loaded.folder),
    )


def view_of(loaded: Loaded, environment: str | None = None) -> Resolved:
    """Give one environment; without a name the only one.

    Raises:
        BadInputError: the file has mistakes, no such environment, or several and none is named.
    """
    if loaded.mistakes:
        raise BadInputError(loaded.printed())
    names = ", ".join(loaded.environments)
    if environment is None:
        if len(loaded.environments) > 1:
            raise BadInputError(f"name one environment with `--env`: {names}")
        return next(iter(loaded.environments.values()))
    if environment not in loaded.environments:
        raise BadInputError(f"environment `{environment}` does not exist; known: {names}")
    return loaded.environments[environment]


def plan_of(section: Service, run: RunSpec, checks: Checks) -> Plan:
    """Give the plan of a service section; all defaults are in it already."""
    route, shift, watch = section.route or Route(), section.shift or Shift(), _watch(section)
    replicas = section.run.replicas if section.run else None
    steps = _steps(shift)
    count = replicas.min if replicas else 1
    return Plan(
        steps=steps,
        route=route_of(route),
        judge=judge_of(watch, route),
        checks=checks,
        strategy=Strategy(shift.strategy),
        replicas=count,
        # Two full copies fit on a host whose instances are processes.
        room=2 * count,
        first=max(1, (replicas.candidate if replicas else None) or 1),
        start_within_s=run.ready.within_s,
        warm_within_s=checks.warm.within_s if checks.warm else 300.0,
        blind_s=max(_BLIND_S, 4 * max(step.hold_s for step in steps)),
        patience_s=watch.patience,
        on_undecided=OnTrouble(watch.on_undecided),
        on_worse=OnTrouble(watch.on_worse),
        breakage=_breakage(watch),
        bake_s=section.bake if section.bake is not None else 86_400.0,
        drain_s=section.retire.drain if section.retire else 600.0,
    )


def route_of(route: Route) -> RouteSettings:
    """Give what a router is told of a service, the same over all its revisions."""
    host, _, port = (route.listen or DEFAULT_LISTEN).rpartition(":")
    return RouteSettings(
        listen=Endpoint(host=host.strip("[]"), port=int(port)),
        hosts=(route.host,) if route.host else (),
        tester=tester_parts(route.testers) if route.testers else None,
        timeout_s=route.timeout,
        repeatable=Repeatable(route.repeatable),
    )


def _watch(section: Service) -> Watch:
    return section.watch or Watch()


def _steps(shift: Shift) -> tuple[Step, ...]:
    least_s = shift.hold if shift.hold is not None else 300.0
    steps = shift.steps or []
    if shift.strategy == "blue-green" or not steps:
        only_s = steps[-1].hold if steps else None
        return (Step(weight_bp=WHOLE_BP, hold_s=least_s if only_s is None else only_s),)
    return tuple(
        Step(weight_bp=step.weight, hold_s=least_s if step.hold is None else step.hold)
        for step in steps
    )


def _breakage(watch: Watch) -> Breakage:
    told = watch.breakage
    if told is None:
        return Breakage()
    return Breakage(crashes=told.crashes, failed_probes=told.health, errors_ratio=told.errors)
