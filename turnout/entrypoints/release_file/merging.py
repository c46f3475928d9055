"""Merging with places: maps merge key by key, everything else replaces, nothing removes."""

from collections.abc import Iterable

from turnout.entrypoints.release_file.builtin import layer_of
from turnout.entrypoints.release_file.nodes import (
    Group,
    Leaf,
    Node,
    group_at,
    node_of,
    nothing,
    text_at,
)
from turnout.entrypoints.release_file.shapes import FILE, SERVICE, UNKNOWN, Shape, inside

LOCAL = "local"


def merged(layers: Iterable[Node], shape: Shape) -> Group:
    """Merge groups, later ones win; each value keeps the place it was written at."""
    result = nothing()
    for layer in layers:
        if isinstance(layer, Group):
            result = _over(result, layer, shape)
    return result


def merged_files(roots: Iterable[Group]) -> Group:
    """Merge an including file over what it includes."""
    return merged(roots, FILE)


def beneath(root: Group, included: Group) -> Group:
    """Give what a file lies over: what it includes, and `defaults` under its services."""
    services = group_at(included, "services")
    for name in group_at(root, "services").entries:
        layers = [
            group_at(included, "defaults"),
            group_at(root, "defaults"),
            group_at(services, name),
        ]
        services = services.having(name, merged(layers, SERVICE))
    return included.having("services", services)


def environments_of(root: Group) -> tuple[str, ...]:
    """Name the environments in their order; a file without any has the one named `local`."""
    return tuple(group_at(root, "environments").entries) or (LOCAL,)


def resolved(root: Group, environment: str) -> Group:
    """Give the file as one environment sees it: services merged, overrides gone."""
    settings = group_at(root, "environments", environment)
    services = group_at(root, "services")
    seen: dict[str, Node] = {}
    for name, own in services.entries.items():
        layers: list[Node] = [
            group_at(root, "defaults"),
            own,
            group_at(settings, "defaults"),
            group_at(settings, "services", name),
        ]
        seen[name] = _service(layers, own, is_local=environment == LOCAL)
    if seen:
        root = root.having("services", Group(seen, services.keys, services.place))
    return _pruned(_with_environment(root.without("defaults"), environment, settings))


def _pruned(group: Group) -> Group:
    """Take away what an empty value removed, once all layers are merged."""
    entries = {
        key: _pruned(node) if isinstance(node, Group) else node
        for key, node in group.entries.items()
        if not isinstance(node, Leaf) or node.text is not None
    }
    return Group(entries, {key: group.keys[key] for key in entries}, group.place)


def _service(layers: list[Node], own: Node, *, is_local: bool) -> Node:
    if not isinstance(own, Group):
        return own
    written = merged(layers, SERVICE)
    strategy = text_at(written, "shift", "strategy") or "canary"
    streams = text_at(written, "route", "stream_max")
    built_in = layer_of(strategy, streams, is_local=is_local)
    full = merged([built_in, *layers], SERVICE)
    return Group(full.entries, full.keys, own.place)


def _with_environment(root: Group, environment: str, settings: Group) -> Group:
    chosen = settings.without("defaults").without("services")
    for choice, default in (("runtime", "process"), ("router", "envoy")):
        if choice not in chosen.entries:
            chosen = chosen.having(choice, node_of({default: {}}))
    place = group_at(root, "environments").keys.get(environment)
    only = nothing(settings.place).having(environment, chosen, place)
    return root.having("environments", only)


def _over(under: Group, over: Group, shape: Shape) -> Group:
    below = _without_other_choice(under, over, shape)
    entries, keys = dict(below.entries), dict(below.keys)
    for key, node in over.entries.items():
        entries[key] = _entry_over(entries.get(key), node, inside(shape, key) or UNKNOWN)
        keys[key] = over.keys[key]
    return Group(entries, keys, over.place)


def _entry_over(under: Node | None, over: Node, shape: Shape) -> Node:
    if not isinstance(over, Group):
        return over
    return _over(under if isinstance(under, Group) else nothing(over.place), over, shape)


def _without_other_choice(under: Group, over: Group, shape: Shape) -> Group:
    choice = shape.choice
    if choice is None or not any(kind in over.entries for kind in choice.kinds):
        return under
    for kind in choice.kinds:
        if kind not in over.entries:
            under = under.without(kind)
    return under
