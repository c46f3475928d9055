"""What a digest of an artifact depends on, for any names and bytes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.adapters.files.content import Member, digest12, digest_of
from turnout.adapters.files.names import check_names, shown
from turnout.errors import ArtifactError

NAMES = st.text("abz模é-", min_size=1, max_size=6)
MEMBERS = st.builds(
    Member,
    name=NAMES,
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    size_bytes=st.integers(0, 1 << 40),
)
ARTIFACTS = st.lists(MEMBERS, min_size=1, max_size=5, unique_by=lambda member: member.name)


@given(ARTIFACTS, st.randoms())
def test_the_order_of_files_does_not_matter(files: list[Member], chance: object) -> None:
    shuffled = sorted(files, key=lambda member: hash((member.name, str(chance))))
    assert digest_of(shuffled) == digest_of(files) == digest_of(reversed(files))


@given(ARTIFACTS)
def test_name_bytes_and_size_of_each_file_matter(files: list[Member]) -> None:
    first, *rest = files
    others = [
        replace(first, name=first.name + "x"),
        replace(first, sha256="0" * 64),
        replace(first, size_bytes=first.size_bytes + 1),
    ]
    digests = {digest_of([each, *rest]) for each in [first, *others]}
    assert len(digests) == len({first, *others})


@given(ARTIFACTS)
def test_a_file_more_or_less_matters(files: list[Member]) -> None:
    assert digest_of(files[1:]) != digest_of(files)


@given(MEMBERS)
def test_a_folder_of_one_file_is_not_the_file_itself(file: Member) -> None:
    single = digest_of([replace(file, name=".")])
    assert single == f"sha256:{file.sha256}"
    assert digest_of([file]) != single


@given(ARTIFACTS)
def test_twelve_digits_name_the_tree(files: list[Member]) -> None:
    digest = digest_of(files)
    assert digest.startswith("sha256:")
    assert digest[7:].startswith(digest12(digest))
    assert len(digest12(digest)) == 12


def said_about(name: str) -> str:
    try:
        check_names([name])
    except ArtifactError as error:
        return str(error)
    return ""


@given(st.text(max_size=30))
def test_any_name_is_taken_or_refused_in_printable_words(name: str) -> None:
    said = said_about(name)
    assert "\n" not in said
    assert "\x1b" not in shown(name)
    if not said:
        assert not name.startswith("/")
        assert ".." not in name.split("/")


@given(NAMES)
def test_a_name_falls_together_with_itself_in_another_case(name: str) -> None:
    if name.upper() != name:
        with pytest.raises(ArtifactError, match="rename one"):
            check_names([name, name.upper()])
