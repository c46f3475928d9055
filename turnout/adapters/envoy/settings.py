"""Where the gateways are."""

from dataclasses import dataclass
from pathlib import Path

from turnout.errors import BadInputError


@dataclass(frozen=True, slots=True)
class EnvoySettings:
    """The control sockets of all gateways that serve the same services."""

    sockets: tuple[Path, ...]

    def __post_init__(self) -> None:
        if not self.sockets:
            raise BadInputError("the router `envoy` needs at least one gateway; name its socket")
