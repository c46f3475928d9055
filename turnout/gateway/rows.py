"""What the gateway was told of each service, kept on disk before anything is pushed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from turnout.domain.route import Fence, Route
from turnout.errors import FencedError, StaleRouteError
from turnout.gateway.folder import write_whole
from turnout.wire.route import EndpointsModel, FenceText, RouteModel, WireModel, fence_of


class _Decided(WireModel):
    route: RouteModel
    endpoints: EndpointsModel


class _StateFile(WireModel):
    fence: FenceText
    digest: str
    asked: _Decided | None
    good: _Decided | None
    refused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One service: the last route asked for, and the last that Envoy acknowledged.

    `asked` is None when the service was taken away: then the fence alone is kept.
    """

    fence: Fence
    digest: str
    asked: Route | None
    good: Route | None = None
    refused: str = ""

    @property
    def wanted(self) -> Route | None:
        """Give the route that Envoy has to hold: never one that it refused."""
        return self.good if self.refused else self.asked


@dataclass(slots=True)
class Rows:
    """All services of a gateway and the highest epoch it has seen."""

    state: Path
    epoch_file: Path
    epoch: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    _rows: dict[str, Row] = field(default_factory=dict)

    def load(self) -> None:
        """Read all files; one that cannot be read stops its own service alone."""
        if self.epoch_file.exists():
            self.epoch = int(self.epoch_file.read_text())
        for path in sorted(self.state.glob("*.json")):
            try:
                self._rows[path.stem] = _read(path.read_bytes())
            except (ValidationError, ValueError, OSError) as e:
                self.unreadable[path.stem] = str(e)

    def get(self, service: str) -> Row | None:
        """Give a service's row."""
        return self._rows.get(service)

    def all(self) -> Mapping[str, Row]:
        """Give every row by service."""
        return self._rows

    def save(self, service: str, row: Row) -> None:
        """Keep a row; it survives a power cut when this returns."""
        write_whole(self.state / f"{service}.json", _written(row))
        self._rows[service] = row

    def note_good(self, service: str, route: Route) -> None:
        """Note what Envoy acknowledged; written with the next change of the row.

        Nothing is lost by that: the next daemon offers `asked` first.
        """
        row = self._rows.get(service)
        if row is not None and row.asked is route and row.good is not route:
            self._rows[service] = replace(row, good=route)

    def claim(self, epoch: int) -> None:
        """Let a reign begin; an older one than the last is refused."""
        if epoch < self.epoch:
            raise FencedError(
                f"the gateway obeys epoch {self.epoch}, not {epoch}; another controller reigns"
            )
        if epoch > self.epoch:
            write_whole(self.epoch_file, str(epoch).encode())
            self.epoch = epoch

    def admit(self, service: str, fence: Fence, digest: str) -> None:
        """Refuse who has no authority over a service."""
        if service in self.unreadable:
            raise StaleRouteError(
                f"the state file of {service} cannot be read; mend or remove it, then start "
                f"the gateway again ({self.unreadable[service]})"
            )
        row = self._rows.get(service)
        if fence.epoch < self.epoch:
            raise FencedError(f"the gateway obeys epoch {self.epoch}, not {fence.epoch}")
        if row is None:
            return
        if fence < row.fence:
            raise StaleRouteError(f"{service} obeys fence {row.fence}, not {fence}")
        if fence == row.fence and digest != row.digest:
            raise StaleRouteError(f"{service} has another route under fence {fence}")


def _read(content: bytes) -> Row:
    file = _StateFile.model_validate_json(content)
    return Row(
        fence=fence_of(file.fence),
        digest=file.digest,
        asked=_route(file.asked),
        good=_route(file.good),
        refused=file.refused,
    )


def _route(decided: _Decided | None) -> Route | None:
    return decided.route.to_domain(decided.endpoints) if decided else None


def _written(row: Row) -> bytes:
    file = _StateFile(
        fence=str(row.fence),
        digest=row.digest,
        asked=row.asked and _decided(row.asked),
        good=row.good and _decided(row.good),
        refused=row.refused,
    )
    return json.dumps(file.model_dump(mode="json"), separators=(",", ":")).encode()


def _decided(route: Route) -> _Decided:
    return _Decided(
        route=RouteModel.from_domain(route), endpoints=EndpointsModel.from_domain(route)
    )
