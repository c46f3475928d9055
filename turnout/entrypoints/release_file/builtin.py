"""Defaults that matter: the layer under everything that a file says (D-48 for `local`)."""

from turnout.entrypoints.release_file.nodes import Group, Value, node_of
from turnout.entrypoints.release_file.units import duration, parsed

_LOCAL_FIGURES: Value = {
    "errors": {"worse_by": "2pp"},
    "stream_errors": {"worse_by": "2pp"},
    "latency.p90": {"worse_by": "20%"},
    "ttft.p90": {"worse_by": "20%"},
}
_FIGURES: Value = {
    "errors": {"worse_by": "0.5pp"},
    "stream_errors": {"worse_by": "0.5pp"},
    "latency.p99": {"worse_by": "10%"},
    "ttft.p99": {"worse_by": "10%"},
}
_BREAKAGE: Value = {"crashes": "1", "errors": "50%", "health": "3"}
_LEAST_DRAIN = "10m"


def layer_of(strategy: str, stream_max: str | None, *, is_local: bool) -> Group:
    """Give the built-in section of a service in one environment."""
    switches = strategy == "blue-green"
    steps: list[Value] = (
        [{"weight": "100%"}] if switches else [{"weight": weight} for weight in _steps(is_local)]
    )
    layer = node_of(
        {
            "run": {"replicas": {"min": "1", "candidate": "1"}},
            "shift": {"steps": steps, "hold": "10s" if is_local else "5m"},
            "watch": {
                "figures": _LOCAL_FIGURES if is_local else _FIGURES,
                "patience": "10m" if is_local else "1h",
                "breakage": _BREAKAGE,
            },
            "bake": "10m" if is_local else "24h",
            "retire": {"drain": "30s" if is_local else _drain(stream_max)},
        }
    )
    return layer if isinstance(layer, Group) else Group({}, {}, layer.place)


def _steps(is_local: bool) -> tuple[str, ...]:  # noqa: FBT001  # private, named at its one call
    return ("10%", "50%", "100%") if is_local else ("5%", "10%", "30%", "60%", "100%")


def _drain(stream_max: str | None) -> str:
    longest_s = parsed(duration, stream_max) or 0.0
    return stream_max if stream_max and longest_s > duration(_LEAST_DRAIN) else _LEAST_DRAIN
