"""Makes the paths of an included file relative to the file that includes it."""

import re
from pathlib import PurePosixPath

from turnout.entrypoints.release_file.leaves import IsPath, Unit
from turnout.entrypoints.release_file.nodes import Group, Items, Leaf, Node
from turnout.entrypoints.release_file.shapes import FILE, Shape, inside

_SCHEME = re.compile(r"[a-z][a-z0-9]+:")
_FROM_FILE = "file:"


def rebased(node: Node, folder: PurePosixPath, shape: Shape = FILE) -> Node:
    """Prefix every relative path in a tree with the folder of the included file."""
    if folder == PurePosixPath():
        return node
    match node:
        case Leaf(text):
            return Leaf(_moved(text, folder, shape), node.place) if text else node
        case Items(items):
            return Items(
                tuple(_inside(item, folder, shape, at) for at, item in enumerate(items)),
                node.place,
            )
        case Group(entries):
            moved = {key: _inside(inner, folder, shape, key) for key, inner in entries.items()}
            return Group(moved, node.keys, node.place)


def _inside(node: Node, folder: PurePosixPath, shape: Shape, part: str | int) -> Node:
    inner = inside(shape, part)
    return node if inner is None else rebased(node, folder, inner)


def _moved(text: str, folder: PurePosixPath, shape: Shape) -> str:
    if any(isinstance(mark, IsPath) for mark in shape.marks) and not _SCHEME.match(text):
        return _joined(folder, text)
    if Unit("secret") in shape.marks and text.startswith(_FROM_FILE):
        return _FROM_FILE + _joined(folder, text.removeprefix(_FROM_FILE))
    return text


def _joined(folder: PurePosixPath, text: str) -> str:
    return text if text.startswith(("/", "~")) else (folder / text).as_posix()
