"""What a demonstration needs before it begins: numpy, and a port for its users."""

import errno
import socket
from importlib.util import find_spec

from turnout.children import listener_of
from turnout.errors import BadInputError

_HOST = "127.0.0.1"


def need_numpy() -> None:
    """Refuse to begin without what the model is trained with.

    Raises:
        BadInputError: it is not installed.
    """
    if find_spec("numpy") is None:
        raise BadInputError(
            'the demo trains a small model, which needs numpy: pip install "turnout[demo]"'
        )


def port_for_users(asked: int | None) -> int:
    """Give the port that was asked for, else a free one.

    Raises:
        BadInputError: somebody else has it, or this user may not have it.
    """
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, asked or 0))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise BadInputError(
            f"{_why(asked or 0, error)}; without --port a free one is taken"
        ) from error


def _why(port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return f"there is no port {port}"
    if error.errno != errno.EADDRINUSE:
        return f"port {port} cannot be used: {error.strerror}"
    held = ", ".join(map(str, listener_of(port)))
    return f"port {port} is taken" + (f" by process {held}" if held else "")
