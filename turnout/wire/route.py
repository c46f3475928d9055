"""A route as it is written on the wire and in the gateway's state files."""

import hashlib
import json
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from turnout.domain.route import Fence, Observed, Repeatable, Route, RouteSettings, Target
from turnout.domain.version import Endpoint

_DIGEST_LENGTH = 16


def _is_fence(text: str) -> str:
    epoch, _, revision = text.partition(".")
    if not (epoch.isascii() and epoch.isdigit() and revision.isascii() and revision.isdigit()):
        raise ValueError("a fence is two whole numbers with a dot between them, like 7.42")
    return text


FenceText = Annotated[str, AfterValidator(_is_fence)]
Port = Annotated[int, Field(ge=1, le=65535)]


def fence_of(text: str) -> Fence:
    """Read a fence, `7.42`."""
    epoch, _, revision = text.partition(".")
    return Fence(int(epoch), int(revision))


class WireModel(BaseModel):
    """What all messages share: nothing unknown is accepted, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EndpointModel(WireModel):
    """Where an instance answers."""

    host: str
    port: Port

    @classmethod
    def from_domain(cls, endpoint: Endpoint) -> Self:
        """Write an endpoint."""
        return cls(host=endpoint.host, port=endpoint.port)

    def to_domain(self) -> Endpoint:
        """Read it back."""
        return Endpoint(self.host, self.port)


class TargetModel(WireModel):
    """One version under a route."""

    set_name: str
    version: str
    weight_bp: Annotated[int, Field(ge=0, le=10_000)]
    candidate: bool = False


class ObservedModel(WireModel):
    """Where a set answers now."""

    endpoints: tuple[EndpointModel, ...] = ()
    health_path: str | None = None


class SettingsModel(WireModel):
    """What the release file says about a route."""

    listen: EndpointModel
    hosts: tuple[str, ...] = ()
    tester: tuple[str, str] | None = None
    timeout_s: Annotated[float, Field(gt=0)] = 600.0
    repeatable: Repeatable = Repeatable.GET


class RouteModel(WireModel):
    """The whole route of one service, without its endpoints."""

    service: str
    settings: SettingsModel
    targets: tuple[TargetModel, ...]
    salt: str
    fallback: bool = True

    @classmethod
    def from_domain(cls, route: Route) -> Self:
        """Write a route."""
        settings = route.settings
        return cls(
            service=route.service,
            settings=SettingsModel(
                listen=EndpointModel.from_domain(settings.listen),
                hosts=settings.hosts,
                tester=settings.tester,
                timeout_s=settings.timeout_s,
                repeatable=settings.repeatable,
            ),
            targets=tuple(
                TargetModel(
                    set_name=target.set_name,
                    version=target.version,
                    weight_bp=target.weight_bp,
                    candidate=target.candidate,
                )
                for target in route.targets
            ),
            salt=route.salt,
            fallback=route.fallback,
        )

    def digest(self) -> str:
        """Give the digest of what was decided; endpoints are observations (D-20)."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_LENGTH]

    def to_domain(self, endpoints: "EndpointsModel") -> Route:
        """Read a route back, with what was observed."""
        settings = self.settings
        return Route(
            service=self.service,
            settings=RouteSettings(
                listen=settings.listen.to_domain(),
                hosts=settings.hosts,
                tester=settings.tester,
                timeout_s=settings.timeout_s,
                repeatable=settings.repeatable,
            ),
            targets=tuple(Target(**target.model_dump()) for target in self.targets),
            salt=self.salt,
            fallback=self.fallback,
            observed=endpoints.to_domain(),
            sequence=endpoints.sequence,
        )


class EndpointsModel(WireModel):
    """Where the sets of a route answer, and how new that is."""

    sequence: int = 0
    observed: dict[str, ObservedModel] = Field(default_factory=dict)

    @classmethod
    def from_domain(cls, route: Route) -> Self:
        """Write what a route knows of its endpoints."""
        return cls(
            sequence=route.sequence,
            observed={
                name: ObservedModel(
                    endpoints=tuple(map(EndpointModel.from_domain, observed.endpoints)),
                    health_path=observed.health_path,
                )
                for name, observed in route.observed.items()
            },
        )

    def to_domain(self) -> dict[str, Observed]:
        """Read it back."""
        return {
            name: Observed(
                endpoints=tuple(endpoint.to_domain() for endpoint in observed.endpoints),
                health_path=observed.health_path,
            )
            for name, observed in self.observed.items()
        }
