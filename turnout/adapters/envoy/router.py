"""The router of services behind Envoy: it speaks with the gateways' daemons alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from turnout.adapters.envoy.calls import told
from turnout.adapters.envoy.settings import EnvoySettings
from turnout.application.ports import Router
from turnout.domain.route import Abilities, Applied, Fence, Route
from turnout.errors import FencedError, GatewayUnreachableError, TurnoutError
from turnout.wire.calls import Claim, DeleteService, InFlight, InForce, PutService, Services
from turnout.wire.route import EndpointsModel, RouteModel, fence_of

T = TypeVar("T")
_WAIT_S = 3.0
_ABILITIES = Abilities(
    live=True, loss_free=True, tester=True, in_flight=True, evidence=True, switch_p99_ms=20.0
)


def build_router(settings: EnvoySettings) -> Router:
    """Build the router; it counts in flight, too."""
    return EnvoyRouter(settings)


class EnvoyRouter:
    """Tells every gateway of a service the same; what is in force is what all of them say."""

    def __init__(self, settings: EnvoySettings) -> None:
        self._sockets = settings.sockets

    @property
    def abilities(self) -> Abilities:
        """Tell what Envoy can do."""
        return _ABILITIES

    async def claim(self, service: str, epoch: int) -> None:
        """Make an epoch known; a gateway knows it for all its services."""
        del service
        await self._each(lambda socket: told(socket, "POST", "/v1/claim", Claim(epoch=epoch)))

    async def ensure(self, route: Route, fence: Fence) -> Applied:
        """Return when every gateway's Envoy acknowledged the route."""
        body = PutService(
            fence=str(fence),
            route=RouteModel.from_domain(route),
            endpoints=EndpointsModel.from_domain(route),
        )
        if len(self._sockets) > 1:
            await self._refuse_raise(route)
        answers = await self._each(lambda socket: self._put(socket, route.service, body))
        return _joined(answers)

    async def look(self, service: str) -> Applied | None:
        """Tell what is in force at all gateways."""
        answers = await self._each(lambda socket: self._look(socket, service))
        known = [answer for answer in answers if answer is not None]
        if not known:
            return None
        applied = _joined(known)
        return applied if len(known) == len(answers) else _unacked(applied)

    async def ensure_gone(self, service: str, fence: Fence) -> None:
        """Take the route away; whoever calls has drained it."""
        body = DeleteService(fence=str(fence), deadline_over=True)
        target = f"{_address(service)}?wait={_WAIT_S}"
        await self._each(lambda socket: told(socket, "DELETE", target, body))

    async def in_flight(self, service: str) -> Mapping[str, int]:
        """Count over all gateways, by set."""
        counted: Counter[str] = Counter()
        for sets in await self._each(lambda socket: self._counted(socket, service)):
            counted.update(sets)
        return dict(counted)

    async def _put(self, socket: Path, service: str, body: PutService) -> InForce:
        answer = await told(socket, "PUT", f"{_address(service)}?wait={_WAIT_S}", body)
        found = InForce.model_validate_json(answer.body)
        if not found.acked:
            raise GatewayUnreachableError(
                f"Envoy at {socket} did not acknowledge the route of {service} within "
                f"{_WAIT_S:g} s; it is kept and applied"
            )
        return found

    async def _look(self, socket: Path, service: str) -> InForce | None:
        answer = await told(socket, "GET", "/v1/services")
        return Services.model_validate_json(answer.body).services.get(service)

    async def _counted(self, socket: Path, service: str) -> Mapping[str, int]:
        answer = await told(socket, "GET", f"/v1/in-flight?service={quote(service)}")
        return InFlight.model_validate_json(answer.body).sets

    async def _refuse_raise(self, route: Route) -> None:
        """Let nobody get more of the candidate while a gateway does not hear of it."""
        looks = (self._look(socket, route.service) for socket in self._sockets)
        found = await asyncio.gather(*looks, return_exceptions=True)
        silent = [e for e in found if isinstance(e, TurnoutError)]
        weights = [one.weights_bp for one in found if isinstance(one, InForce)]
        if silent and _raises(route, weights):
            raise silent[0]

    async def _each(self, call: Callable[[Path], Awaitable[T]]) -> list[T]:
        """Call all gateways, though one may fail; a fence that stands in the way is told first."""
        found = await asyncio.gather(*map(call, self._sockets), return_exceptions=True)
        errors = [one for one in found if isinstance(one, BaseException)]
        for error in sorted(errors, key=lambda e: not isinstance(e, FencedError)):
            raise error
        return [one for one in found if not isinstance(one, BaseException)]


def _address(service: str) -> str:
    return f"/v1/services/{quote(service)}"


def _raises(route: Route, in_force: Sequence[Mapping[str, int]]) -> bool:
    lowest = {
        target.set_name: min((weights.get(target.set_name, 0) for weights in in_force), default=0)
        for target in route.targets
    }
    return any(t.candidate and t.weight_bp > lowest[t.set_name] for t in route.targets)


def _joined(answers: Sequence[InForce]) -> Applied:
    newest = max(answers, key=lambda one: fence_of(one.fence))
    acked_at_s = [one.acked_at_s for one in answers if one.acked_at_s is not None]
    return Applied(
        fence=fence_of(newest.fence),
        weights_bp=newest.weights_bp,
        acked=all(one.acked and one.fence == newest.fence for one in answers),
        acked_at_s=max(acked_at_s, default=None),
        refused=next((one.refused for one in answers if one.refused), ""),
    )


def _unacked(applied: Applied) -> Applied:
    return Applied(
        fence=applied.fence,
        weights_bp=applied.weights_bp,
        acked=False,
        acked_at_s=None,
        refused=applied.refused,
    )
