"""The observer of services behind Envoy: increments of all gateways, in one stream."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from turnout.adapters.envoy.calls import problem, told, unreachable
from turnout.adapters.envoy.settings import EnvoySettings
from turnout.application.ports import Batch, Observer, Watched
from turnout.errors import GatewayUnreachableError
from turnout.wire.calls import PutWatched, WatchedModel
from turnout.wire.evidence import increments_of, read_line
from turnout.wire.unix_http import Answer, Call, open_lines

_IDLE_S = 5.0
_OK = 200
_GONE = 410
_BETWEEN = ","


def build_observer(settings: EnvoySettings) -> Observer:
    """Build the observer."""
    return EnvoyObserver(settings)


class EnvoyObserver:
    """Reads the evidence of every gateway; a cursor holds one place for each of them.

    A second is complete when it is complete at all gateways; when one falls silent the stream
    ends, since its share of the requests would be missing.
    """

    def __init__(self, settings: EnvoySettings) -> None:
        self._sockets = settings.sockets

    async def ensure(self, watched: Mapping[str, Watched]) -> None:
        """Say which services are told in detail."""
        body = PutWatched(
            services={
                name: WatchedModel(floor_ms=one.floor_ms, deadline_s=one.deadline_s)
                for name, one in watched.items()
            }
        )
        await asyncio.gather(*(told(s, "PUT", "/v1/watched", body) for s in self._sockets))

    async def watch(self, after: str | None) -> AsyncIterator[Batch]:
        """Yield news after a cursor until a gateway is away; LookupError: the cursor is too old."""
        cursors = after.split(_BETWEEN) if after else [""] * len(self._sockets)
        if len(cursors) != len(self._sockets):
            raise LookupError(f"the cursor {after!r} is of other gateways; begin anew")
        complete_to: list[int | None] = [None] * len(cursors)
        async for at, batch in _merged(self._sockets, cursors):
            cursors[at] = batch.cursor
            complete_to[at] = batch.complete_to or complete_to[at]
            known = [second for second in complete_to if second is not None]
            is_beat = batch.complete_to is not None and len(known) == len(complete_to)
            if all(cursors):
                yield Batch(
                    cursor=_BETWEEN.join(cursors),
                    increments=batch.increments,
                    complete_to=min(known) if is_beat else None,
                )

    async def past(self, service: str, last_s: float) -> Sequence[Batch]:
        """Give what the gateways keep of one service."""
        target = f"/v1/evidence?service={quote(service)}&last={last_s:g}"
        parts = await asyncio.gather(*(_whole(socket, target) for socket in self._sockets))
        batches = [batch for part in parts for batch in part[:-1]]
        last = _BETWEEN.join(part[-1].cursor for part in parts)
        return [
            *(Batch(cursor=last, increments=batch.increments) for batch in batches),
            Batch(cursor=last),
        ]


async def _merged(
    sockets: Sequence[Path], cursors: Sequence[str]
) -> AsyncIterator[tuple[int, Batch]]:
    queue: asyncio.Queue[tuple[int, Batch] | LookupError | None] = asyncio.Queue(maxsize=64)
    places = enumerate(zip(sockets, cursors, strict=True))
    tasks = [asyncio.create_task(_feed(queue, at, *place)) for at, place in places]
    try:
        while isinstance(item := await queue.get(), tuple):
            yield item
        if isinstance(item, LookupError):
            raise item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _feed(
    queue: "asyncio.Queue[tuple[int, Batch] | LookupError | None]",
    at: int,
    socket: Path,
    cursor: str,
) -> None:
    target = f"/v1/evidence?after={cursor}" if cursor else "/v1/evidence"
    try:
        async for batch in _lines(socket, target):
            await queue.put((at, batch))
    except LookupError as e:
        await queue.put(e)
    except GatewayUnreachableError:
        pass
    await queue.put(None)


async def _whole(socket: Path, target: str) -> list[Batch]:
    try:
        return [batch async for batch in _lines(socket, target)]
    except LookupError as e:
        raise GatewayUnreachableError(f"the gateway at {socket} keeps no evidence") from e


async def _lines(socket: Path, target: str) -> AsyncIterator[Batch]:
    call = Call(socket=socket, method="GET", target=target)
    try:
        async with open_lines(call, idle_s=_IDLE_S) as (status, lines):
            _refuse(socket, target, status)
            async for line in lines:
                yield _batch(line)
    except OSError as e:
        raise unreachable(socket, e) from e
    except ValidationError as e:
        raise GatewayUnreachableError(f"the gateway at {socket} speaks otherwise: {e}") from e


def _refuse(socket: Path, target: str, status: int) -> None:
    if status == _GONE:
        raise LookupError(f"the evidence asked for is kept no longer: {target}")
    if status != _OK:
        raise problem(socket, Answer(status, b"{}"))


def _batch(line: bytes) -> Batch:
    found = read_line(line)
    return Batch(
        cursor=found.cursor, increments=increments_of(found), complete_to=found.complete_to
    )
