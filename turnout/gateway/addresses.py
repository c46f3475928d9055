"""Whether an address is free: Envoy itself would share a port with another Envoy in silence."""

import asyncio
import socket
from collections.abc import Sequence

from turnout.children import listener_of
from turnout.domain.version import Endpoint
from turnout.errors import RouteRefusedError

_ACCEPT_PAUSE_S = 0.005


def refuse_taken(address: Endpoint, own_pid: int | None) -> None:
    """Refuse an address on which another process than `own_pid` listens."""
    reason = _why_not_bound(address)
    if not reason:
        return
    holders = listener_of(address.port)
    if own_pid is not None and own_pid in holders:
        return
    place = f"{address.host}:{address.port}"
    raise RouteRefusedError(f"{place} cannot be had: {reason}{_named(holders)}")


async def accepted(address: Endpoint) -> None:
    """Wait until somebody listens; whoever calls sets the limit."""
    host = "127.0.0.1" if address.host == "0.0.0.0" else address.host  # noqa: S104 - compared only
    while True:
        try:
            _, writer = await asyncio.open_connection(host, address.port)
        except ConnectionRefusedError:
            await asyncio.sleep(_ACCEPT_PAUSE_S)
        else:
            writer.close()
            return


def _why_not_bound(address: Endpoint) -> str:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as probe:
            # Connections that linger from a former listener are no hindrance, a listener is.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as e:
        return e.strerror or str(e)
    return ""


def _named(holders: Sequence[int]) -> str:
    if not holders:
        return ""
    return f"; process {', '.join(map(str, holders))} listens there, end it or take another port"
