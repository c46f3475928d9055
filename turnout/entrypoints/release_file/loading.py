"""Loads a release file: every mistake at once, and the file as each environment sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from turnout.entrypoints.release_file.including import Gathered, gather
from turnout.entrypoints.release_file.meaning import meaning_mistakes
from turnout.entrypoints.release_file.merging import LOCAL, environments_of, resolved
from turnout.entrypoints.release_file.mistakes import (
    Form,
    Mistake,
    did_you_mean,
    in_order,
    printed,
)
from turnout.entrypoints.release_file.nodes import Group, place_at
from turnout.entrypoints.release_file.scene import Scene
from turnout.entrypoints.release_file.schema_file import Environment, ReleaseFile
from turnout.entrypoints.release_file.schema_service import Service
from turnout.entrypoints.release_file.shape_check import checked, newly_found


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The file as one environment sees it: values, and the tree that knows their places."""

    environment: str
    tree: Group
    values: ReleaseFile
    is_last: bool

    @property
    def is_local(self) -> bool:
        """Tell whether the defaults of a newcomer's machine hold (D-48)."""
        return self.environment == LOCAL

    @property
    def services(self) -> Mapping[str, Service]:
        """Give the services, all layers merged."""
        return self.values.services

    @property
    def settings(self) -> Environment:
        """Give runtime and router of the environment."""
        return (self.values.environments or {})[self.environment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a release file says; `environments` is empty while there are mistakes.

    `sources` are the lines of every file that was read, by the name that is shown.
    """

    path: FilePath
    project: str
    environments: Mapping[str, Resolved] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[Mistake, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def folder(self) -> FilePath:
        """Give the folder that paths of the file are relative to; absolute."""
        return self.path.parent

    def printed(self, form: Form = Form.TEXT) -> str:
        """Print all mistakes and warnings."""
        found = in_order((*self.mistakes, *self.warnings), self.sources)
        name = next(iter(self.sources), self.path.name)
        return printed(found, self.sources, name, form)


def load(
    path: FilePath, environment: str | None = None, *, folder: FilePath | None = None
) -> Loaded:
    """Load a release file and say all that is wrong with it; a user's mistake raises nothing.

    Args:
        path: The release file.
        environment: Give only this environment; all are checked in any case.
        folder: What shown names are relative to; the folder of the file without it.
    """
    absolute = path.absolute()
    gathered = Gathered((folder or absolute.parent).absolute())
    root = gather(absolute, gathered)
    if root is None:
        return _loaded(absolute, gathered, {}, absolute.parent.name)
    names = environments_of(root)
    views = {}
    hides_names = any(found.code in ("T101", "T104", "T106", "T213") for found in gathered.mistakes)
    for name in names:
        tree = resolved(root, name)
        values, found = checked(tree)
        gathered.mistakes += newly_found(found, tuple(gathered.mistakes))
        scene = Scene(
            root=root,
            tree=tree,
            environment=name,
            is_last=name == names[-1],
            folder=absolute.parent,
            shown=gathered.shown,
            sources=gathered.sources,
        )
        gathered.mistakes += meaning_mistakes(scene, names_are_known=not hides_names)
        if values is not None:
            views[name] = Resolved(
                environment=name, tree=tree, values=values, is_last=name == names[-1]
            )
    if environment is not None:
        gathered.mistakes += _unknown_environment(environment, names, root)
        views = {name: view for name, view in views.items() if name == environment}
    first = next(iter(views.values()), None)
    project = (first.values.project if first else None) or absolute.parent.name
    return _loaded(absolute, gathered, views, project)


def _unknown_environment(
    environment: str, names: tuple[str, ...], root: Group
) -> tuple[Mistake, ...]:
    if environment in names:
        return ()
    return (
        Mistake(
            code="T209",
            text=f"environment `{environment}` does not exist",
            place=place_at(root, ("environments",), of_key=True),
            note=did_you_mean(environment, names),
            fix=f"known: {', '.join(names)}",
        ),
    )


def _loaded(
    path: FilePath, gathered: Gathered, views: Mapping[str, Resolved], project: str
) -> Loaded:
    found = in_order(gathered.mistakes, gathered.sources)
    mistakes = tuple(mistake for mistake in found if not mistake.is_warning)
    return Loaded(
        path=path,
        project=project,
        environments={} if mistakes else views,
        mistakes=mistakes,
        warnings=tuple(mistake for mistake in found if mistake.is_warning),
        sources=gathered.sources,
    )
