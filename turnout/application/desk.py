"""Where people's wishes arrive: ask for a release, command it, go back, stop everything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from turnout.application.ports import Artifacts, Asked, Clock, Tasks
from turnout.application.store import Past, Wishes
from turnout.domain.checks import ArtifactRules
from turnout.domain.release import FINAL, LEAVING, Command, Phase, Plan, Release, Verb
from turnout.domain.route import WHOLE_BP
from turnout.domain.service import Request, Service
from turnout.domain.version import Version
from turnout.errors import BadInputError, RefusedError, UnknownReleaseError

RUNS_AGAIN = "runs_again"  # a stopped service was asked for its own stable version
_DIGEST_LIMIT_S = 600.0
_PROMOTABLE = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.WAITING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who gives an order, why, and the key that makes a repeat harmless."""

    by: str
    key: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A release as somebody wants it.

    `version` makes the version from the digest of its artifact, None where there is none.
    """

    service: str
    project: str
    environment: str
    plan: Plan
    version: Callable[[str | None], Version]
    queue: bool = False
    replace: bool = False
    lifts_quarantine: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """The use cases of people; each is one transaction, and may be repeated with its key.

    `woken` is called with a release that has a new command, `changed` with a service.
    """

    requests: Wishes
    journal: Past
    artifacts: Artifacts
    tasks: Tasks
    clock: Clock
    woken: Callable[[str], None]
    changed: Callable[[str], None]

    async def release(self, wanted: Wanted, order: Order) -> Asked:
        """Ask for a release; a stopped service runs again, and its own version just starts."""
        version = wanted.version(await self._artifact_digest(wanted.plan.checks.artifact))
        service = await self._find(wanted.service)
        if service is not None and service.is_down:
            await self.requests.set_down(service.name, is_down=False, by=order.by)
            self.changed(service.name)
            if service.stable is not None and service.stable.version.digest == version.digest:
                return Asked(state=RUNS_AGAIN)
        request = Request(
            key=order.key,
            service=wanted.service,
            project=wanted.project,
            environment=wanted.environment,
            version=version,
            plan=wanted.plan,
            by=order.by,
            reason=order.reason,
            queue=wanted.queue,
            replace=wanted.replace,
            lifts_quarantine=wanted.lifts_quarantine,
            at_s=self.clock.wall_s(),
        )
        return await self._add(request)

    async def command(self, release_id: str, verb: Verb, order: Order) -> Release:
        """Give a person's command to a release under way, bound to the digest it has now."""
        release = await self.release_named(release_id)
        _refuse_unfit(release, verb)
        command = Command(
            id=0,
            verb=verb,
            by=order.by,
            digest=release.candidate.digest,
            why=order.reason,
            at_s=self.clock.wall_s(),
        )
        await self.requests.command(release.id, command, order.key)
        self.woken(release.id)
        return release

    async def go_back(self, service_name: str, to: str | None, order: Order) -> Asked:
        """Return to another version: the active release is undone, else a fast return begins.

        Args:
            service_name: whose users go back.
            to: the version's name; None for the one before.
            order: who wants it.
        """
        service = await self.service_named(service_name)
        past = await self.journal.releases(service_name)
        active = next((one for one in past if one.id == service.active), None)
        if active is not None and active.phase not in LEAVING and _is_back(active, to):
            await self.command(active.id, Verb.ABORT, order)
            return Asked(state="started", release=active)
        return await self._add(self._fast_return(service, past, to, order))

    async def settle(self, order: Order) -> Sequence[str]:
        """End every release under way and stop all services; give the ids that still end.

        A bake is ended in favour of the new version, everything else is undone.
        """
        ending = []
        for service in await self.journal.services():
            if not service.is_down:
                await self.requests.set_down(service.name, is_down=True, by=order.by)
            if service.active is None:
                continue
            ending.append(service.active)
            release = await self.release_named(service.active)
            if release.phase not in LEAVING:
                verb = Verb.FINISH_BAKE if release.phase is Phase.BAKING else Verb.ABORT
                key = f"{order.key}/{release.id}/{verb}"
                await self.command(release.id, verb, replace(order, key=key))
        return ending

    async def set_barred(
        self, service_name: str, version: str, order: Order, *, is_barred: bool
    ) -> Sequence[str]:
        """Put all builds of a version into quarantine, or take them out; give their digests."""
        service = await self.service_named(service_name)
        known = await self.journal.versions(service.name)
        digests = [one.version.digest for one in known if one.version.name == version]
        if not digests:
            raise BadInputError(f"{service.name} has no version `{version}`: `turnout versions`")
        change = self.requests.bar if is_barred else self.requests.lift
        for digest in digests:
            await change(service.name, digest, by=order.by, why=order.reason)
        return digests

    async def release_named(self, name: str) -> Release:
        """Give a release by its id, or the newest one of a service by the service's name."""
        service, _, number = name.rpartition("-")
        if service and number.isdigit():
            for release in await self.journal.releases(service):
                if release.id == name:
                    return release
        newest = next(iter(await self.journal.releases(name)), None)
        if newest is None:
            raise UnknownReleaseError(
                f"no release and no service is named `{name}`: `turnout history` lists them"
            )
        return newest

    async def service_named(self, name: str) -> Service:
        """Give a service; BadInputError names the known ones."""
        found = await self._find(name)
        if found is None:
            known = ", ".join(one.name for one in await self.journal.services())
            raise BadInputError(f"no service is named `{name}`; known: {known or 'none yet'}")
        return found

    async def _find(self, name: str) -> Service | None:
        return next((one for one in await self.journal.services() if one.name == name), None)

    async def _artifact_digest(self, rules: ArtifactRules | None) -> str | None:
        if rules is None:
            return None
        return await self.tasks.within_s(_DIGEST_LIMIT_S, self.artifacts.look(rules))

    async def _add(self, request: Request) -> Asked:
        asked = await self.requests.add(request)
        if asked.release is not None:
            self.woken(asked.release.id)
        elif asked.queued_behind is not None:
            self.woken(asked.queued_behind)
        self.changed(request.service)
        return asked

    def _fast_return(
        self, service: Service, past: Sequence[Release], to: str | None, order: Order
    ) -> Request:
        version = _target(service, past, to)
        newest = past[0].plan
        own = next(one.plan for one in past if one.candidate.digest == version.digest)
        # What was stable before needs no steps and no verification: ready and route proofs remain.
        last = replace(newest.steps[-1], weight_bp=WHOLE_BP, approval=False)
        checks = replace(own.checks, golden=())
        return Request(
            key=order.key,
            service=service.name,
            project=service.project,
            environment=service.environment,
            version=version,
            plan=replace(newest, steps=(last,), checks=checks),
            by=order.by,
            reason=order.reason,
            fast_return=True,
            queue=True,
            at_s=self.clock.wall_s(),
        )


def was_stable(past: Sequence[Release], digest: str) -> bool:
    """Tell whether a digest has served all users of its service."""
    kept = {Phase.BAKING, Phase.RETIRING, Phase.PROMOTED}
    served = {one.candidate.digest for one in past if one.phase in kept}
    before = {one.stable.version.digest for one in past if one.stable is not None}
    return digest in served | before


def _target(service: Service, past: Sequence[Release], to: str | None) -> Version:
    if to is None:
        if service.previous is None:
            raise RefusedError(
                f"{service.name} has no version before its stable one; name one: "
                f"`turnout rollback {service.name} --to VERSION`"
            )
        return service.previous
    named = [one.candidate for one in past if one.candidate.name == to]
    stable = next((version for version in named if was_stable(past, version.digest)), None)
    if stable is None:
        raise RefusedError(
            f"{to} was never the stable version of {service.name}; "
            f"release it: `turnout release {service.name} {to}`"
        )
    return stable


def _is_back(active: Release, to: str | None) -> bool:
    before = active.stable.version.name if active.stable else None
    if to is None or to == before:
        return True
    raise RefusedError(
        f"{active.id} is under way; undoing it leads to {before or 'no version'}, not to {to}: "
        f"`turnout rollback {active.service}` first"
    )


def _refuse_unfit(release: Release, verb: Verb) -> None:
    if release.phase in FINAL:
        raise RefusedError(
            f"{release.id} has ended as {release.outcome}; it takes no commands: "
            f"`turnout explain {release.id}` tells why"
        )
    if verb in {Verb.PROMOTE, Verb.FORCE} and release.phase not in _PROMOTABLE:
        raise RefusedError(
            f"{release.id} is {release.phase}; only a release at a step can be promoted: "
            "shifting, watching or waiting"
        )
    if verb is Verb.RESUME and release.paused is None:
        raise RefusedError(f"{release.id} is not paused; nothing is to be resumed")
    if verb is Verb.ABORT and release.phase in LEAVING:
        raise RefusedError(_leaves(release))


def _leaves(release: Release) -> str:
    if release.phase is Phase.ROLLING_BACK:
        return f"{release.id} is being rolled back already"
    return (
        f"{release.id} retires the version before; the way back is a release of its own: "
        f"`turnout rollback {release.service}`"
    )
