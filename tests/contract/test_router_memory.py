"""The router in memory behaves like the real one, also when endpoints change under way."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from turnout.application.ports import Router
from turnout.domain.route import Fence, Observed, Route
from turnout.domain.version import Endpoint
from turnout.errors import GatewayUnreachableError, NotReadyError, RouteRefusedError
from turnout.testing.contracts_router import (
    CANDIDATE,
    FENCE,
    NEXT,
    STABLE,
    RouterContract,
    RouterWorld,
    a_route,
    weights,
)
from turnout.testing.fake_router import MemoryRouter, build_router

PLACES = (Endpoint("127.0.0.1", 8001), Endpoint("127.0.0.1", 8002))


def a_world(router: MemoryRouter) -> RouterWorld:
    async def served(listen: Endpoint, users: Sequence[str]) -> Mapping[str, str]:
        return router.served("shop" if listen == PLACES[0] else "desk", users)

    async def reopened() -> Router:
        return MemoryRouter(kept=dict(router.kept), epochs=dict(router.epochs))

    return RouterWorld(
        router=router,
        stable=Endpoint("127.0.0.1", 9001),
        candidate=Endpoint("127.0.0.1", 9002),
        listens=PLACES,
        served=served,
        reopened=reopened,
    )


def moved(route: Route) -> Mapping[str, Observed]:
    return {
        name: replace(seen, endpoints=tuple(Endpoint(e.host, e.port + 50) for e in seen.endpoints))
        for name, seen in route.observed.items()
    }


class TestMemoryRouter(RouterContract):
    @pytest.fixture
    def world(self) -> RouterWorld:
        return a_world(MemoryRouter())


class TestRouterWhoseEndpointsChangeUnderWay(RouterContract):
    @pytest.fixture
    def world(self) -> RouterWorld:
        return a_world(MemoryRouter(drift=moved))


async def test_a_refusal_keeps_the_route_before_and_says_why() -> None:
    router = MemoryRouter()
    await router.ensure(a_route(1000), FENCE)
    router.refusing["shop"] = "unknown cluster"
    with pytest.raises(RouteRefusedError, match="unknown cluster"):
        await router.ensure(a_route(2000), NEXT)
    found = await router.look("shop")
    assert found is not None
    assert (found.weights_bp, found.acked) == (weights(1000), False)
    assert found.refused == "unknown cluster"


async def test_a_set_that_fails_its_health_check_gets_no_more_weight() -> None:
    router = MemoryRouter()
    await router.ensure(a_route(1000), FENCE)
    router.unwell.add(CANDIDATE)
    await router.ensure(a_route(500), NEXT)
    with pytest.raises(NotReadyError):
        await router.ensure(a_route(2000), Fence(3, 42))


async def test_requests_in_flight_are_those_that_were_declared() -> None:
    router = MemoryRouter(open_requests={CANDIDATE: 3, "desk-r1": 9, "shop-r0": 1})
    await router.ensure(a_route(1000), FENCE)
    assert await router.in_flight("shop") == {STABLE: 0, CANDIDATE: 3, "shop-r0": 1}


@pytest.mark.parametrize("verb", ["claim", "ensure", "look", "ensure_gone", "in_flight"])
async def test_a_verb_that_is_told_to_fail_is_unreachable(verb: str) -> None:
    router = MemoryRouter(failing={verb})
    calls: Mapping[str, Callable[[], Awaitable[object]]] = {
        "claim": lambda: router.claim("shop", 1),
        "ensure": lambda: router.ensure(a_route(1), FENCE),
        "look": lambda: router.look("shop"),
        "ensure_gone": lambda: router.ensure_gone("shop", FENCE),
        "in_flight": lambda: router.in_flight("shop"),
    }
    with pytest.raises(GatewayUnreachableError):
        await calls[verb]()


async def test_a_trap_sees_each_effect_before_and_after() -> None:
    seen: list[str] = []
    router = MemoryRouter(trap=seen.append)
    await router.ensure(a_route(1), FENCE)
    await router.ensure_gone("shop", NEXT)
    assert seen == ["router.ensure", "router.ensured", "router.ensure_gone", "router.gone"]


async def test_the_router_that_is_built_by_name_is_empty() -> None:
    assert await build_router().look("shop") is None
