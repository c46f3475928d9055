"""What model-signing signs is taken here, and what is signed here is taken there."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying

from turnout.adapters.model_signing import Signed, load_signers, make_key, sign_tree, verify
from turnout.errors import BadInputError, SignatureRefusedError

CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]


def a_model(folder: Path) -> Path:
    tree = folder / "v1.1"
    (tree / "sub").mkdir(parents=True)
    (tree / "model.safetensors").write_bytes(b"weights")
    (tree / "sub" / "模 型.txt").write_text("中", encoding="utf-8")
    (tree / "empty.bin").touch()
    return tree


def a_key_pair(folder: Path, curve: ec.EllipticCurve) -> tuple[Path, Path]:
    key = ec.generate_private_key(curve)
    private, public = folder / "k.key", folder / "k.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def files_of(tree: Path) -> dict[str, str]:
    if tree.is_file():
        return {".": sha256(tree.read_bytes()).hexdigest()}
    return {
        path.relative_to(tree).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in tree.rglob("*")
        if path.is_file() and path != tree / "model.sig"
    }


def ours(tree: Path, signature: Path, public: Path) -> Signed:
    return verify(
        signature.read_bytes(),
        files_of(tree),
        load_signers([public]),
        names={tree.name},
        at=datetime.now(UTC),
    )


# model-signing gives its constructors no types.
def theirs(tree: Path, signature: Path, public: Path) -> None:
    config = verifying.Config()  # type: ignore[no-untyped-call]  # see above
    config.use_elliptic_key_verifier(public_key=public).verify(tree, signature)


def signed_by_theirs(tree: Path, private: Path) -> Path:
    signature = tree / "model.sig"
    hashed = hashing.Config()  # type: ignore[no-untyped-call]  # see above
    config = signing.Config()  # type: ignore[no-untyped-call]  # see above
    config.use_elliptic_key_signer(private_key=private)
    config.set_hashing_config(hashed.set_ignored_paths(paths=[signature])).sign(tree, signature)
    return signature


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_their_signature_of_a_folder_is_taken_here(curve: ec.EllipticCurve, tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    private, public = a_key_pair(tmp_path, curve)
    signed = ours(tree, signed_by_theirs(tree, private), public)
    assert signed.name == "v1.1"
    assert signed.signer.endswith("/k.pub")


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_our_signature_of_a_folder_is_taken_there(curve: ec.EllipticCurve, tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    private, public = a_key_pair(tmp_path, curve)
    theirs(tree, sign_tree(tree, private), public)


def test_our_signature_of_a_single_file_is_taken_on_both_sides(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"onnx")
    private, public = a_key_pair(tmp_path, CURVES[0])
    signature = sign_tree(file, private)
    assert signature == tmp_path / "model.onnx.sig"
    assert ours(file, signature, public).name == "model.onnx"
    theirs(file, signature, public)


def grow(tree: Path) -> None:
    (tree / "extra.py").write_text("hi", encoding="utf-8")


def change(tree: Path) -> None:
    (tree / "model.safetensors").write_bytes(b"Weights")


def cut(tree: Path) -> None:
    (tree / "model.safetensors").write_bytes(b"wei")


def remove(tree: Path) -> None:
    (tree / "empty.bin").unlink()


def rename(tree: Path) -> None:
    (tree / "empty.bin").rename(tree / "other.bin")


WRONGS = [
    (grow, "extra: `extra.py`"),
    (change, "changed: `model.safetensors`"),
    (cut, "changed: `model.safetensors`"),
    (remove, "missing: `empty.bin`"),
    (rename, "extra: `other.bin` is not signed (and 1 more)"),
]


@pytest.mark.parametrize(("harm", "said"), WRONGS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_harmed_folder_is_refused_on_both_sides(
    harm: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    tree = a_model(tmp_path)
    private, public = a_key_pair(tmp_path, CURVES[0])
    signature = sign_tree(tree, private)
    harm(tree)
    with pytest.raises(SignatureRefusedError) as refused:
        ours(tree, signature, public)
    assert said in str(refused.value)
    with pytest.raises(ValueError, match="mismatch"):
        theirs(tree, signature, public)


def test_a_good_signature_of_an_older_version_is_not_one_for_this_name(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    private, public = a_key_pair(tmp_path, CURVES[0])
    sign_tree(tree, private)
    newer = tree.rename(tmp_path / "v1.2")
    with pytest.raises(SignatureRefusedError, match=r"is for `v1\.1`, not for `v1\.2`"):
        ours(newer, newer / "model.sig", public)


def test_a_key_that_is_made_signs_and_is_never_replaced(tmp_path: Path) -> None:
    tree, private = a_model(tmp_path), tmp_path / "keys" / "release.key"
    public = make_key(private)
    assert (public.name, private.stat().st_mode & 0o777) == ("release.pub", 0o600)
    assert ours(tree, sign_tree(tree, private), public).signer == "keys/release.pub"
    with pytest.raises(BadInputError, match="there is a key"):
        make_key(private)


def test_a_folder_with_links_is_not_signed(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    (tree / "link.bin").symlink_to(tree / "empty.bin")
    private, _ = a_key_pair(tmp_path, CURVES[0])
    with pytest.raises(BadInputError, match="is a link"):
        sign_tree(tree, private)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_file_that_is_no_key_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "release.pub"
    file.write_bytes(content)
    with pytest.raises(BadInputError, match=r"release\.pub"):
        load_signers([file])
