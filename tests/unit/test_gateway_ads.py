"""Delta ADS against an Envoy that is played by the test."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from envoy.service.discovery.v3 import (  # type: ignore[import-untyped]  # ships no types
    discovery_pb2,
)

from turnout.errors import RouteRefusedError
from turnout.gateway.ads import Ads, Refusal
from turnout.gateway.messages import CLUSTER, ROUTE, Asked, Kind, Resource

ONE, OTHER = Resource("v1", b"one"), Resource("v2", b"other")
NODE = "gateway-1-ab"


@dataclass
class Context:
    """Notes that the stream was ended."""

    aborted: str = ""

    async def abort(self, code: object, details: str) -> None:
        del code
        self.aborted = details
        raise ConnectionAbortedError(details)


@dataclass
class Envoy:
    """Asks and answers as it is told."""

    ads: Ads
    node: str = NODE
    context: Context = field(default_factory=Context)
    _said: "asyncio.Queue[Asked | None]" = field(default_factory=asyncio.Queue)
    _answers: AsyncIterator[bytes] | None = None

    async def said(self) -> AsyncIterator[Asked]:
        while (asked := await self._said.get()) is not None:
            yield asked

    def ask(self, kind: Kind, *names: str, nonce: str = "", **more: object) -> None:
        fields: dict[str, object] = {
            "node_id": self.node,
            "kind": kind,
            "nonce": nonce,
            "refusal": None,
            "subscribes": frozenset(names),
            "unsubscribes": frozenset(),
            "holds": {},
        }
        self._said.put_nowait(Asked(**(fields | more)))  # type: ignore[arg-type]  # by name

    def leave(self) -> None:
        self._said.put_nowait(None)

    async def heard(self) -> tuple[dict[str, str], list[str], str]:
        if self._answers is None:
            self._answers = self.ads.stream(self.said(), self.context)
        async with asyncio.timeout(2):
            raw = await anext(self._answers)
        answer = discovery_pb2.DeltaDiscoveryResponse.FromString(raw)
        versions = {one.name: one.version for one in answer.resources}
        return versions, list(answer.removed_resources), answer.nonce

    async def takes(self, kind: Kind) -> tuple[dict[str, str], list[str]]:
        versions, removed, nonce = await self.heard()
        self.ask(kind, nonce=nonce)
        return versions, removed


@pytest.fixture
def refusals() -> list[Refusal]:
    return []


@pytest.fixture
def ads(refusals: list[Refusal]) -> Ads:
    async def refused(refusal: Refusal) -> None:
        refusals.append(refusal)

    ads = Ads(refused)
    ads.node = NODE
    return ads


async def greeted(ads: Ads) -> Envoy:
    envoy = Envoy(ads)
    envoy.ask(CLUSTER)
    await envoy.takes(CLUSTER)
    return envoy


async def test_an_envoy_of_another_folder_is_turned_away(ads: Ads) -> None:
    envoy = Envoy(ads, node="gateway-9-zz")
    envoy.ask(CLUSTER)
    with pytest.raises(ConnectionAbortedError):
        await envoy.heard()
    assert "gateway-9-zz" in envoy.context.aborted
    assert not ads.is_connected


async def test_the_first_answer_is_owed_even_when_it_is_empty(ads: Ads) -> None:
    envoy = Envoy(ads)
    envoy.ask(CLUSTER)
    assert (await envoy.heard())[:2] == ({}, [])


async def test_what_is_wanted_is_sent_at_the_first_question(ads: Ads) -> None:
    ads.want(CLUSTER, {"a": ONE, "b": OTHER})
    envoy = Envoy(ads)
    envoy.ask(CLUSTER)
    assert (await envoy.takes(CLUSTER)) == ({"a": "v1", "b": "v2"}, [])


async def test_an_adopted_envoy_is_sent_only_what_differs(ads: Ads) -> None:
    ads.want(CLUSTER, {"a": ONE, "b": OTHER})
    envoy = Envoy(ads)
    envoy.ask(CLUSTER, holds={"a": "v1", "b": "v0", "gone": "v1"})
    assert (await envoy.takes(CLUSTER)) == ({"b": "v2"}, ["gone"])
    assert ads.holds(CLUSTER, {"a": ONE})


async def test_what_is_unknown_stays_while_a_state_file_cannot_be_read(ads: Ads) -> None:
    ads.removes_unknown = False
    envoy = Envoy(ads)
    envoy.ask(CLUSTER, holds={"perhaps": "v1"})
    assert (await envoy.heard())[:2] == ({}, [])


async def test_a_push_returns_when_it_is_acknowledged(ads: Ads) -> None:
    envoy = await greeted(ads)
    push = asyncio.create_task(ads.push(CLUSTER, {"a": ONE}))
    versions, _, nonce = await envoy.heard()
    assert versions == {"a": "v1"}
    assert not push.done()
    envoy.ask(CLUSTER, nonce=nonce)
    await asyncio.wait_for(push, 2)
    assert ads.holds(CLUSTER, {"a": ONE})
    assert ads.has(CLUSTER, ["a"])


async def test_what_is_held_is_not_sent_again(ads: Ads) -> None:
    envoy = await greeted(ads)
    push = asyncio.create_task(ads.push(CLUSTER, {"a": ONE}))
    await envoy.takes(CLUSTER)
    await push
    await asyncio.wait_for(ads.push(CLUSTER, {"a": ONE}), 2)


async def test_a_removal_returns_when_it_is_acknowledged(ads: Ads) -> None:
    ads.want(CLUSTER, {"a": ONE})
    envoy = await greeted(ads)
    push = asyncio.create_task(ads.push(CLUSTER, {}, ["a", "never there"]))
    assert await envoy.takes(CLUSTER) == ({}, ["a"])
    await asyncio.wait_for(push, 2)
    assert not ads.has(CLUSTER, ["a"])


async def test_a_refusal_raises_with_envoys_words(ads: Ads, refusals: list[Refusal]) -> None:
    envoy = await greeted(ads)
    push = asyncio.create_task(ads.push(CLUSTER, {"a": ONE}))
    _, _, nonce = await envoy.heard()
    envoy.ask(CLUSTER, nonce=nonce, refusal="malformed address")
    with pytest.raises(RouteRefusedError, match="malformed address"):
        await asyncio.wait_for(push, 2)
    assert [(r.name, r.version, r.text) for r in refusals] == [("a", "v1", "malformed address")]


async def test_of_several_only_the_guilty_one_is_blamed(ads: Ads, refusals: list[Refusal]) -> None:
    envoy = await greeted(ads)
    push = asyncio.create_task(ads.push(CLUSTER, {"a": ONE, "b": OTHER}))
    _, _, nonce = await envoy.heard()
    envoy.ask(CLUSTER, nonce=nonce, refusal="one of them")
    for _ in range(2):
        versions, _, nonce = await envoy.heard()
        envoy.ask(CLUSTER, nonce=nonce, refusal="this one" if "b" in versions else None)
    with pytest.raises(RouteRefusedError, match="this one"):
        await asyncio.wait_for(push, 2)
    assert [refusal.name for refusal in refusals] == ["b"]
    assert ads.holds(CLUSTER, {"a": ONE})


async def test_a_table_is_sent_only_to_who_asked_for_it(ads: Ads) -> None:
    envoy = await greeted(ads)
    push = asyncio.create_task(ads.push(ROUTE, {"shop": ONE}))
    await asyncio.sleep(0)
    envoy.ask(ROUTE, "shop")
    assert await envoy.takes(ROUTE) == ({"shop": "v1"}, [])
    await asyncio.wait_for(push, 2)


async def test_a_table_that_is_not_there_is_answered_as_gone(ads: Ads) -> None:
    envoy = await greeted(ads)
    envoy.ask(ROUTE, "never")
    assert (await envoy.heard())[:2] == ({}, ["never"])


async def test_a_table_without_a_reader_is_held_no_longer(ads: Ads) -> None:
    ads.want(ROUTE, {"shop": ONE})
    envoy = await greeted(ads)
    envoy.ask(ROUTE, "shop")
    await envoy.takes(ROUTE)
    envoy.ask(ROUTE, unsubscribes=frozenset({"shop"}))
    envoy.ask(ROUTE, "other")
    await envoy.heard()
    assert not ads.has(ROUTE, ["shop"])


async def test_an_envoy_that_left_holds_nothing(ads: Ads) -> None:
    ads.want(CLUSTER, {"a": ONE})
    envoy = await greeted(ads)
    envoy.ask(CLUSTER)
    envoy.leave()
    with pytest.raises(StopAsyncIteration):
        await envoy.heard()
    assert not ads.is_connected
    assert not ads.has(CLUSTER, ["a"])


async def test_the_newest_stream_owns_the_node(ads: Ads) -> None:
    first = await greeted(ads)
    second = await greeted(ads)
    with pytest.raises(StopAsyncIteration):
        await first.heard()
    push = asyncio.create_task(ads.push(CLUSTER, {"a": ONE}))
    assert await second.takes(CLUSTER) == ({"a": "v1"}, [])
    await asyncio.wait_for(push, 2)


async def test_a_push_survives_an_envoy_that_is_started_again(ads: Ads) -> None:
    first = await greeted(ads)
    push = asyncio.create_task(ads.push(CLUSTER, {"a": ONE}))
    await first.heard()
    second = Envoy(ads)
    second.ask(CLUSTER)
    assert await second.takes(CLUSTER) == ({"a": "v1"}, [])
    await asyncio.wait_for(push, 2)


async def test_what_is_unwanted_goes_without_waiting(ads: Ads) -> None:
    ads.want(CLUSTER, {"a": ONE})
    envoy = await greeted(ads)
    ads.unwant(CLUSTER, ["a", "never there"])
    assert await envoy.takes(CLUSTER) == ({}, ["a"])
