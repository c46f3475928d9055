"""Read-only trees of links to blobs: what `$artifact` names and instances are given."""

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from turnout.adapters.files.blobs import BlobStore, has_digest, sync_folder
from turnout.adapters.files.content import SINGLE, Member, digest12, digest_of

_READ_ONLY: Final = 0o444
_FOLDER: Final = 0o555
_OPEN_FOLDER: Final = 0o755


def tree_path(folder: Path, service: str, digest: str) -> Path:
    """Give what `$artifact` names: the tree of a folder, the file itself of a single file."""
    return folder / "versions" / service / digest12(digest)


def build_tree(folder: Path, service: str, members: Sequence[Member]) -> Path:
    """Put the tree of blobs that were taken into its place, whole or not at all.

    A tree that is there stays when each file of it has the bytes it should have, and no other.
    """
    store, target = BlobStore(folder), tree_path(folder, service, digest_of(members))
    target.parent.mkdir(parents=True, exist_ok=True)
    _write_list(target, members)
    if _is_whole(target, store, members):
        return target
    draft = target.with_name(f".draft-{target.name}")
    _remove(draft)
    for member in members:
        _link(store.path(member.sha256), draft if member.name == SINGLE else draft / member.name)
    _close(draft)
    _remove(target)
    draft.rename(target)
    if target.is_dir():
        target.chmod(_FOLDER)
    sync_folder(target.parent)
    return target


def _write_list(target: Path, members: Sequence[Member]) -> None:
    files = [{"path": m.name, "sha256": m.sha256, "size_bytes": m.size_bytes} for m in members]
    said = {"turnout": 1, "digest": digest_of(members), "files": files}
    draft = target.with_name(f".draft-{target.name}.json")
    draft.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.rename(target.with_name(f"{target.name}.json"))


def _is_whole(target: Path, store: BlobStore, members: Sequence[Member]) -> bool:
    names = {member.name for member in members}
    if target.is_file():
        found = {SINGLE}
    else:
        found = {p.relative_to(target).as_posix() for p in target.rglob("*") if not p.is_dir()}
    return found == names and all(_holds(target / m.name, store, m.sha256) for m in members)


def _holds(path: Path, store: BlobStore, digest: str) -> bool:
    if path.is_symlink():
        return False
    blob = store.path(digest)
    # A link to a blob that was read again a moment ago needs no reading.
    return (blob.exists() and path.samefile(blob)) or has_digest(path, digest)


def _link(blob: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.hardlink_to(blob)
    except OSError:  # too many links, or a file system without them
        shutil.copyfile(blob, path)
        path.chmod(_READ_ONLY)


def _close(draft: Path) -> None:
    # The topmost folder is closed after the rename: a rename needs to write into it.
    for path in sorted(draft.rglob("*"), reverse=True) if draft.is_dir() else ():
        if path.is_dir():
            path.chmod(_FOLDER)


def _remove(path: Path) -> None:
    if path.is_dir():
        for inside in (path, *path.rglob("*")):
            if inside.is_dir():
                inside.chmod(_OPEN_FOLDER)
        shutil.rmtree(path)
        return
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
