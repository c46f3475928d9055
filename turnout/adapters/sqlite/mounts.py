"""Which kind of file system a path lies on."""

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"(nfs\d*|cifs|smb\d*|smbfs|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2"
    r"|fuse\.(sshfs|s3fs|glusterfs|cephfs|rclone|davfs|nfs.*))"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_kind(path: Path) -> str | None:
    """Name the network file system that a path lies on; None for a local one, or an unknown."""
    if not _MOUNTS.exists():
        return None
    kind = kind_at(_MOUNTS.read_text(encoding="utf-8", errors="replace"), path.resolve())
    return kind if _NETWORK.fullmatch(kind) else None


def kind_at(mounts: str, path: Path) -> str:
    """Give the file system of the mount that covers a path, from the text of mountinfo.

    Source: proc_pid_mountinfo(5); of mounts at one place the last one is seen.
    """
    found = Path("/"), ""
    for line in mounts.splitlines():
        where, _, what = line.partition(" - ")
        place = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), where.split(" ")[4]))
        if path.is_relative_to(place) and len(place.parts) >= len(found[0].parts):
            found = place, what.split(" ")[0]
    return found[1]
