"""What runs for a folder: processes, the ports on which they listen, locks that are held."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.children import census, holders, is_locked, is_zombie, listener_of, started_ticks_of

_LISTEN = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What was found at one moment; `since` maps pids to the moment at which each began."""

    root: Path
    commands: Mapping[int, str]
    since: Mapping[int, int | None]
    ports: frozenset[int]
    locks: frozenset[Path]


def census_of(root: Path) -> Census:
    """Count what runs for a folder.

    A process counts that carries a mark of its `.turnout`, that names the folder in its command,
    its environment or as its working folder, or that holds a lock in it.
    """
    locks = frozenset(place for place in root.rglob("*lock") if is_locked(place))
    pids = {pid for lock in locks for pid in holders(lock)}
    pids.update(census(root / ".turnout"))
    pids.update(pid for pid in _pids() if _names(pid, root))
    alive = sorted(pid for pid in pids if pid != os.getpid() and not is_zombie(pid))
    return Census(
        root=root,
        commands={pid: _command(pid) for pid in alive},
        since={pid: started_ticks_of(pid) for pid in alive},
        ports=frozenset(port for pid in alive for port in _ports_of(pid)),
        locks=locks,
    )


def left_of(seen: Census) -> list[str]:
    """Tell what is left of what was seen, and what runs for its folder besides."""
    later = census_of(seen.root)
    lasting = {
        pid: command
        for pid, command in seen.commands.items()
        if not is_zombie(pid) and started_ticks_of(pid) == seen.since[pid]
    }
    told = [f"process {pid}: {cmd}" for pid, cmd in sorted({**lasting, **later.commands}.items())]
    told += [f"port {port}" for port in sorted(seen.ports | later.ports) if listener_of(port)]
    return told + [f"lock {place}" for place in sorted(later.locks)]


def _pids() -> Iterator[int]:
    return (int(place.name) for place in Path("/proc").glob("[0-9]*"))


def _names(pid: int, root: Path) -> bool:
    folder = os.fsencode(root)
    try:
        said = _read(pid, "cmdline") + _read(pid, "environ")
        return folder in said or Path(f"/proc/{pid}/cwd").readlink().is_relative_to(root)
    except OSError:  # ended meanwhile, or of somebody else
        return False


def _read(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def _command(pid: int) -> str:
    try:
        return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _ports_of(pid: int) -> Iterator[int]:
    try:
        links = {os.readlink(place) for place in Path(f"/proc/{pid}/fd").iterdir()}  # noqa: PTH115 - a Path would read `socket:[1]` as a name
        lines = [line.split() for name in ("tcp", "tcp6") for line in _table(pid, name)]
    except OSError:
        return
    for fields in lines:
        if fields[3] == _LISTEN and f"socket:[{fields[9]}]" in links:
            yield int(fields[1].rpartition(":")[2], 16)


def _table(pid: int, name: str) -> list[str]:
    return _read(pid, f"net/{name}").decode().splitlines()[1:]
