"""Connections of the load: one request at a time on each, kept for the next one, never retried."""

import asyncio
import select
from collections.abc import Callable
from dataclasses import dataclass, field

from turnout.testing.load import Load
from turnout.testing.load_reply import MalformedReplyError, Reply, why_stream_is_short
from turnout.testing.load_tally import UNKNOWN_VERSION, Ended, Kind, Outcome

_OK = 200


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request on its way; times of the loop are in seconds."""

    payload: bytes
    kind: Kind
    user: int
    began_at_s: float
    began_s: float
    first_body_s: float = 0.0
    reply: Reply = field(default_factory=Reply)
    connection: "Connection | None" = None
    done: bool = False


class Wire:
    """Send each request on an idle connection or a new one; tell once how it ended.

    Args:
        load: Where to, and what counts as an answer.
        ended: Called once for each request.
    """

    def __init__(self, load: Load, ended: Callable[[Ended], None]) -> None:
        self._load, self._ended = load, ended
        self._version_header = load.version_header.encode()
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, exchange: Exchange) -> None:
        """Send a request now, on a connection that is not known to be closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet():
                connection.ask(exchange)
                return
            connection.abort()
        task = asyncio.create_task(self._open(exchange))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def fail(self, exchange: Exchange, reason: str) -> None:
        """End a request that has no whole answer; nothing happens when it has ended."""
        if exchange.done:
            return
        exchange.done = True
        if exchange.connection:
            exchange.connection.abort()
        answered = exchange.reply.status == _OK
        cut = answered and exchange.kind is Kind.STREAM
        self._tell(exchange, Outcome.CUT if cut else Outcome.LOST, reason)

    def complete(self, exchange: Exchange) -> None:
        """End a request whose answer has come to its end."""
        connection, reply = exchange.connection, exchange.reply
        if connection and self._load.keep_alive and reply.keeps_connection:
            self._idle.append(connection)
        elif connection:
            connection.abort()
        exchange.done = True
        if reply.status != _OK:
            self._tell(exchange, Outcome.LOST, f"status {reply.status}")
            return
        short = ""
        if exchange.kind is Kind.STREAM:
            short = why_stream_is_short(bytes(reply.body), least_events=self._load.least_events)
        self._tell(exchange, Outcome.CUT if short else Outcome.WHOLE, short)

    def gone(self, connection: "Connection") -> None:
        """Forget a connection that was lost."""
        self._all.discard(connection)

    async def close(self) -> None:
        """Close every connection, also those being opened."""
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in tuple(self._all):
            connection.abort()

    async def _open(self, exchange: Exchange) -> None:
        loop, load = asyncio.get_running_loop(), self._load
        try:
            async with asyncio.timeout(load.within_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self), load.address, load.port
                )
        except OSError as error:
            self.fail(exchange, f"no connection: {type(error).__name__}")
            return
        self._all.add(connection)
        if exchange.done:
            connection.abort()
        else:
            connection.ask(exchange)

    def _tell(self, exchange: Exchange, outcome: Outcome, reason: str) -> None:
        now_s = asyncio.get_running_loop().time()
        first_s = exchange.first_body_s or now_s
        version = exchange.reply.headers.get(self._version_header, b"").decode("latin-1")
        self._ended(
            Ended(
                kind=exchange.kind,
                outcome=outcome,
                began_at_s=exchange.began_at_s,
                duration_ms=round((now_s - exchange.began_s) * 1e3, 3),
                ttft_ms=round((first_s - exchange.began_s) * 1e3, 3),
                version=version or UNKNOWN_VERSION,
                user=exchange.user,
                reason=reason,
            )
        )


class Connection(asyncio.Protocol):
    """One connection; carries at most one request at a time."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._exchange: Exchange | None = None
        self._transport: asyncio.Transport | None = None
        self._readable = select.poll()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def is_quiet(self) -> bool:
        """Tell whether an idle connection is open; one with something to read is ending."""
        closing = self._transport is None or self._transport.is_closing()
        # The peer's end may lie in the kernel, not yet seen by the loop.
        return not closing and not self._readable.poll(0)

    def ask(self, exchange: Exchange) -> None:
        """Write a request."""
        exchange.connection, self._exchange = self, exchange
        if self._transport:
            self._transport.write(exchange.payload)

    def abort(self) -> None:
        """Close at once."""
        self._exchange = None
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        try:
            exchange.reply.feed(data)
        except MalformedReplyError as error:
            self._wire.fail(exchange, str(error))
            return
        if exchange.reply.body_began and not exchange.first_body_s:
            exchange.first_body_s = asyncio.get_running_loop().time()
        self._end_if_complete(exchange)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was under way."""
        self._wire.gone(self)
        if exchange := self._exchange:
            exchange.reply.end()
            self._end_if_complete(exchange)
            self._wire.fail(exchange, f"connection ended: {type(exc).__name__ if exc else 'EOF'}")

    def _end_if_complete(self, exchange: Exchange) -> None:
        if exchange.reply.complete and not exchange.done:
            self._exchange = None
            self._wire.complete(exchange)
