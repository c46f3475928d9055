"""Short forms to their one long form: `route: 8000` is `{listen: 8000}`, all at one place."""

from turnout.entrypoints.release_file.nodes import Group, Items, Leaf, Node, nothing
from turnout.entrypoints.release_file.schema_parts import Choice, Part
from turnout.entrypoints.release_file.shapes import FILE, Shape, inside, shape_of

_NAMED_GROUPS = ("environments", "services")


def expanded(root: Group) -> Group:
    """Write a whole release file in long forms; what has no shape stays as it is."""
    filled = root
    for name in _NAMED_GROUPS:
        found = root.entries.get(name)
        if isinstance(found, Group):
            filled = filled.having(name, _with_empty_groups(found))
    grown = _expand(filled, FILE)
    return grown if isinstance(grown, Group) else root


def _with_empty_groups(group: Group) -> Group:
    for key, node in group.entries.items():
        if isinstance(node, Leaf) and node.text is None:
            group = group.having(key, nothing(node.place))
    return group


def _expand(node: Node, shape: Shape) -> Node:
    if shape.model is not None:
        node = _long_form(node, shape.model)
    match node:
        case Leaf():
            return node
        case Items(items):
            return Items(
                tuple(_expand_inside(item, shape, at) for at, item in enumerate(items)),
                node.place,
            )
        case Group(entries):
            grown = {key: _expand_inside(inner, shape, key) for key, inner in entries.items()}
            return Group(grown, node.keys, node.place)


def _expand_inside(node: Node, shape: Shape, part: str | int) -> Node:
    inner = inside(shape, part)
    return node if inner is None else _expand(node, inner)


def _long_form(node: Node, model: type[Part]) -> Node:
    if issubclass(model, Choice):
        return _long_choice(node, model)
    if not model.short or isinstance(node, Group):
        return node
    if isinstance(node, Leaf) and node.text is None:
        return node
    # A list stands for a group only where the key it stands for takes one (`run: [a, b]`).
    if isinstance(node, Items) and model.short != "command":
        return node
    return Group({model.short: node}, {model.short: node.place}, node.place)


def _is_group(model: type[Choice], key: str) -> bool:
    inner = inside(shape_of(model), key)
    return inner is not None and inner.model is not None


def _long_choice(node: Node, model: type[Choice]) -> Node:
    match node:
        case Leaf(str() as name) if name in model.kinds:
            return Group({name: nothing(node.place)}, {name: node.place}, node.place)
        case Group(entries):
            for key, inner in entries.items():
                empty = isinstance(inner, Leaf) and inner.text is None
                if key in model.kinds and empty and _is_group(model, key):
                    node = node.having(key, nothing(inner.place))
            return node
        case _:
            return node
