"""Asks instances directly, never through the gateway, and marks what it asks as a probe."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

from turnout.domain.checks import JobKind
from turnout.domain.version import Endpoint
from turnout.jobs.requests import Ask

PROBE_HEADER: Final = "x-turnout-probe"
_ANSWER_S: Final = 120.0
_CONNECT_S: Final = 5.0
_OK: Final = range(200, 300)
_REFUSED: Final = range(400, 500)
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: a text, or why there is none.

    `is_settled` is False where asking again may help: no connection, 429, a status above 499.
    """

    text: str | None
    is_settled: bool
    why: str = ""
    took_s: float = 0.0


class Asker:
    """Sends requests to the instances of one version in turn."""

    def __init__(self, client: httpx2.AsyncClient, endpoints: Sequence[Endpoint]) -> None:
        self._client = client
        self._origins = [f"http://{_host(each.host)}:{each.port}" for each in endpoints]
        self._turn = 0

    async def ask(self, ask: Ask) -> Reply:
        """Send one request and read its whole answer."""
        url = self._origins[self._turn % len(self._origins)] + ask.path
        self._turn += 1
        method = "GET" if ask.body is None else "POST"
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(_ANSWER_S):
                response = await self._client.request(method, url, content=ask.body)
        except (httpx2.HTTPError, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
            return Reply(text=None, is_settled=False, why=why)
        took_s = time.perf_counter() - began_s
        if response.status_code not in _OK:
            may_help = response.status_code not in _REFUSED or response.status_code == _TOO_MANY
            why = f"HTTP {response.status_code}"
            return Reply(text=None, is_settled=not may_help, why=why, took_s=took_s)
        return Reply(text=answer_in(response.text), is_settled=True, took_s=took_s)

    async def ask_all(
        self, asks: Iterable[tuple[int, Ask]], together: int, take: Callable[[int, Reply], None]
    ) -> None:
        """Send many requests, so many at a time, and hand each reply over with its number."""
        waiting = iter(asks)

        async def work() -> None:
            for number, ask in waiting:
                take(number, await self.ask(ask))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(together):
                tasks.create_task(work())


@asynccontextmanager
async def asking(kind: JobKind, together: int) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client whose requests carry the mark of a probe, which makes them no evidence."""
    headers = {PROBE_HEADER: kind.value, "content-type": "application/json"}
    limits = httpx2.Limits(max_connections=together, max_keepalive_connections=together)
    timeout = httpx2.Timeout(_ANSWER_S, connect=_CONNECT_S)
    # Instances speak plain HTTP; a context without certificates saves loading them.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncClient(
        headers=headers, limits=limits, timeout=timeout, verify=context, trust_env=False
    ) as client:
        yield client


def answer_in(body: str) -> str:
    """Take the model's words out of a whole chat answer; any other answer is taken as it is."""
    try:
        content: object = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return body
    return content if isinstance(content, str) else ""


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
