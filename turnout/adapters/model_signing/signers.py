"""Who may sign: public keys, and roots of certificates, from PEM files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from turnout.errors import BadInputError

# Source: the Sigstore bundle format; the curve decides the hash.
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
    "secp521r1": hashes.SHA512,
}


@dataclass(frozen=True, slots=True)
class Signers:
    """Those who may sign, each with the name that sentences call them by."""

    keys: tuple[tuple[str, ec.EllipticCurvePublicKey], ...] = ()
    roots: tuple[tuple[str, x509.Certificate], ...] = ()


def load_signers(paths: Iterable[Path]) -> Signers:
    """Read public keys and root certificates; a file may hold several certificates.

    Raises:
        BadInputError: a file is neither, or its curve is not one that models are signed with.
    """
    keys: list[tuple[str, ec.EllipticCurvePublicKey]] = []
    roots: list[tuple[str, x509.Certificate]] = []
    for path in paths:
        name = "/".join(path.parts[-2:])
        try:
            content = path.read_bytes()
            if b"BEGIN CERTIFICATE" in content:
                roots += [(name, each) for each in x509.load_pem_x509_certificates(content)]
            else:
                keys.append((name, usable_key(load_pem_public_key(content))))
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise BadInputError(
                f"`{path}` is not a public key or certificate in PEM form: {error}"
            ) from error
    return Signers(tuple(keys), tuple(roots))


def usable_key(key: object) -> ec.EllipticCurvePublicKey:
    """Give the key back when it is of a kind that models are signed with; else ValueError."""
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _HASHES:
        return key
    raise ValueError("not an elliptic curve key of P-256, P-384 or P-521")


def hash_of(key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> ec.ECDSA:
    """Give the signature algorithm that belongs to the curve of a key."""
    return ec.ECDSA(_HASHES[key.curve.name]())


def has_signed(key: ec.EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    """Tell whether the owner of this key signed the content."""
    try:
        key.verify(signature, content, hash_of(key))
    except InvalidSignature:
        return False
    return True
