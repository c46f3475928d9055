"""Signs models with a key of the host: for demonstrations, and where no other tool does it."""

import base64
import json
import os
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from turnout.adapters.model_signing.bundle import (
    MEDIA_TYPE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    envelope_bytes,
)
from turnout.adapters.model_signing.signers import hash_of, usable_key
from turnout.errors import BadInputError

_SIGNATURE: Final = "model.sig"
_SINGLE: Final = "."


def make_key(private_key: Path) -> Path:
    """Make a P-256 key: the private half at this path, 0600, the public half beside it as `.pub`.

    Returns:
        The path of the public half.

    Raises:
        BadInputError: there is a key already; it is never replaced.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    private_key.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadInputError(f"there is a key at `{private_key}` already; choose a path") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    public = private_key.with_suffix(".pub")
    public.write_bytes(_public_pem(key))
    return public


def sign_tree(tree: Path, private_key_pem: Path) -> Path:
    """Sign every file of a folder into `model.sig` inside it, a single file into `<file>.sig`.

    Returns:
        The path of the signature.

    Raises:
        BadInputError: the key cannot be used, or the tree holds links.
    """
    key = _private_key(private_key_pem)
    payload = json.dumps(_statement(tree, _digests(tree)), indent=2).encode()
    signature = key.sign(envelope_bytes(payload), hash_of(key))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    hint = sha256(_public_pem(key)).hexdigest()
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }
    return _write(_signature_path(tree), json.dumps(bundle).encode())


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        usable_key(key.public_key())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadInputError(f"`{path}` is not a private key that signs models: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadInputError(f"`{path}` is not an elliptic curve key")
    return key


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _digests(tree: Path) -> dict[str, str]:
    if tree.is_file():
        return {_SINGLE: _digest(tree)}
    inside = sorted(tree.rglob("*"))
    links = [path for path in inside if path.is_symlink()]
    if links:
        raise BadInputError(f"`{links[0]}` is a link; put the file itself there, then sign")
    files = {path.relative_to(tree).as_posix(): path for path in inside if path.is_file()}
    files.pop(_SIGNATURE, None)
    if not files:
        raise BadInputError(f"there is nothing to sign in `{tree}`")
    return {name: _digest(files[name]) for name in sorted(files)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _statement(tree: Path, digests: dict[str, str]) -> dict[str, object]:
    root = sha256(b"".join(bytes.fromhex(digest) for digest in digests.values())).hexdigest()
    resources = [
        {"name": name, "digest": digest, "algorithm": "sha256"} for name, digest in digests.items()
    ]
    serialized = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [] if tree.is_file() else [_SIGNATURE],
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": tree.resolve().name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"resources": resources, "serialization": serialized},
    }


def _signature_path(tree: Path) -> Path:
    return tree.with_name(f"{tree.name}.sig") if tree.is_file() else tree / _SIGNATURE


def _write(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    draft.rename(path)
    return path
