"""Envoy behind the gateway daemon keeps what a router promises."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from turnout.adapters.envoy import EnvoySettings, build_router
from turnout.application.ports import Router
from turnout.domain.version import Endpoint
from turnout.testing.contracts_router import RouterContract, RouterWorld
from turnout.testing.gateway_stage import GatewayStage, free_port, gateway
from turnout.testing.model_server import Behaviour, ModelServer

pytestmark = pytest.mark.system


async def served(listen: Endpoint, users: Sequence[str]) -> Mapping[str, str]:
    got = {}
    for user in users:
        reader, writer = await asyncio.open_connection(listen.host, listen.port)
        writer.write(f"GET / HTTP/1.1\r\nhost: a\r\nx-user: {user}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n") if ": " in line)
        got[user] = fields.get("x-turnout-version", "")
        writer.close()
    return got


class TestEnvoyRouter(RouterContract):
    @pytest.fixture
    async def stage(self, tmp_path: Path) -> AsyncIterator[GatewayStage]:
        async with gateway(tmp_path / "gateway") as stage:
            yield stage

    @pytest.fixture
    async def world(self, stage: GatewayStage) -> AsyncIterator[RouterWorld]:
        settings = EnvoySettings((stage.socket,))

        async def reopened() -> Router:
            stage.kill()
            stage.kill_envoy()
            await stage.start()
            return build_router(settings)

        async with (
            ModelServer(Behaviour(version="v1")) as stable,
            ModelServer(Behaviour(version="v2")) as candidate,
        ):
            yield RouterWorld(
                router=build_router(settings),
                stable=Endpoint("127.0.0.1", stable.port),
                candidate=Endpoint("127.0.0.1", candidate.port),
                listens=[Endpoint("127.0.0.1", free_port()) for _ in range(2)],
                served=served,
                reopened=reopened,
            )
