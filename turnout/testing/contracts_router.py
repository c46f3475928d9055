"""What every router has to pass: subclass the suite and give it a world to act in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from turnout.application.ports import CountsInFlight, Router
from turnout.domain.route import WHOLE_BP, Applied, Fence, Observed, Route, RouteSettings, Target
from turnout.domain.version import Endpoint
from turnout.errors import (
    FencedError,
    NotReadyError,
    RouteRefusedError,
    StaleRouteError,
)
from turnout.testing.waiting import eventually

FENCE = Fence(3, 40)
NEXT = Fence(3, 41)
STABLE, CANDIDATE = "shop-r1", "shop-r2"
_USERS = tuple(f"u{number}" for number in range(100))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterWorld:
    """A router without routes, and versions that answer.

    Args:
        router: The part under test.
        stable: Where v1 answers; its health check is `/health`.
        candidate: Where v2 answers; likewise.
        listens: Addresses at which the router may listen, one for each service.
        served: Asks at an address for users, and gives the version that each of them got.
        reopened: Gives the router as a controller finds it after all of it was started anew.
    """

    router: Router
    stable: Endpoint
    candidate: Endpoint
    listens: Sequence[Endpoint]
    served: Callable[[Endpoint, Sequence[str]], Awaitable[Mapping[str, str]]]
    reopened: Callable[[], Awaitable[Router]]

    def route(self, weight_bp: int | None = 1000, service: str = "shop") -> Route:
        """Make a route with a weight of the candidate; None: stable alone."""
        return a_route(
            weight_bp,
            service=service,
            listen=self.listens[0 if service == "shop" else 1],
            places={"r1": self.stable, "r2": self.candidate},
        )

    async def versions(self, users: Sequence[str] = _USERS) -> Mapping[str, str]:
        """Ask `shop` for each user."""
        return await self.served(self.listens[0], users)


def a_route(
    weight_bp: int | None,
    *,
    service: str = "shop",
    listen: Endpoint | None = None,
    places: Mapping[str, Endpoint] | None = None,
    sequence: int = 1,
) -> Route:
    """Make a route of stable `<service>-r1` and, with a weight, candidate `<service>-r2`."""
    found = places or {"r1": Endpoint("127.0.0.1", 9001), "r2": Endpoint("127.0.0.1", 9002)}
    share_bp = weight_bp or 0
    stable = Target(set_name=f"{service}-r1", version="v1", weight_bp=WHOLE_BP - share_bp)
    other = Target(set_name=f"{service}-r2", version="v2", weight_bp=share_bp, candidate=True)
    return Route(
        service=service,
        settings=RouteSettings(listen=listen or Endpoint("127.0.0.1", 8000)),
        targets=(stable,) if weight_bp is None else (other, stable),
        salt="r2",
        observed={
            f"{service}-{name}": Observed(endpoints=(place,), health_path="/health")
            for name, place in found.items()
        },
        sequence=sequence,
    )


def weights(weight_bp: int) -> Mapping[str, int]:
    """Give the weights of `shop` at one of its candidate."""
    return {STABLE: WHOLE_BP - weight_bp, CANDIDATE: weight_bp}


class RouterContract:
    """Give a fixture `world`, a RouterWorld."""

    async def test_a_service_without_a_route_has_none(self, world: RouterWorld) -> None:
        assert await world.router.look("shop") is None

    @pytest.mark.parametrize("weight_bp", [0, 1, 5000, 10_000])
    async def test_a_route_is_in_force_when_ensure_returns(
        self, world: RouterWorld, weight_bp: int
    ) -> None:
        applied = await world.router.ensure(world.route(weight_bp), FENCE)
        assert (applied.fence, applied.weights_bp) == (FENCE, weights(weight_bp))
        assert applied.acked
        assert await world.router.look("shop") == applied

    async def test_ensuring_a_route_twice_is_the_same_as_once(self, world: RouterWorld) -> None:
        first = await world.router.ensure(world.route(), FENCE)
        assert await world.router.ensure(world.route(), FENCE) == first

    @pytest.mark.parametrize(
        ("fence", "weight_bp"),
        [(Fence(3, 39), 9000), (Fence(2, 99), 9000), (FENCE, 1001)],
        ids=["older revision", "older epoch", "same fence, other weight"],
    )
    async def test_a_route_without_authority_changes_nothing(
        self, world: RouterWorld, fence: Fence, weight_bp: int
    ) -> None:
        applied = await world.router.ensure(world.route(), FENCE)
        with pytest.raises(FencedError):
            await world.router.ensure(world.route(weight_bp), fence)
        assert await world.router.look("shop") == applied

    async def test_a_new_reign_shuts_out_the_one_before(self, world: RouterWorld) -> None:
        await world.router.claim("shop", 4)
        with pytest.raises(FencedError):
            await world.router.ensure(world.route(), FENCE)
        with pytest.raises(FencedError):
            await world.router.claim("shop", 3)
        await world.router.claim("shop", 4)
        assert await world.router.look("shop") is None

    async def test_a_younger_reign_may_repeat_an_old_revision(self, world: RouterWorld) -> None:
        await world.router.ensure(world.route(), FENCE)
        applied = await world.router.ensure(world.route(2000), Fence(4, 2))
        assert (applied.fence, applied.weights_bp) == (Fence(4, 2), weights(2000))

    @pytest.mark.parametrize(
        "spoilt",
        [
            {STABLE: 5000, CANDIDATE: 4999},
            {STABLE: 5001, CANDIDATE: 5000},
            {STABLE: 0, CANDIDATE: 0},
        ],
        ids=["too little", "too much", "nothing"],
    )
    async def test_weights_that_do_not_sum_to_the_whole_are_refused(
        self, world: RouterWorld, spoilt: Mapping[str, int]
    ) -> None:
        applied = await world.router.ensure(world.route(), FENCE)
        route = world.route()
        targets = tuple(replace(t, weight_bp=spoilt[t.set_name]) for t in route.targets)
        with pytest.raises(RouteRefusedError):
            await world.router.ensure(replace(route, targets=targets), NEXT)
        assert await world.router.look("shop") == applied

    async def test_a_version_without_an_endpoint_gets_no_weight(self, world: RouterWorld) -> None:
        await world.router.ensure(world.route(None), FENCE)
        route = world.route()
        seen = {STABLE: route.observed[STABLE], CANDIDATE: Observed(endpoints=())}
        with pytest.raises(NotReadyError):
            await world.router.ensure(replace(route, observed=seen), NEXT)
        found = await world.router.look("shop")
        assert found is not None
        assert (found.weights_bp, found.acked) == ({STABLE: WHOLE_BP}, False)

    async def test_endpoints_that_come_later_make_the_same_route_ready(
        self, world: RouterWorld
    ) -> None:
        await world.router.ensure(world.route(None), FENCE)
        route = world.route()
        seen = {STABLE: route.observed[STABLE]}
        with pytest.raises(NotReadyError):
            await world.router.ensure(replace(route, observed=seen), NEXT)
        applied = await world.router.ensure(replace(route, sequence=2), NEXT)
        assert (applied.weights_bp, applied.acked) == (weights(1000), True)

    async def test_endpoints_may_change_under_the_same_fence(self, world: RouterWorld) -> None:
        await world.router.ensure(world.route(), FENCE)
        moved = {**world.route().observed, CANDIDATE: world.route().observed[STABLE]}
        applied = await world.router.ensure(
            replace(world.route(), observed=moved, sequence=2), FENCE
        )
        assert (applied.fence, applied.weights_bp) == (FENCE, weights(1000))

    async def test_older_endpoints_do_not_come_back(self, world: RouterWorld) -> None:
        await world.router.ensure(replace(world.route(WHOLE_BP), sequence=2), FENCE)
        stale = replace(world.route(WHOLE_BP), observed={}, sequence=1)
        applied = await world.router.ensure(stale, FENCE)
        assert applied.acked
        assert set((await world.versions()).values()) == {"v2"}

    async def test_services_do_not_touch_each_other(self, world: RouterWorld) -> None:
        applied = await world.router.ensure(world.route(), FENCE)
        await world.router.ensure(world.route(6000, "desk"), Fence(3, 7))
        assert await world.router.look("shop") == applied
        with pytest.raises(StaleRouteError):
            await world.router.ensure(world.route(1, "desk"), Fence(3, 6))

    async def test_a_route_without_targets_closes_the_service(self, world: RouterWorld) -> None:
        await world.router.ensure(world.route(), FENCE)
        applied = await world.router.ensure(replace(world.route(), targets=()), NEXT)
        assert (applied.weights_bp, applied.acked) == ({}, True)
        assert set((await world.versions(_USERS[:5])).values()) == {""}

    async def test_a_route_that_is_gone_is_gone_for_good(self, world: RouterWorld) -> None:
        await world.router.ensure(world.route(), FENCE)
        await world.router.ensure_gone("shop", NEXT)
        await world.router.ensure_gone("shop", NEXT)
        assert await world.router.look("shop") is None
        with pytest.raises(FencedError):
            await world.router.ensure(world.route(), FENCE)

    async def test_who_has_no_authority_takes_no_route_away(self, world: RouterWorld) -> None:
        applied = await world.router.ensure(world.route(), FENCE)
        with pytest.raises(FencedError):
            await world.router.ensure_gone("shop", Fence(3, 39))
        assert await world.router.look("shop") == applied

    async def test_a_service_may_come_back_under_a_newer_fence(self, world: RouterWorld) -> None:
        await world.router.ensure(world.route(), FENCE)
        await world.router.ensure_gone("shop", NEXT)
        applied = await world.router.ensure(world.route(), Fence(3, 42))
        assert applied.acked
        assert set(await world.versions()) == set(_USERS)

    @pytest.mark.parametrize(
        ("weight_bp", "version"), [(0, "v1"), (WHOLE_BP, "v2")], ids=["none", "all"]
    )
    async def test_a_version_with_all_weight_serves_everybody(
        self, world: RouterWorld, weight_bp: int, version: str
    ) -> None:
        await world.router.ensure(world.route(weight_bp), FENCE)
        assert set((await world.versions()).values()) == {version}

    async def test_a_user_who_got_the_candidate_keeps_it_as_it_grows(
        self, world: RouterWorld
    ) -> None:
        met: set[str] = set()
        for revision, weight_bp in enumerate([1000, 3000, 6000, 9900], start=40):
            await world.router.ensure(world.route(weight_bp), Fence(3, revision))
            now = {user for user, got in (await world.versions()).items() if got == "v2"}
            assert met <= now
            met = now
        assert len(met) > len(_USERS) // 2

    async def test_what_was_in_force_is_so_after_a_restart(self, world: RouterWorld) -> None:
        before = await world.router.ensure(world.route(), FENCE)
        again = await world.reopened()

        async def is_back() -> bool:
            return _decided(await again.look("shop")) == _decided(before)

        await eventually(is_back)
        with pytest.raises(FencedError):
            await again.ensure(world.route(9000), Fence(3, 39))

    async def test_every_set_of_a_route_is_counted_in_flight(self, world: RouterWorld) -> None:
        if not isinstance(world.router, CountsInFlight):
            assert not world.router.abilities.in_flight
            return
        await world.router.ensure(world.route(), FENCE)
        assert await world.router.in_flight("shop") == {STABLE: 0, CANDIDATE: 0}


def _decided(applied: Applied | None) -> tuple[Fence, Mapping[str, int], bool] | None:
    # When it was acknowledged is told anew by whoever was started anew.
    return (applied.fence, applied.weights_bp, applied.acked) if applied else None
