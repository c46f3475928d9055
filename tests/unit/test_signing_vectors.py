"""Published-form bundles, good and bad, and what the verifier says about each."""

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

import pytest

from turnout.adapters.model_signing import Signed, Signers, load_signers, verify
from turnout.adapters.model_signing.bundle import envelope_bytes
from turnout.errors import SignatureRefusedError

VECTORS = Path(__file__).parents[1] / "data" / "signatures.json"
NOW = "2026-12-01T00:00:00Z"


class Expected(TypedDict, total=False):
    ok: bool
    reason: str
    signer: str
    subject: str
    root: str


class Vector(TypedDict, total=False):
    name: str
    files: dict[str, str]
    bundle: dict[str, object]
    public_key_pem: str
    root_pem: str
    at: str
    expect: Expected


LOADED = json.loads(VECTORS.read_text(encoding="utf-8"))
OMS: list[Vector] = LOADED["oms"]


def named(name: str) -> Vector:
    return next(vector for vector in OMS if vector["name"] == name)


def signers_of(vector: Vector, folder: Path) -> Signers:
    file = folder / "allowed.pem"
    file.write_text(vector.get("public_key_pem") or vector["root_pem"], encoding="utf-8")
    return load_signers([file])


def checked(vector: Vector, folder: Path, *, at: str | None = None) -> Signed:
    return verify(
        json.dumps(vector["bundle"]).encode(),
        {name: sha256(text.encode()).hexdigest() for name, text in vector["files"].items()},
        signers_of(vector, folder),
        names=(),
        at=datetime.fromisoformat(at or vector.get("at", NOW)).astimezone(UTC),
    )


GOOD = [vector for vector in OMS if vector["expect"]["ok"]]
BAD = [vector for vector in OMS if not vector["expect"]["ok"]]
SAID = {
    "signature": "none of the allowed keys",
    "certificate outside its validity": "is outside its validity",
}


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["name"])
def test_a_good_bundle_is_taken(vector: Vector, tmp_path: Path) -> None:
    signed = checked(vector, tmp_path)
    expected = vector["expect"]
    assert expected.get("signer", "") in signed.signer
    assert expected.get("root", signed.root) == signed.root
    assert expected.get("subject", signed.name) == signed.name


@pytest.mark.parametrize("vector", BAD, ids=lambda vector: vector["name"])
def test_a_bad_bundle_is_refused_and_the_reason_named(vector: Vector, tmp_path: Path) -> None:
    reason = vector["expect"]["reason"]
    with pytest.raises(SignatureRefusedError) as refused:
        checked(vector, tmp_path)
    kind, _, file = reason.partition(": ")
    assert SAID.get(reason, f"{kind}: `{file}`") in str(refused.value)


def test_a_certificate_that_was_valid_when_admitted_is_judged_at_that_time(tmp_path: Path) -> None:
    expired = named("certificate_expired")
    assert checked(expired, tmp_path, at=NOW).name == "m"


@pytest.mark.parametrize("pae", LOADED["dsse_pae"], ids=lambda pae: pae.get("type", "")[:20])
def test_the_bytes_that_are_signed_have_the_published_form(pae: dict[str, str]) -> None:
    assert envelope_bytes(pae["body"].encode(), pae["type"]).decode() == pae["pae"]


def test_one_flipped_bit_anywhere_in_the_payload_is_refused(tmp_path: Path) -> None:
    vector = named("key")
    envelope = json.loads(json.dumps(vector["bundle"]))["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    for at in range(0, len(payload), 97):
        flipped = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        envelope["payload"] = base64.b64encode(flipped).decode()
        broken = Vector(**{**vector, "bundle": {**vector["bundle"], "dsseEnvelope": envelope}})
        with pytest.raises(SignatureRefusedError):
            checked(broken, tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_bundle_that_was_cut_is_refused(part: float, tmp_path: Path) -> None:
    vector = named("key")
    text = json.dumps(vector["bundle"]).encode()
    with pytest.raises(SignatureRefusedError, match="not a whole Sigstore bundle"):
        verify(
            text[: int(len(text) * part)],
            {},
            signers_of(vector, tmp_path),
            names=(),
            at=datetime.now(UTC),
        )
