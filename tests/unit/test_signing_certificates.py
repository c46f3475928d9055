"""Chains of certificates: what a signer's may look like, and what is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from turnout.adapters.model_signing import load_signers
from turnout.adapters.model_signing.certificates import check_chain
from turnout.errors import BadInputError, SignatureRefusedError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Holder:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a certificate is made; the defaults are a signer's."""

    ca: bool = False
    path_length: int | None = None
    digital_signature: bool = True
    key_cert_sign: bool = False
    purpose: ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING
    first: datetime = NOW - YEAR
    last: datetime = NOW + YEAR


SIGNER = Kind()
AUTHORITY = Kind(ca=True, digital_signature=False, key_cert_sign=True, purpose=None)


def usage(kind: Kind) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=kind.digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=kind.key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def issue(name: str, kind: Kind, issuer: Holder | None = None) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(kind.first)
        .not_valid_after(kind.last)
        .add_extension(x509.BasicConstraints(kind.ca, kind.path_length), critical=True)
        .add_extension(usage(kind), critical=True)
    )
    if kind.purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([kind.purpose]), critical=False)
    return Holder(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def check(chain: Sequence[Holder], *roots: Holder) -> str:
    allowed = [(f"keys/root-{n}.pem", root.certificate) for n, root in enumerate(roots)]
    return check_chain([holder.certificate for holder in chain], allowed, NOW)


def test_a_signer_below_a_root_is_taken_and_the_root_named() -> None:
    other, root = issue("Other", AUTHORITY), issue("Root", AUTHORITY)
    assert check([issue("Signer", SIGNER, root)], other, root) == "keys/root-1.pem"


def test_a_chain_may_have_steps_and_bring_its_root_along() -> None:
    root = issue("Root", replace(AUTHORITY, path_length=1))
    middle = issue("Middle", AUTHORITY, root)
    signer = issue("Signer", SIGNER, middle)
    assert check([signer, middle], root) == check([signer, middle, root], root)


def test_a_signer_without_purposes_is_taken() -> None:
    root = issue("Root", AUTHORITY)
    assert check([issue("Signer", Kind(purpose=None), root)], root)


def unknown_root() -> str:
    return check([issue("Signer", SIGNER, issue("Root", AUTHORITY))], issue("Root", AUTHORITY))


def authority_as_signer() -> str:
    root = issue("Root", AUTHORITY)
    return check([issue("Signer", Kind(ca=True), root)], root)


def no_signature_usage() -> str:
    root = issue("Root", AUTHORITY)
    return check([issue("Signer", Kind(digital_signature=False), root)], root)


def server_certificate() -> str:
    root = issue("Root", AUTHORITY)
    return check([issue("Signer", Kind(purpose=ExtendedKeyUsageOID.SERVER_AUTH), root)], root)


def issuer_that_is_no_authority() -> str:
    root = issue("Root", AUTHORITY)
    middle = issue("Middle", SIGNER, root)
    return check([issue("Signer", SIGNER, middle), middle], root)


def issuer_that_may_not_sign() -> str:
    root = issue("Root", AUTHORITY)
    middle = issue("Middle", Kind(ca=True, purpose=None), root)
    return check([issue("Signer", SIGNER, middle), middle], root)


def chain_that_is_too_long() -> str:
    root = issue("Root", replace(AUTHORITY, path_length=0))
    middle = issue("Middle", AUTHORITY, root)
    return check([issue("Signer", SIGNER, middle), middle], root)


def chain_with_a_gap() -> str:
    root = issue("Root", AUTHORITY)
    signer = issue("Signer", SIGNER, issue("Middle", AUTHORITY, root))
    return check([signer, issue("Middle", AUTHORITY, root)], root)


def expired_signer() -> str:
    root = issue("Root", AUTHORITY)
    return check([issue("Signer", Kind(last=NOW - timedelta(days=1)), root)], root)


def signer_of_the_future() -> str:
    root = issue("Root", AUTHORITY)
    return check([issue("Signer", Kind(first=NOW + timedelta(days=1)), root)], root)


def expired_root() -> str:
    root = issue("Root", replace(AUTHORITY, last=NOW - timedelta(days=1)))
    return check([issue("Signer", SIGNER, root)], root)


def root_as_signer() -> str:
    root = issue("Root", SIGNER)
    return check([root], root)


REFUSED = {
    unknown_root: "issued by none of the allowed roots",
    authority_as_signer: "is an authority",
    no_signature_usage: "is not for signatures",
    server_certificate: "is not for signing code",
    issuer_that_is_no_authority: "`CN=Middle` may not issue",
    issuer_that_may_not_sign: "`CN=Middle` may not sign certificates",
    chain_that_is_too_long: "longer than it allows",
    chain_with_a_gap: "did not issue the certificate before it",
    expired_signer: "`CN=Signer` is outside its validity",
    signer_of_the_future: "`CN=Signer` is outside its validity",
    expired_root: "`CN=Root` is outside its validity",
    root_as_signer: "signed the model itself",
}


@pytest.mark.parametrize(
    ("attempt", "said"), REFUSED.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_a_chain_that_breaks_a_rule_is_refused(attempt: Callable[[], str], said: str) -> None:
    with pytest.raises(SignatureRefusedError) as refused:
        attempt()
    assert said in str(refused.value)


def test_a_file_may_hold_several_roots(tmp_path: Path) -> None:
    roots = [issue("One", AUTHORITY), issue("Two", AUTHORITY)]
    encoded = [root.certificate.public_bytes(serialization.Encoding.PEM) for root in roots]
    (tmp_path / "roots.pem").write_bytes(b"".join(encoded))
    signers = load_signers([tmp_path / "roots.pem"])
    assert [root for _, root in signers.roots] == [root.certificate for root in roots]


@pytest.mark.parametrize(
    "key",
    [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())],
    ids=["ed25519", "secp256k1"],
)
def test_a_key_that_models_are_not_signed_with_is_refused(
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    file = tmp_path / "release.pub"
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    file.write_bytes(key.public_key().public_bytes(*form))
    with pytest.raises(BadInputError, match="not an elliptic curve key of P-256"):
        load_signers([file])
