"""What prepare refuses, what it lets through, and that nothing of a refused version is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.adapters.files.content import digest_of
from turnout.adapters.files.source import read_members
from turnout.adapters.model_signing import make_key, sign_tree
from turnout.domain.checks import ArtifactRules, Checks, Finding, Job, JobKind, JobResult, JobState
from turnout.errors import BadInputError
from turnout.jobs.prepare import Prepare


def a_model(folder: Path, version: str = "v1.1") -> Path:
    tree = folder / "models" / version
    tree.mkdir(parents=True)
    (tree / "model.safetensors").write_bytes(b"weights")
    (tree / "model.json").write_text("{}", encoding="utf-8")
    return tree


def promised_by(rules: ArtifactRules) -> str | None:
    source = Path(rules.source)
    return digest_of(read_members(source, None)) if source.exists() else None


async def prepare(
    folder: Path, rules: ArtifactRules, *, version: str = "v1.1", digest: str | None = None
) -> JobResult:
    promised = digest or promised_by(rules)
    job = Job(
        kind=JobKind.PREPARE,
        key="prepare/guard-r1/0",
        service="guard",
        version=version,
        digest="sha256:version",
        artifact_digest=promised,
        checks=Checks(artifact=rules),
    )
    return await Prepare(folder / "turnout", job).attempt()


def signed_rules(folder: Path, tree: Path) -> ArtifactRules:
    private = folder / "keys" / "release.key"
    public = make_key(private)
    sign_tree(tree, private)
    return ArtifactRules(source=str(tree), keys=(str(public),), signature_required=True)


def served(folder: Path) -> list[Path]:
    return [path for path in (folder / "turnout").glob("versions/guard/*") if path.is_dir()]


def blobs(folder: Path) -> list[Path]:
    return [path for path in (folder / "turnout" / "blobs").rglob("*") if path.is_file()]


def broken(result: JobResult) -> Finding:
    assert [finding.ok for finding in result.findings].count(False) == 1
    return next(finding for finding in result.findings if not finding.ok)


async def test_a_signed_model_is_served_as_it_was_verified(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    result = await prepare(tmp_path, signed_rules(tmp_path, tree))
    assert result.state is JobState.PASSED
    (target,) = served(tmp_path)
    assert sorted(path.name for path in target.iterdir()) == ["model.json", "model.safetensors"]
    assert [(f.code, f.ok) for f in result.findings] == [("source", True), ("signature", True)]
    assert result.findings[1].text == "signed by keys/release.pub as `v1.1`"
    (tree / "model.safetensors").write_bytes(b"another")
    assert (target / "model.safetensors").read_bytes() == b"weights"


async def test_a_model_without_rules_needs_no_signature(tmp_path: Path) -> None:
    result = await prepare(tmp_path, ArtifactRules(source=str(a_model(tmp_path))))
    assert (result.state, [f.code for f in result.findings]) == (JobState.PASSED, ["source"])


async def test_preparing_a_version_twice_changes_nothing(tmp_path: Path) -> None:
    rules = signed_rules(tmp_path, a_model(tmp_path))
    first = await prepare(tmp_path, rules)
    number = served(tmp_path)[0].stat().st_ino
    assert await prepare(tmp_path, rules) == first
    assert served(tmp_path)[0].stat().st_ino == number


def unsigned(tree: Path) -> None:
    (tree / "model.sig").unlink()


def foreign(tree: Path) -> None:
    other = tree.parents[1] / "other.key"
    make_key(other)
    sign_tree(tree, other)


def changed(tree: Path) -> None:
    (tree / "model.safetensors").write_bytes(b"Weights")


def cut(tree: Path) -> None:
    (tree / "model.safetensors").write_bytes(b"wei")


def grown(tree: Path) -> None:
    (tree / "extra.py").touch()


def grown_under_git(tree: Path) -> None:
    (tree / ".git").mkdir()
    (tree / ".git" / "hook.py").touch()


def missing(tree: Path) -> None:
    (tree / "model.json").unlink()


def renamed(tree: Path) -> None:
    (tree / "model.json").rename(tree / "other.json")


def unreadable(tree: Path) -> None:
    (tree / "model.sig").write_text("{", encoding="utf-8")


HARMS = {
    unsigned: "`v1.1` is not signed",
    foreign: "none of the allowed keys (keys/release.pub)",
    changed: "changed: `model.safetensors`",
    cut: "changed: `model.safetensors`",
    grown: "extra: `extra.py`",
    grown_under_git: "extra: `.git/hook.py`",
    missing: "missing: `model.json`",
    renamed: "extra: `other.json` is not signed (and 1 more)",
    unreadable: "not a whole Sigstore bundle",
}


@pytest.mark.parametrize(
    ("harm", "said"), HARMS.items(), ids=lambda value: getattr(value, "__name__", "")
)
async def test_a_model_that_nobody_signed_so_is_refused_and_not_kept(
    harm: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    tree = a_model(tmp_path)
    rules = signed_rules(tmp_path, tree)
    harm(tree)
    result = await prepare(tmp_path, rules)
    assert result.state is JobState.REFUSED
    assert broken(result).code == "signature"
    assert said in broken(result).text
    assert result.why == broken(result).text
    assert served(tmp_path) + blobs(tmp_path) == []


async def test_an_old_version_with_its_good_signature_is_refused_as_a_new_one(
    tmp_path: Path,
) -> None:
    tree = a_model(tmp_path, "v1.0")
    rules = signed_rules(tmp_path, tree)
    newer = tree.rename(tree.with_name("v1.1"))
    result = await prepare(tmp_path, ArtifactRules(source=str(newer), keys=rules.keys))
    assert broken(result).text.startswith("the signature is for `v1.0`, not for `v1.1`")


async def test_a_wrong_signature_is_refused_even_where_none_is_required(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    rules = signed_rules(tmp_path, tree)
    changed(tree)
    result = await prepare(tmp_path, ArtifactRules(source=str(tree), keys=rules.keys))
    assert (result.state, broken(result).code) == (JobState.REFUSED, "signature")


async def test_a_signature_that_nobody_may_give_is_refused(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    signed_rules(tmp_path, tree)
    rules = ArtifactRules(source=str(tree), signature_required=True)
    assert "no key is allowed" in broken(await prepare(tmp_path, rules)).text


async def test_a_missing_key_is_a_fault_of_the_surroundings(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    signed_rules(tmp_path, tree)
    rules = ArtifactRules(source=str(tree), keys=(str(tmp_path / "gone.pub"),))
    with pytest.raises(BadInputError, match=r"gone\.pub"):
        await prepare(tmp_path, rules)
    assert blobs(tmp_path) == []


async def test_a_model_that_bears_a_pickle_is_refused_by_its_content(tmp_path: Path) -> None:
    tree = a_model(tmp_path)
    (tree / "model.safetensors").write_bytes(b"\x80\x04N.")
    result = await prepare(tmp_path, signed_rules(tmp_path, tree))
    assert (result.state, broken(result).code) == (JobState.REFUSED, "format")
    assert broken(result).first == ("`model.safetensors`: it is a pickle",)
    assert served(tmp_path) == []


async def test_a_model_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    rules = ArtifactRules(source=str(a_model(tmp_path)), max_size_bytes=8)
    result = await prepare(tmp_path, rules)
    assert (result.state, broken(result).code) == (JobState.REFUSED, "size")
    assert blobs(tmp_path) == []


async def test_a_model_that_changed_since_it_was_asked_for_is_not_judged(tmp_path: Path) -> None:
    rules = ArtifactRules(source=str(a_model(tmp_path)))
    result = await prepare(tmp_path, rules, digest="sha256:0")
    assert (result.state, broken(result).code) == (JobState.FAILED, "source")
    assert "changed since" in result.why


async def test_an_artifact_that_is_gone_cannot_be_had(tmp_path: Path) -> None:
    result = await prepare(tmp_path, ArtifactRules(source=str(tmp_path / "v9")))
    assert (result.state, broken(result).code) == (JobState.FAILED, "source")


async def test_a_signed_single_file_is_served_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "v1.1.onnx"
    file.write_bytes(b"onnx")
    result = await prepare(tmp_path, signed_rules(tmp_path, file))
    assert result.state is JobState.PASSED
    digest = result.findings[0].text.split(",")[0].removeprefix("sha256:")
    path = tmp_path / "turnout" / "versions" / "guard" / digest[:12]
    assert path.read_bytes() == b"onnx"
