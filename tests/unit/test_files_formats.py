"""Which files count as bearing a pickle, and which do not."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.adapters.files.formats import pickle_in
from turnout.adapters.files.pickles import bears_pickle


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return PurePosixPath, ("never made",)


def harm(protocol: int) -> bytes:
    return pickle.dumps(Harm(), protocol)


def zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


def encrypted(name: str, body: bytes) -> bytes:
    content = bytearray(zipped({name: body}))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + at] |= 1
    return bytes(content)


def tarred(name: str, body: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return content.getvalue()


def safetensors() -> bytes:
    head = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return len(head).to_bytes(8, "little") + head + b"\0" * 8


LARGE = b"B" + (2 << 20).to_bytes(4, "little") + b"\0" * (2 << 20) + b"0"
OBJECTS = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
NUMBERS = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n"
LAMBDA = b'{"class_name": "Lambda"}'
HDF5 = b"\x89HDF\r\n\x1a\n"

BEARS = {
    "by its suffix": ("model.pt", b"anything"),
    "protocol 2 renamed": ("model.safetensors", harm(2)),
    "protocol 5 renamed": ("weights.bin", harm(5)),
    "protocol 0 renamed": ("config.json", harm(0)),
    "protocol 1 without a mark": ("notes.txt", harm(1)),
    "protocol 4 without its mark": ("notes.txt", harm(4)[2:]),
    "a broken tail": ("notes.txt", harm(0)[:-1] + b"\xff\xff"),
    "a cut end": ("notes.txt", harm(0)[:-1]),
    "a large value first": (
        "notes.txt",
        LARGE + harm(0),
    ),
    "a long line first": ("notes.txt", b"V" + b"x" * 100_000 + b"\n0" + harm(0)),
    "a mark that is popped": ("notes.txt", b"(0" + harm(0)),
    "torch's zip renamed": ("model.safetensors", zipped({"m/data.pkl": b""})),
    "a renamed member": ("model.bin", zipped({"m/weights": harm(2)})),
    "an encrypted zip": ("model.bin", encrypted("m/weights", harm(2))),
    "a zip after other bytes": ("model.bin", b"\0" * 100 + zipped({"m/data.pkl": b""})),
    "a zip in a zip": ("model.bin", zipped({"inner": zipped({"data.pkl": b""})})),
    "a tar": ("model.nemo", tarred("weights", harm(2))),
    "gzip": ("model.bin", gzip.compress(harm(3))),
    "bzip2": ("model.bin", bz2.compress(harm(3))),
    "xz": ("model.bin", lzma.compress(harm(3))),
    "zlib": ("model.bin", zlib.compress(harm(3))),
    "a zip in gzip": ("model.bin", gzip.compress(zipped({"data.pkl": b""}))),
    "7z": ("model.bin", b"7z\xbc\xaf\x27\x1c" + b"\0" * 100),
    "an array of objects": ("words.npy", OBJECTS),
    "an array of objects in a zip": ("words.npz", zipped({"words.npy": OBJECTS})),
    "Lambda in Keras' zip": ("model.keras", zipped({"config.json": LAMBDA})),
    "Lambda in HDF5": ("model.h5", HDF5 + b"\0" * (1 << 20) + LAMBDA),
}

DOES_NOT = {
    "nothing": ("empty.bin", b""),
    "safetensors": ("model.safetensors", safetensors()),
    "gguf": ("model.gguf", b"GGUF\x03\0\0\0" + b"\0" * 64),
    "JSON": ("config.json", b'{"layers": "Lambda"}'),
    "a list of words": ("labels.txt", b"car\nperson\ndog\nRat\n"),
    "a text with a bracket": ("README.md", b"(see below)\n.\n"),
    "a text with a power": ("notes.txt", b"x^2 + y^2\n"),
    "numbers of numpy": ("w.npy", NUMBERS + b"\0" * 4),
    "a zip of texts": ("words.zip", zipped({"a.txt": b"BZh is a magic", "b.txt": b"x^2"})),
    "a compressed text": ("words.gz", gzip.compress(b"one\ntwo\n")),
    "a cut gzip": ("words.gz", gzip.compress(b"one\ntwo\n")[:8]),
    "HDF5": ("model.h5", HDF5 + b"\0" * 100),
}


@pytest.mark.parametrize(("name", "content"), BEARS.values(), ids=BEARS)
def test_a_file_that_can_run_code_is_recognised(name: str, content: bytes) -> None:
    assert pickle_in(name, io.BytesIO(content))


@pytest.mark.parametrize(("name", "content"), DOES_NOT.values(), ids=DOES_NOT)
def test_a_file_of_data_is_let_through(name: str, content: bytes) -> None:
    assert pickle_in(name, io.BytesIO(content)) == ""


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer_without_a_fault(content: bytes) -> None:
    assert isinstance(pickle_in("model.bin", io.BytesIO(content)), str)


@given(st.text(max_size=200))
def test_an_english_or_chinese_text_is_never_taken_for_code(text: str) -> None:
    assert not bears_pickle(io.BytesIO(text.encode(errors="replace")))


@given(st.binary(max_size=300), st.integers(0, 5))
def test_code_stays_recognised_behind_a_value(value: bytes, protocol: int) -> None:
    behind = b"B" + len(value).to_bytes(4, "little") + value + b"0" + harm(protocol)
    assert bears_pickle(io.BytesIO(behind))
