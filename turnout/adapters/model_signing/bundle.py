"""The file `model.sig`: a Sigstore bundle around an in-toto statement about a model's files."""

import base64
import binascii
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from turnout.errors import SignatureRefusedError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - pydantic collects ValueError
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


_Model = TypeVar("_Model", bound=BaseModel)
_Bytes = Annotated[bytes, BeforeValidator(_decoded)]
_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Foreign(BaseModel):
    # Written by others, whose next edition may say more.
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Certificate(_Foreign):
    raw_bytes: _Bytes


class _Chain(_Foreign):
    certificates: tuple[_Certificate, ...] = Field(min_length=1, max_length=8)


class _Material(_Foreign):
    x509_certificate_chain: _Chain | None = Field(None, alias="x509CertificateChain")


class _Signature(_Foreign):
    sig: _Bytes


class _Envelope(_Foreign):
    payload: _Bytes
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: tuple[_Signature, ...] = Field(min_length=1, max_length=1)


class Bundle(_Foreign):
    """A signature as it is read; nothing in it is trusted yet."""

    verification_material: _Material
    dsse_envelope: _Envelope

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """Give the signer's certificates in DER, leaf first; none when a bare key signed."""
        chain = self.verification_material.x509_certificate_chain
        return tuple(each.raw_bytes for each in chain.certificates) if chain else ()

    @property
    def payload(self) -> bytes:
        """Give the signed bytes."""
        return self.dsse_envelope.payload

    @property
    def signature(self) -> bytes:
        """Give the one signature over them."""
        return self.dsse_envelope.signatures[0].sig


class _Digest(_Foreign):
    sha256: _Hex


class _Subject(_Foreign):
    name: str
    digest: _Digest


class _Resource(_Foreign):
    name: str
    digest: _Hex
    algorithm: Literal["sha256"]


class _Serialization(_Foreign):
    model_config = ConfigDict(alias_generator=None, extra="ignore", frozen=True)
    method: Literal["files"]
    hash_type: Literal["sha256"]


class _Predicate(_Foreign):
    resources: tuple[_Resource, ...]
    serialization: _Serialization


class Statement(_Foreign):
    """What was signed: the model's name, and the sha256 of each of its files."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[_Subject, ...] = Field(min_length=1, max_length=1)
    predicate_type: Literal["https://model_signing/signature/v1.0"]
    predicate: _Predicate

    @property
    def name(self) -> str:
        """Give the name of the folder, or file, when it was signed."""
        return self.subject[0].name

    @property
    def root(self) -> str:
        """Give the sha256 over the files' digests that the statement claims."""
        return self.subject[0].digest.sha256


def read_bundle(content: bytes) -> Bundle:
    """Read `model.sig`.

    Raises:
        SignatureRefusedError: it is not a bundle, or one of a kind that is not supported.
    """
    return _read(Bundle, content, "the signature is not a whole Sigstore bundle")


def read_statement(payload: bytes) -> Statement:
    """Read what was signed; call it after the signature was found good."""
    return _read(Statement, payload, "the signed statement is not one about a model's files")


def envelope_bytes(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Give the bytes that a signature is made over.

    Source: DSSE, pre-authentication encoding, version 1.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _read(model: type[_Model], content: bytes, what: str) -> _Model:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise SignatureRefusedError(f"{what}: {place}: {first['msg']}; sign it again") from error
