"""Digests of artifacts, the content store, and the trees that are served."""

import io
import os
from hashlib import sha256
from pathlib import Path

import pytest

from turnout.adapters.files import ArtifactSettings, build_artifacts, signature_of
from turnout.adapters.files.blobs import BlobStore
from turnout.adapters.files.content import Member, digest12, digest_of
from turnout.adapters.files.names import check_names
from turnout.adapters.files.source import opened, read_members
from turnout.adapters.files.trees import build_tree, tree_path
from turnout.domain.checks import ArtifactRules
from turnout.errors import ArtifactError

# The digest of the two files below, as the documentation describes it.
LINES = (
    f"turnout-artifact-v1\n{sha256(b'b').hexdigest()} 1 sub/a.txt\n"
    f"{sha256(b'weights').hexdigest()} 7 weights.bin\n"
)


def a_tree(folder: Path) -> Path:
    tree = folder / "v1"
    (tree / "sub").mkdir(parents=True)
    (tree / "weights.bin").write_bytes(b"weights")
    (tree / "sub" / "a.txt").write_bytes(b"b")
    return tree


def taken(source: Path, folder: Path) -> list[Member]:
    store = BlobStore(folder)
    blobs = [(name, store.take(file)) for name, file in opened(source)]
    return [Member(name, blob.sha256, blob.size_bytes) for name, blob in blobs]


async def look(source: Path, max_size_bytes: int | None = None) -> str:
    port = build_artifacts(ArtifactSettings(source.parent))
    return await port.look(ArtifactRules(source=str(source), max_size_bytes=max_size_bytes))


async def test_a_folders_digest_follows_from_names_bytes_and_sizes(tmp_path: Path) -> None:
    assert await look(a_tree(tmp_path)) == f"sha256:{sha256(LINES.encode()).hexdigest()}"


async def test_a_single_files_digest_is_its_sha256(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"onnx")
    assert await look(file) == f"sha256:{sha256(b'onnx').hexdigest()}"


async def test_a_signature_is_no_part_of_the_content(tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    before = await look(tree)
    (tree / "model.sig").write_text("{}", encoding="utf-8")
    assert await look(tree) == before
    assert signature_of(tree) == tree / "model.sig"
    (tree / "sub" / "model.sig").write_text("{}", encoding="utf-8")
    assert await look(tree) != before


def test_a_signature_beside_the_artifact_is_found(tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    assert signature_of(tree) is None
    (tmp_path / "v1.sig").touch()
    assert signature_of(tree) == tmp_path / "v1.sig"


async def test_an_artifact_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"there is no artifact at .*v9"):
        await look(tmp_path / "v9")


async def test_an_empty_folder_is_no_artifact(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    with pytest.raises(ArtifactError, match="empty folder"):
        await look(tmp_path / "v1")


async def test_an_artifact_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    assert await look(tree, max_size_bytes=8)
    with pytest.raises(ArtifactError, match="larger than `max_size`"):
        await look(tree, max_size_bytes=7)


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside", "weights.bin", "sub", "nowhere"])
async def test_a_link_in_an_artifact_is_refused(target: str, tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    (tmp_path / "outside").touch()
    (tree / "link").symlink_to(target)
    with pytest.raises(ArtifactError, match="`link` is a link"):
        await look(tree)


async def test_an_artifact_that_is_reached_by_a_link_is_followed(tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    (tmp_path / "current").symlink_to(tree)
    assert await look(tmp_path / "current") == await look(tree)


async def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    tree = a_tree(tmp_path)
    os.mkfifo(tree / "pipe")
    with pytest.raises(ArtifactError, match="`pipe` is neither"):
        await look(tree)


NAMES = {
    "absolute": ("/etc/x", "not relative"),
    "upwards": ("a/../b", "leads out"),
    "a drive": ("C:x", "not relative"),
    "a backslash": ("a\\b", "backslash"),
    "a NUL": ("a\0b", "control character"),
    "a newline": ("a\nb", "control character"),
    "an escape": ("a\x1b[2J", "control character"),
    "turned text": ("a\u202egpj.exe", "control character"),
    "no UTF-8": ("a\udcff", "not UTF-8"),
    "too long": ("中" * 86, "longer than 255 bytes"),
    "nothing": ("", "not relative"),
    "an empty part": ("a//b", "leads out"),
}


@pytest.mark.parametrize(("name", "said"), NAMES.values(), ids=NAMES)
def test_a_name_that_may_harm_is_refused(name: str, said: str) -> None:
    with pytest.raises(ArtifactError, match=said) as refused:
        check_names(["model.json", name])
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("pair", [("A.txt", "a.txt"), ("\u00e9", "e\u0301"), ("Straße", "STRASSE")])
def test_names_that_fall_together_elsewhere_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ArtifactError, match="alone; rename one"):
        check_names(pair)


def test_usual_names_in_any_language_are_allowed() -> None:
    check_names(["config.json", "sub/模 型.txt", ".gitattributes", "a-b_c.001.safetensors"])


def test_too_many_files_are_refused() -> None:
    with pytest.raises(ArtifactError, match=r"more than 100,000 files"):
        check_names(str(number) for number in range(100_001))


def test_a_blob_has_the_name_of_its_bytes_and_is_read_only(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    blob = store.take(io.BytesIO(b"weights"))
    path = store.path(blob.sha256)
    hexadecimal = sha256(b"weights").hexdigest()
    assert path == tmp_path / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal[2:]
    assert (blob.size_bytes, blob.is_new, path.stat().st_mode & 0o777) == (7, True, 0o444)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_blob_is_kept_once_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    blob = store.take(io.BytesIO(b"weights"))
    assert not store.take(io.BytesIO(b"weights")).is_new
    path = store.path(blob.sha256)
    path.chmod(0o644)
    path.write_bytes(b"weighty")
    assert not store.is_whole(blob.sha256)
    assert store.take(io.BytesIO(b"weights")).is_new
    assert path.read_bytes() == b"weights"


def test_drafts_that_a_killed_process_left_are_swept_away(tmp_path: Path) -> None:
    store, drafts = BlobStore(tmp_path), tmp_path / "tmp"
    blob = store.take(io.BytesIO(b"weights"))
    for name, at_s in (("blob-old", 1000.0), ("blob-new", 3000.0), ("other", 1000.0)):
        (drafts / name).touch()
        os.utime(drafts / name, (at_s, at_s))
    store.sweep(2000.0)
    assert sorted(path.name for path in drafts.iterdir()) == ["blob-new", "other"]
    assert store.is_whole(blob.sha256)


def test_a_tree_is_links_to_blobs_that_nobody_may_write(tmp_path: Path) -> None:
    source, folder = a_tree(tmp_path), tmp_path / "turnout"
    members = taken(source, folder)
    tree = build_tree(folder, "guard", members)
    assert tree == folder / "versions" / "guard" / digest12(digest_of(members))
    assert (tree / "sub" / "a.txt").read_bytes() == b"b"
    assert (tree / "weights.bin").samefile(BlobStore(folder).path(sha256(b"weights").hexdigest()))
    assert [path.stat().st_mode & 0o222 for path in (tree, tree / "sub", tree / "sub/a.txt")] == [
        0,
        0,
        0,
    ]
    assert digest_of(read_members(tree, None)) == digest_of(members)


def test_a_single_file_is_the_tree_itself(tmp_path: Path) -> None:
    file, folder = tmp_path / "model.onnx", tmp_path / "turnout"
    file.write_bytes(b"onnx")
    path = build_tree(folder, "guard", taken(file, folder))
    assert path == tree_path(folder, "guard", f"sha256:{sha256(b'onnx').hexdigest()}")
    assert path.read_bytes() == b"onnx"


def test_a_tree_that_is_whole_stays_and_a_harmed_one_is_made_again(tmp_path: Path) -> None:
    source, folder = a_tree(tmp_path), tmp_path / "turnout"
    members = taken(source, folder)
    tree = build_tree(folder, "guard", members)
    number = tree.stat().st_ino
    assert build_tree(folder, "guard", members).stat().st_ino == number
    tree.chmod(0o755)
    (tree / "extra.py").touch()
    assert build_tree(folder, "guard", members).stat().st_ino != number
    assert not (tree / "extra.py").exists()


def test_a_tree_whose_file_was_exchanged_is_made_again(tmp_path: Path) -> None:
    source, folder = a_tree(tmp_path), tmp_path / "turnout"
    members = taken(source, folder)
    tree = build_tree(folder, "guard", members)
    tree.chmod(0o755)
    (tree / "weights.bin").unlink()
    (tree / "weights.bin").write_bytes(b"weighty")
    assert (build_tree(folder, "guard", members) / "weights.bin").read_bytes() == b"weights"
    assert [path.name for path in tree.parent.iterdir() if path.name.startswith(".")] == []
