"""Delta ADS for one Envoy: what it is wanted to hold, and what it acknowledged.

What Envoy holds is learned from Envoy alone: from its acknowledgements and, after a reconnect,
from the versions that it names. So a daemon that adopts an Envoy knows what is in force.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from turnout.errors import RouteRefusedError
from turnout.gateway.messages import (
    KINDS,
    ROUTE,
    AbortsStream,
    Asked,
    Kind,
    Resource,
    answer_of,
    turn_away,
)

Held = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One resource that Envoy did not take, and its own words."""

    kind: Kind
    name: str
    version: str
    text: str


OnRefused = Callable[[Refusal], Awaitable[None]]


@dataclass(slots=True)
class _Sent:
    kind: Kind
    versions: Mapping[str, str]
    removed: tuple[str, ...]


@dataclass(slots=True)
class _Stream:
    """One stream; the newest of the node owns it."""

    queue: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    subscribed: dict[Kind, set[str]] = field(default_factory=dict)
    sent: dict[str, _Sent] = field(default_factory=dict)


class Ads:
    """Serves one node; any other Envoy is turned away.

    Args:
        on_refused: Told of each resource that was not taken, before who pushed it hears of it.
    """

    def __init__(self, on_refused: OnRefused) -> None:
        self.node = ""
        self.seen_node = ""
        self.removes_unknown = True
        self.wanted: dict[Kind, dict[str, Resource]] = {kind: {} for kind in KINDS}
        self._held: dict[Kind, Held] = {kind: {} for kind in KINDS}
        self._refusals: dict[tuple[Kind, str, str], str] = {}
        self._on_refused = on_refused
        self._stream: _Stream | None = None
        self._count = 0
        self._changed = asyncio.Condition()

    @property
    def is_connected(self) -> bool:
        """Tell whether Envoy is on the stream."""
        return self._stream is not None

    def holds(self, kind: Kind, resources: Mapping[str, Resource]) -> bool:
        """Tell whether Envoy acknowledged all of these."""
        held = self._held[kind]
        return all(held.get(name) == made.version for name, made in resources.items())

    def has(self, kind: Kind, names: Iterable[str]) -> bool:
        """Tell whether Envoy holds all of these, in whatever version."""
        return all(name in self._held[kind] for name in names)

    def want(self, kind: Kind, resources: Mapping[str, Resource]) -> None:
        """Want these from now on, and send what Envoy lacks without waiting."""
        self.wanted[kind].update(resources)
        self._offer(kind, self._missing(kind, resources))

    def unwant(self, kind: Kind, names: Iterable[str]) -> None:
        """Want these no longer, and say so without waiting."""
        self._offer(kind, (), [name for name in names if self.wanted[kind].pop(name, None)])

    async def push(
        self, kind: Kind, resources: Mapping[str, Resource], removed: Iterable[str] = ()
    ) -> None:
        """Want these, send what Envoy lacks, and return when it acknowledged all of them.

        While Envoy is away this waits for the next one, so whoever calls sets a limit.

        Raises:
            RouteRefusedError: Envoy's own text.
        """
        gone = [name for name in removed if self.wanted[kind].pop(name, None)]
        self.wanted[kind].update(resources)
        self._offer(kind, self._missing(kind, resources), gone)
        async with self._changed:
            await self._changed.wait_for(lambda: self._is_settled(kind, resources, gone))
        for name, made in resources.items():
            if (text := self._refusals.get((kind, name, made.version))) is not None:
                raise RouteRefusedError(text)

    async def stream(
        self, requests: AsyncIterator[Asked], context: AbortsStream
    ) -> AsyncIterator[bytes]:
        """Serve one stream of Envoy."""
        first = await anext(aiter(requests))
        if first.node_id != self.node:
            await turn_away(context, f"{first.node_id!r} is not this gateway's own Envoy")
        self.seen_node = first.node_id
        mine = await self._take_over()
        reading = asyncio.create_task(self._read(mine, first, requests))
        try:
            while (answer := await mine.queue.get()) is not None:
                yield answer
        finally:
            reading.cancel()
            if self._stream is mine:
                self._stream = None
                self._held = {kind: {} for kind in KINDS}

    def _missing(self, kind: Kind, resources: Mapping[str, Resource]) -> list[str]:
        known = dict(self._held[kind])
        for sent in self._stream.sent.values() if self._stream else ():
            if sent.kind == kind:
                known.update(sent.versions)  # on its way: its answer is awaited
        return [name for name, made in resources.items() if known.get(name) != made.version]

    def _offer(self, kind: Kind, names: Iterable[str], gone: Sequence[str] = ()) -> None:
        if self._stream is None:
            return
        listed = self._deliverable(self._stream, kind, names)
        if kind == ROUTE:
            gone = self._deliverable(self._stream, kind, gone)
        if listed or gone:
            self._send(self._stream, kind, listed, gone)

    async def _take_over(self) -> _Stream:
        if self._stream is not None:
            self._stream.queue.put_nowait(None)
        async with self._changed:
            mine = self._stream = _Stream()
            self._held = {kind: {} for kind in KINDS}
            self._refusals.clear()
            self._changed.notify_all()
        return mine

    def _is_settled(
        self, kind: Kind, resources: Mapping[str, Resource], gone: Sequence[str]
    ) -> bool:
        if any((kind, name, made.version) in self._refusals for name, made in resources.items()):
            return True
        held = self._held[kind]
        return self.holds(kind, resources) and not any(name in held for name in gone)

    @staticmethod
    def _deliverable(stream: _Stream, kind: Kind, names: Iterable[str]) -> list[str]:
        # Envoy ignores a table that it has not subscribed to; it is answered when it asks.
        if kind != ROUTE:
            return list(names)
        subscribed = stream.subscribed.get(kind, set())
        return [name for name in names if name in subscribed]

    def _send(self, stream: _Stream, kind: Kind, names: list[str], gone: Sequence[str]) -> None:
        self._count += 1
        nonce, resources = str(self._count), {name: self.wanted[kind][name] for name in names}
        for name, made in resources.items():
            self._refusals.pop((kind, name, made.version), None)
        versions = {name: made.version for name, made in resources.items()}
        stream.sent[nonce] = _Sent(kind, versions, tuple(gone))
        stream.queue.put_nowait(answer_of(kind, nonce, resources, gone))

    async def _read(self, mine: _Stream, first: Asked, rest: AsyncIterator[Asked]) -> None:
        try:
            await self._hear(mine, first)
            async for asked in rest:
                if self._stream is not mine:
                    return
                await self._hear(mine, asked)
        finally:
            mine.queue.put_nowait(None)

    async def _hear(self, mine: _Stream, asked: Asked) -> None:
        if asked.kind not in self.wanted:
            return
        sent = mine.sent.pop(asked.nonce, None)
        if sent is not None and asked.refusal is not None:
            await self._refused(mine, sent, asked.refusal)
        elif sent is not None:
            await self._acknowledged(sent)
        if asked.holds or asked.unsubscribes:
            await self._learn(asked)
        self._answer(mine, asked)

    async def _acknowledged(self, sent: _Sent) -> None:
        async with self._changed:
            held = self._held[sent.kind]
            held.update(sent.versions)
            for name in sent.removed:
                held.pop(name, None)
            self._changed.notify_all()

    async def _refused(self, mine: _Stream, sent: _Sent, text: str) -> None:
        if len(sent.versions) > 1:
            # One at a time shows who is to blame; the others were taken.
            for name in [n for n in sent.versions if n in self.wanted[sent.kind]]:
                self._send(mine, sent.kind, [name], [])
            return
        for name, version in sent.versions.items():
            await self._on_refused(Refusal(kind=sent.kind, name=name, version=version, text=text))
        async with self._changed:
            for name, version in sent.versions.items():
                self._refusals[sent.kind, name, version] = text
            self._changed.notify_all()

    async def _learn(self, asked: Asked) -> None:
        async with self._changed:
            self._held[asked.kind].update(asked.holds)
            for name in asked.unsubscribes:
                self._held[asked.kind].pop(name, None)
            self._changed.notify_all()

    def _answer(self, mine: _Stream, asked: Asked) -> None:
        stored, is_first = self.wanted[asked.kind], asked.kind not in mine.subscribed
        names = set(asked.subscribes) - {"*"}
        subscribed = mine.subscribed.setdefault(asked.kind, set())
        subscribed |= names
        subscribed -= asked.unsubscribes
        if is_first and asked.kind != ROUTE:  # all but tables are asked for by wildcard
            names = set(stored)
        fresh = [n for n in names if n in stored and asked.holds.get(n) != stored[n].version]
        unknown = (*asked.holds, *names) if self.removes_unknown else names
        gone = [n for n in unknown if n not in stored]
        # The first answer of a kind is owed even when it is empty.
        if is_first or fresh or gone:
            self._send(mine, asked.kind, sorted(fresh), sorted(set(gone)))
