"""Where a command acts: the release file, and the controller's folder beside it."""

from dataclasses import dataclass
from pathlib import Path

from turnout.bootstrap_folder import NAME, Folder, folder_beside
from turnout.entrypoints.cli.flags import Flags
from turnout.errors import BadInputError

FILE = "turnout.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """A release file, which may be missing where only its folder is needed, and the folder."""

    file: Path
    folder: Folder


def place_of(flags: Flags) -> Place:
    """Find the release file: as named, else here or in a folder above.

    Raises:
        BadInputError: there is none; or the one that is named does not exist.
    """
    if flags.file is not None:
        if not flags.file.exists():
            raise BadInputError(f"there is no file `{flags.file}`")
        return Place(flags.file.absolute(), folder_beside(flags.file))
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file() or (folder / NAME / "turnout.db").is_file():
            return Place(folder / FILE, folder_beside(folder / FILE))
    raise BadInputError(
        f"there is no `{FILE}` in this folder or above it; "
        "`turnout init` writes a first one, `--file` names another"
    )
