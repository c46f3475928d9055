"""Which ports of this host are free."""

import random
import socket
from collections.abc import Collection

HOST = "127.0.0.1"
# Below the ports that the system gives to outgoing connections: a gateway's many connections to
# its instances would else take an instance's port while it restarts.
_FIRST, _LAST = 20_000, 32_767
_TRIES = 64
_draw = random.SystemRandom()


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of an earlier listener that only wait to be forgotten take nothing.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_port(taken: Collection[int]) -> int:
    """Choose a free port that is not among those promised to others."""
    for _ in range(_TRIES):
        port = _draw.randint(_FIRST, _LAST)
        if port not in taken and is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        return int(port)
