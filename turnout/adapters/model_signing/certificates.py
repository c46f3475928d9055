"""Checks a signer's chain of certificates up to a configured root."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from turnout.errors import SignatureRefusedError

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def check_chain(
    chain: Sequence[x509.Certificate],
    roots: Sequence[tuple[str, x509.Certificate]],
    at: datetime,
) -> str:
    """Check a chain, leaf first; give the name of the root's file.

    Validity is judged at the moment the version is first admitted, given as `at`; a later expiry
    does not undo that.

    Raises:
        SignatureRefusedError: says which certificate breaks which rule.

    Source: RFC 5280, section 6.
    """
    _check_leaf(chain[0])
    path = [*chain]
    if any(path[-1] == root for _, root in roots):
        path.pop()  # the root may be sent along
    if not path:
        raise SignatureRefusedError("a root certificate signed the model itself; use a leaf")
    name, root = _issuer(path[-1], roots)
    path.append(root)
    for depth, (child, parent) in enumerate(pairwise(path)):
        _check_link(child, parent, depth)
    for certificate in path:
        _check_time(certificate, at)
    return name


def _issuer(
    last: x509.Certificate, roots: Sequence[tuple[str, x509.Certificate]]
) -> tuple[str, x509.Certificate]:
    for name, root in roots:
        if _issued(last, root):
            return name, root
    raise SignatureRefusedError(
        f"the certificate `{last.subject.rfc4514_string()}` was issued by none of the allowed roots"
    )


def _check_link(child: x509.Certificate, parent: x509.Certificate, depth: int) -> None:
    subject = parent.subject.rfc4514_string()
    if not _issued(child, parent):
        raise SignatureRefusedError(f"`{subject}` did not issue the certificate before it")
    limits = _extension(parent, x509.BasicConstraints)
    if limits is None or not limits.ca:
        raise SignatureRefusedError(f"`{subject}` may not issue certificates")
    if limits.path_length is not None and limits.path_length < depth:
        raise SignatureRefusedError(f"the chain below `{subject}` is longer than it allows")
    usage = _extension(parent, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise SignatureRefusedError(f"`{subject}` may not sign certificates")


def _check_leaf(leaf: x509.Certificate) -> None:
    subject = leaf.subject.rfc4514_string()
    limits = _extension(leaf, x509.BasicConstraints)
    usage = _extension(leaf, x509.KeyUsage)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if limits is not None and limits.ca:
        raise SignatureRefusedError(f"`{subject}` is an authority and may not sign models")
    if usage is None or not usage.digital_signature:
        raise SignatureRefusedError(f"`{subject}` is not for signatures")
    if purposes is not None and ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise SignatureRefusedError(f"`{subject}` is not for signing code")


def _check_time(certificate: x509.Certificate, at: datetime) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= at <= last:
        raise SignatureRefusedError(
            f"the certificate `{certificate.subject.rfc4514_string()}` is outside its validity,"
            f" {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
