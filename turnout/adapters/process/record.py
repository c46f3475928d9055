"""What is written down of an instance, so that the next controller knows it: run.json."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from turnout.adapters.process.tree import Root
from turnout.domain.version import InstanceSet, Ready, Restart
from turnout.errors import RuntimeFaultError

NAME = "run.json"


class Record(BaseModel):
    """One instance: what it is, where it listens, what became of it. Holds no secret.

    `starts` and `crashes` count over controllers; `changed_ports` counts ports in a row that
    others held; `failures` are ends in a row, for the pause before the next start.
    """

    # What a later program adds must not keep an earlier one from finding its instances.
    model_config = ConfigDict(extra="ignore", frozen=True)

    instance: str
    service: str
    set_name: str
    number: int
    replica: int
    version: str
    digest: str
    ready: Ready
    restart: Restart
    kept: Mapping[str, str]
    argv: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    fence: str = ""
    uid: int = 0
    root: Root | None = None
    port: int = 0
    url: str = ""
    health_path: str | None = None
    starts: int = 0
    changed_ports: int = 0
    failures: int = 0
    crashes: int = 0
    was_ready: bool = False
    is_ready: bool = False
    is_ending: bool = False
    is_over: bool = False
    last_exit: str = ""
    last_lines: tuple[str, ...] = ()


def record_of(of: InstanceSet, replica: int, kept: Mapping[str, str]) -> Record:
    """Begin the record of an instance."""
    return Record(
        instance=of.name if replica == 1 else f"{of.name}-{replica}",
        service=of.service,
        set_name=of.name,
        number=of.number,
        replica=replica,
        version=of.version.name,
        digest=of.version.digest,
        ready=of.version.run.ready,
        restart=of.version.run.restart,
        kept=kept,
        uid=os.getuid(),
    )


def save(folder: Path, record: Record) -> None:
    """Write the record; a killed writer leaves the one before."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"{NAME}.draft"
    # No fsync: what takes unwritten pages away takes the instance away as well.
    draft.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    draft.replace(folder / NAME)


def load(folder: Path) -> Record | None:
    """Read the record of an instance's folder; None when none was ever written.

    Raises:
        RuntimeFaultError: There is one, and it cannot be read.
    """
    try:
        return Record.model_validate_json((folder / NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise RuntimeFaultError(
            f"{folder / NAME} cannot be read ({type(error).__name__}); "
            "if nothing of it runs, remove the folder"
        ) from error


def remove(folder: Path) -> None:
    """Remove the folder of an instance that is gone."""
    shutil.rmtree(folder, ignore_errors=True)
