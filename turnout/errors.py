"""The tree of errors: one class for each thing that a caller can react to."""


class TurnoutError(Exception):
    """Anything that Turnout refuses or cannot do; the message is a whole sentence."""

    code = "turnout"


class BadInputError(TurnoutError):
    """A file, flag or argument is wrong; nothing was changed."""

    code = "input"


class StatisticsError(TurnoutError):
    """Numbers that cannot be counts; nothing was changed."""

    code = "statistics"


class StoreError(TurnoutError):
    """The store cannot be read or written."""

    code = "store"


class StaleSaveError(StoreError):
    """The row moved on since it was read; load again."""

    code = "store.stale"


class ReignOverError(StaleSaveError):
    """A newer epoch has begun; this controller must stop acting."""

    code = "store.reign_over"


class UnknownReleaseError(StoreError):
    """No release has this id."""

    code = "release.unknown"


class RefusedError(TurnoutError):
    """A person's wish is not allowed as things stand."""

    code = "refused"


class ActiveReleaseError(RefusedError):
    """Another release of the service is under way."""

    code = "release.active"


class QuarantinedError(RefusedError):
    """The digest was rolled back by the machine; a person lifts it."""

    code = "release.quarantined"


class UnavailableError(TurnoutError):
    """A part does not answer; what became of the request is unknown."""

    code = "unavailable"


class FencedError(TurnoutError):
    """A newer epoch or revision was here; whoever asked must stop acting."""

    code = "fenced"


class RouterError(TurnoutError):
    """The router did not do what it was told."""

    code = "router"


class StaleRouteError(FencedError):
    """The router obeys a newer fence, or the same fence with another content."""

    code = "router.stale"


class RouteRefusedError(RouterError):
    """The route is wrong, or the proxy refused it; the text is the proxy's own."""

    code = "router.refused"


class GatewayUnreachableError(UnavailableError):
    """A gateway daemon does not answer, or its Envoy did not acknowledge in time."""

    code = "router.unreachable"


class NotReadyError(RouterError):
    """A target with weight has no healthy endpoint at the router."""

    code = "router.not_ready"


class RuntimeFaultError(UnavailableError):
    """The runtime could not do or tell what was asked."""

    code = "runtime"


class ShrinkRefusedError(RuntimeFaultError):
    """Instances stay: what has to carry their traffic is not ready."""

    code = "runtime.shrink_refused"


class UnknownPartError(BadInputError):
    """No adapter has this name."""

    code = "part.unknown"


class ArtifactError(TurnoutError):
    """An artifact cannot be had, or is not what was promised."""

    code = "artifact"


class SignatureRefusedError(ArtifactError):
    """Bytes and signature do not belong together, or nobody allowed signed them."""

    code = "artifact.signature"


class ControllerUnreachableError(UnavailableError):
    """The controller's socket does not answer."""

    code = "controller.unreachable"
