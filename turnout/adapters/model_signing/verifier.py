"""Decides whether a model's files are exactly those that an allowed signer signed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography import x509

from turnout.adapters.model_signing.bundle import (
    Bundle,
    Statement,
    envelope_bytes,
    read_bundle,
    read_statement,
)
from turnout.adapters.model_signing.certificates import check_chain
from turnout.adapters.model_signing.signers import Signers, has_signed, usable_key
from turnout.errors import SignatureRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A good signature: who made it, the name that was signed, the digest over all files."""

    signer: str
    name: str
    root: str


def verify(
    content: bytes,
    files: Mapping[str, str],
    signers: Signers,
    *,
    names: Collection[str],
    at: datetime,
) -> Signed:
    """Check `model.sig` against the sha256 of each file, `.` being the name of a single file.

    Every file must be signed, those below `.git` too, and every signed one must be there.

    Args:
        content: the bytes of `model.sig`.
        files: sha256 by relative name, the signature itself left out.
        signers: who may sign.
        names: what the signed model may be called; empty allows any name.
        at: the moment at which certificates must be valid.

    Raises:
        SignatureRefusedError: names the file, key or certificate that is wrong.

    Source: OpenSSF Model Signing specification 1.0; model-signing 1.1.1 for its file form.
    """
    bundle = read_bundle(content)
    signer = _signer(bundle, signers, at)
    statement = read_statement(bundle.payload)
    _check_root(statement)
    _check_files(statement, files)
    if names and statement.name not in names:
        wanted = " or ".join(f"`{name}`" for name in sorted(names))
        raise SignatureRefusedError(
            f"the signature is for `{statement.name}`, not for {wanted}; sign it under its own name"
        )
    return Signed(signer=signer, name=statement.name, root=statement.root)


def _signer(bundle: Bundle, signers: Signers, at: datetime) -> str:
    signed = envelope_bytes(bundle.payload)
    if bundle.certificates:
        return _certified_signer(bundle, signers, at, signed)
    for name, key in signers.keys:
        if has_signed(key, bundle.signature, signed):
            return name
    allowed = ", ".join(name for name, _ in signers.keys) or "no key is allowed"
    raise SignatureRefusedError(f"the signature was made by none of the allowed keys ({allowed})")


def _certified_signer(bundle: Bundle, signers: Signers, at: datetime, signed: bytes) -> str:
    try:
        chain = [x509.load_der_x509_certificate(each) for each in bundle.certificates]
        key = usable_key(chain[0].public_key())
    except ValueError as error:
        raise SignatureRefusedError(f"the signer's certificate is unusable: {error}") from error
    if not has_signed(key, bundle.signature, signed):
        raise SignatureRefusedError("the signature was not made by the key of its certificate")
    root = check_chain(chain, signers.roots, at)
    return f"{chain[0].subject.rfc4514_string()} ({root})"


def _check_root(statement: Statement) -> None:
    digests = [bytes.fromhex(resource.digest) for resource in statement.predicate.resources]
    if sha256(b"".join(digests)).hexdigest() != statement.root:
        raise SignatureRefusedError("the signed list of files does not have its signed digest")


def _check_files(statement: Statement, files: Mapping[str, str]) -> None:
    signed = {resource.name: resource.digest for resource in statement.predicate.resources}
    if len(signed) != len(statement.predicate.resources):
        raise SignatureRefusedError("the signed list names a file twice")
    wrong = [f"extra: `{name}` is not signed" for name in sorted(files.keys() - signed.keys())]
    wrong += [f"missing: `{name}` is signed" for name in sorted(signed.keys() - files.keys())]
    wrong += [
        f"changed: `{name}` does not match its signed sha256"
        for name in sorted(files.keys() & signed.keys())
        if files[name] != signed[name]
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise SignatureRefusedError(wrong[0] + more)
