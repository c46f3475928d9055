"""How a demonstration is played."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person or a test asks for.

    `versions` are released one after the other; `flags` are given to the training program for a
    version, so that a test trains another v1.2 or v1.3.
    """

    fast: bool = False
    keep: bool = False
    as_json: bool = False
    port: int | None = None
    rate_rps: float = 200.0
    versions: tuple[str, ...] = ("v1.1", "v1.2", "v1.3")
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
