"""The controller's side with several gateways, each played by a server that answers as told."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from turnout.adapters.envoy import EnvoySettings, build_observer, build_router
from turnout.application.ports import Batch, CountsInFlight, Router, Watched
from turnout.domain.route import Fence
from turnout.errors import (
    BadInputError,
    FencedError,
    GatewayUnreachableError,
    NotReadyError,
    RouteRefusedError,
    StaleRouteError,
    TurnoutError,
)
from turnout.gateway.server import Reply, Request, Server
from turnout.testing.contracts_router import a_route, weights
from turnout.wire.calls import InFlight, InForce, Problem, PutService, PutWatched, Services
from turnout.wire.evidence import evidence_line


class PlayedGateway:
    """Keeps what it was told; `problem` is its answer to every PUT."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: Problem | None = None
        self.late = False
        self.routes: dict[str, InForce] = {}
        self.watched: PutWatched | None = None
        self.in_flight: dict[str, int] = {}
        self.lines: list[bytes] = []
        self.server = Server(self.reply)

    async def reply(self, request: Request) -> Reply:
        if request.method == "GET":
            return self.look(request)
        if self.problem:
            return told(self.problem, 409)
        if request.path == "/v1/watched":
            self.watched = PutWatched.model_validate_json(request.body)
        elif request.method == "PUT":
            return told(self.keep(PutService.model_validate_json(request.body)))
        else:
            self.routes.clear()
        return Reply(200, b"{}")

    def look(self, request: Request) -> Reply:
        match request.path:
            case "/v1/in-flight":
                return told(InFlight(at_s=1.0, sets=self.in_flight))
            case "/v1/evidence":
                return Reply(410) if request.query.get("after") == "1.1" else self.evidence()
            case _:
                return told(Services(services=self.routes))

    def keep(self, body: PutService) -> InForce:
        service = body.route.service
        self.routes[service] = InForce(
            fence=body.fence,
            digest=body.route.digest(),
            weights_bp={target.set_name: target.weight_bp for target in body.route.targets},
            acked=not self.late,
            acked_at_s=None if self.late else 17.0,
        )
        return self.routes[service]

    def evidence(self) -> Reply:
        async def lines() -> AsyncGenerator[bytes, None]:
            for line in self.lines:
                yield line

        return Reply(200, lines=lines())


def told(model: BaseModel, status: int = 200) -> Reply:
    return Reply(status, model.model_dump_json().encode())


@pytest.fixture
async def gateways(tmp_path: Path) -> AsyncIterator[list[PlayedGateway]]:
    async with contextlib.AsyncExitStack() as stack:
        played = [PlayedGateway(tmp_path / f"{number}.sock") for number in (1, 2)]
        for gateway in played:
            await gateway.server.start(gateway.path)
            stack.push_async_callback(gateway.server.close)
        yield played


def router_of(gateways: list[PlayedGateway]) -> Router:
    return build_router(EnvoySettings(tuple(gateway.path for gateway in gateways)))


async def test_every_gateway_is_told_the_whole_route(gateways: list[PlayedGateway]) -> None:
    applied = await router_of(gateways).ensure(a_route(1000), Fence(3, 40))
    assert (applied.acked, applied.acked_at_s, applied.weights_bp) == (True, 17.0, weights(1000))
    assert [gateway.routes["shop"].fence for gateway in gateways] == ["3.40", "3.40"]


async def test_a_route_counts_as_acknowledged_when_all_say_so(
    gateways: list[PlayedGateway],
) -> None:
    router = router_of(gateways)
    await router.ensure(a_route(1000), Fence(3, 40))
    del gateways[1].routes["shop"]
    found = await router.look("shop")
    assert found is not None
    assert not found.acked


async def test_a_gateway_at_an_older_revision_is_not_in_force(
    gateways: list[PlayedGateway],
) -> None:
    await router_of(gateways).ensure(a_route(1000), Fence(3, 40))
    await router_of(gateways[:1]).ensure(a_route(2000), Fence(3, 41))
    found = await router_of(gateways).look("shop")
    assert found is not None
    assert (found.fence, found.acked) == (Fence(3, 41), False)


async def test_a_silent_gateway_blocks_what_raises_the_candidate(
    gateways: list[PlayedGateway],
) -> None:
    router = router_of(gateways)
    await router.ensure(a_route(1000), Fence(3, 40))
    await gateways[1].server.close()
    with pytest.raises(GatewayUnreachableError):
        await router.ensure(a_route(1001), Fence(3, 41))
    assert gateways[0].routes["shop"].weights_bp == weights(1000)


async def test_a_silent_gateway_does_not_block_what_lowers_the_candidate(
    gateways: list[PlayedGateway],
) -> None:
    router = router_of(gateways)
    await router.ensure(a_route(1000), Fence(3, 40))
    await gateways[1].server.close()
    with pytest.raises(GatewayUnreachableError):
        await router.ensure(a_route(999), Fence(3, 41))
    assert gateways[0].routes["shop"].weights_bp == weights(999)


async def test_an_acknowledgement_that_is_late_is_unreachable(
    gateways: list[PlayedGateway],
) -> None:
    gateways[0].late = True
    with pytest.raises(GatewayUnreachableError, match="kept and applied"):
        await router_of(gateways[:1]).ensure(a_route(1000), Fence(3, 40))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("fenced", FencedError),
        ("router.stale", StaleRouteError),
        ("router.refused", RouteRefusedError),
        ("router.not_ready", NotReadyError),
        ("router.unreachable", GatewayUnreachableError),
        ("something else", GatewayUnreachableError),
    ],
)
async def test_a_problem_becomes_the_error_of_its_code(
    gateways: list[PlayedGateway], code: str, error: type[TurnoutError]
) -> None:
    gateways[0].problem = Problem(code=code, message="because")
    with pytest.raises(error, match="because"):
        await router_of(gateways[:1]).ensure(a_route(1000), Fence(3, 40))


async def test_a_fence_in_the_way_is_told_before_other_errors(
    gateways: list[PlayedGateway],
) -> None:
    gateways[0].problem = Problem(code="router.not_ready", message="not yet")
    gateways[1].problem = Problem(code="fenced", message="another reigns", present="9.1")
    with pytest.raises(FencedError):
        await router_of(gateways).claim("shop", 3)


async def test_requests_in_flight_are_summed_over_the_gateways(
    gateways: list[PlayedGateway],
) -> None:
    gateways[0].in_flight, gateways[1].in_flight = {"shop-r1": 2}, {"shop-r1": 3, "shop-r2": 0}
    router = router_of(gateways)
    assert isinstance(router, CountsInFlight)
    assert await router.in_flight("shop") == {"shop-r1": 5, "shop-r2": 0}


async def test_a_route_is_taken_away_everywhere(gateways: list[PlayedGateway]) -> None:
    router = router_of(gateways)
    await router.ensure(a_route(1000), Fence(3, 40))
    await router.ensure_gone("shop", Fence(3, 41))
    assert await router.look("shop") is None


def test_without_a_gateway_there_is_no_router() -> None:
    with pytest.raises(BadInputError, match="at least one gateway"):
        EnvoySettings(())


async def watched(gateways: list[PlayedGateway], after: str | None = None) -> list[Batch]:
    observer = build_observer(EnvoySettings(tuple(gateway.path for gateway in gateways)))
    return [batch async for batch in observer.watch(after)]


async def test_all_gateways_hear_what_is_watched(gateways: list[PlayedGateway]) -> None:
    observer = build_observer(EnvoySettings(tuple(gateway.path for gateway in gateways)))
    await observer.ensure({"shop": Watched(floor_ms=2.0, deadline_s=30.0)})
    for gateway in gateways:
        assert gateway.watched is not None
        assert gateway.watched.services["shop"].deadline_s == 30.0


async def test_a_stream_of_one_gateway_is_told_as_it_comes(gateways: list[PlayedGateway]) -> None:
    gateways[0].lines = [evidence_line("7.1", []), evidence_line("7.2", [], 99)]
    assert await watched(gateways[:1], "7.0") == [
        Batch(cursor="7.1"),
        Batch(cursor="7.2", complete_to=99),
    ]


async def test_a_second_is_complete_when_it_is_so_at_all_gateways(
    gateways: list[PlayedGateway],
) -> None:
    gateways[0].lines = [evidence_line("7.1", [], 99), evidence_line("7.2", [], 100)]
    gateways[1].lines = [evidence_line("8.1", [], 98)]
    batches = await watched(gateways, "7.0,8.0")
    told_to = [batch.complete_to for batch in batches if batch.complete_to is not None]
    assert all(second <= 98 for second in told_to)
    assert batches[-1].cursor.count(",") == 1


@pytest.mark.parametrize("after", ["1.1", "7.1,8.1"], ids=["too old", "of other gateways"])
async def test_a_cursor_that_does_not_fit_is_a_lookup_error(
    gateways: list[PlayedGateway], after: str
) -> None:
    with pytest.raises(LookupError):
        await watched(gateways[:1], after)


async def test_a_stream_ends_when_its_gateway_is_away(gateways: list[PlayedGateway]) -> None:
    await gateways[0].server.close()
    assert await watched(gateways[:1]) == []


async def test_the_past_ends_with_the_cursor_to_go_on_from(gateways: list[PlayedGateway]) -> None:
    gateways[0].lines = [evidence_line("7.1", []), evidence_line("7.2", [])]
    gateways[1].lines = [evidence_line("8.4", [])]
    observer = build_observer(EnvoySettings(tuple(gateway.path for gateway in gateways)))
    assert (await observer.past("shop", 600))[-1].cursor == "7.2,8.4"


async def test_a_past_that_cannot_be_had_is_unreachable(gateways: list[PlayedGateway]) -> None:
    await gateways[0].server.close()
    observer = build_observer(EnvoySettings((gateways[0].path,)))
    with pytest.raises(GatewayUnreachableError):
        await observer.past("shop", 600)
