"""What the rules of meaning look at: one environment's view of a file, with its places."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

from turnout.entrypoints.release_file.merging import LOCAL
from turnout.entrypoints.release_file.mistakes import Mistake
from turnout.entrypoints.release_file.nodes import (
    Group,
    Node,
    Path,
    Place,
    group_at,
    node_at,
    place_at,
    text_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A file in one environment. `root` is unresolved; `shown` names files for people."""

    root: Group
    tree: Group
    environment: str
    is_last: bool
    folder: FilePath
    shown: Callable[[FilePath], str]
    sources: dict[str, tuple[str, ...]]

    @property
    def is_local(self) -> bool:
        """Tell whether this is the environment of a file that declares none."""
        return self.environment == LOCAL

    @property
    def services(self) -> dict[str, "ServiceScene"]:
        """Give each service's section."""
        found = {}
        for name, node in group_at(self.tree, "services").entries.items():
            if isinstance(node, Group):
                found[name] = ServiceScene(scene=self, name=name, node=node)
        return found

    def chosen(self, choice: str) -> str:
        """Name the runtime or router of the environment; empty when it is misspelt."""
        entries = group_at(self.tree, "environments", self.environment, choice).entries
        return next(iter(entries), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceScene:
    """One service in one environment."""

    scene: Scene
    name: str
    node: Group

    def text(self, *path: str | int) -> str | None:
        """Find a text of the section."""
        return text_at(self.node, *path)

    def group(self, *path: str | int) -> Group:
        """Find a group of the section; an empty one where there is none."""
        return group_at(self.node, *path)

    def find(self, *path: str | int) -> Node | None:
        """Find anything of the section."""
        return node_at(self.node, path)

    def place(self, *path: str | int, of_key: bool = False) -> Place:
        """Tell where something of the section was written."""
        found = place_at(self.node, path, of_key=of_key)
        # What is built in stands nowhere: its service's name does.
        return found if found.file else self.scene_place()

    def scene_place(self) -> Place:
        """Tell where the service is named."""
        return place_at(self.scene.tree, ("services", self.name), of_key=True)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A mistake whose place is a path of the section it was found in."""

    code: str
    text: str
    path: Path
    note: str = ""
    fix: str = ""
    of_key: bool = False

    def at(self, service: ServiceScene) -> Mistake:
        """Give the mistake with its place."""
        place = service.place(*self.path, of_key=self.of_key)
        return Mistake(
            code=self.code,
            text=self.text,
            place=place,
            note=self.note,
            fix=self.fix,
            field=".".join(str(part) for part in self.path),
        )


ServiceRule = Callable[[ServiceScene], Iterator[Wrong]]
FileRule = Callable[[Scene], Iterator[Mistake]]
