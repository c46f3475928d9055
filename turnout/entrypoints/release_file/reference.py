"""Writes the reference pages of the release file and of its mistakes from models and tables."""

from turnout.entrypoints.release_file.builtin import layer_of
from turnout.entrypoints.release_file.builtkeys import BUILT, UNBUILT_WORDS
from turnout.entrypoints.release_file.codes import CODES, Code, indented
from turnout.entrypoints.release_file.format_keys import FormatKey, format_keys, model_inside
from turnout.entrypoints.release_file.leaves import Unit
from turnout.entrypoints.release_file.nodes import Group, text_at
from turnout.entrypoints.release_file.rendering import shown_default
from turnout.entrypoints.release_file.schema_parts import Choice
from turnout.entrypoints.release_file.shapes import Shape

_INTRO = """\
# The release file

`turnout.yaml` says what a service is, how a version of it is checked, and how traffic moves to
it. This page is generated from the models of `turnout/entrypoints/release_file`.

## Reading rules

- YAML 1.2 syntax, UTF-8, at most 1 MiB, 20,000 values and 32 levels. Every value stays the text
  that was written; the key decides how it is read. No tags, no merge keys; aliases are allowed,
  and top-level keys that begin with `x-` are skipped.
- Durations `ms s m h d`, combined as `1h30m`. Weights `5%`. Sizes `16GiB`. A number without its
  unit is a mistake.
- Margins of a rate are percentage points (`0.5pp`) or times (`1.1x`); margins of a time are
  `10%`, `1.1x` or `20ms`.
- `$version $digest $artifact $port $environment $service $commit $branch $url $release` are
  replaced; `$WORD` is left to the process, `$$word` is the text `$word`.
- Secrets are references: `env:NAME` or `file:/path`.
- Paths are relative to the file that mentions them.
- Maps merge key by key, everything else replaces, an empty value removes. Later wins: built-in,
  `include`, `defaults`, `services.<s>`, `environments.<e>.defaults`,
  `environments.<e>.services.<s>`. `turnout plan --resolved` shows where each value comes from.
- Short forms: `artifact: X`, `run: X`, `route: 8000`, `ready: /health`, `replicas: 3`, a step
  `5%`, `router: envoy` stand for `{source: X}`, `{command: X}`, `{listen: 127.0.0.1:8000}`,
  `{http: /health}`, `{min: 3}`, `{weight: 5%}`, `{envoy: {}}`.
- No `environments` at all is one environment `local`.
"""
_TABLE = "| key | value | default | in `local` | what it is for |\n|---|---|---|---|---|\n"
_MISTAKES = """\
# Mistakes in a release file

All mistakes of a file are printed at once, in its order; nothing is changed and the exit code
is 2. `W` codes are warnings.
"""
_NOT_BUILT = """\
## Not built yet

These keys belong to the format, are checked, and are refused with T120 until they are built.

"""


def release_file_page() -> str:
    """Write `docs/reference/release-file.md`."""
    keys = format_keys()
    of_file = [key for key in keys if key.key in BUILT and _is_of_file(key)]
    of_service = [key for key in keys if key.key in BUILT and not _is_of_file(key)]
    words = [f"`{key}: {word}`" for key, found in UNBUILT_WORDS.items() for word in found]
    unbuilt = [f"`{key}`" for key in _outermost_unbuilt(keys)]
    return (
        f"{_INTRO}\n## Keys of the file\n\n{_TABLE}{_rows(of_file)}\n"
        "## Keys of a service\n\nThey stand in `services.<s>`, `defaults`, "
        "`environments.<e>.defaults` and `environments.<e>.services.<s>`.\n\n"
        f"{_TABLE}{_rows(of_service)}\n{_NOT_BUILT}{', '.join([*unbuilt, *words])}.\n"
    )


def mistakes_page() -> str:
    """Write `docs/reference/mistakes.md`."""
    parts = [_MISTAKES]
    parts += [_code(name, code) for name, code in CODES.items()]
    return "\n".join(parts)


def _code(name: str, code: Code) -> str:
    text = f"## {name} {code.title}\n\n{code.meaning}\n"
    if code.wrong:
        wrong = indented(code.wrong)
        right = f"<!-- file: {name}.yaml -->\n```yaml\n{code.right}```\n"
        text += f"\nWrong:\n\n{wrong}\n\nRight:\n\n{right}"
    return text


def _is_of_file(key: FormatKey) -> bool:
    first = key.key.partition(".")[0]
    return first in {"turnout", "project", "include", "environments", "defaults", "services"}


def _outermost_unbuilt(keys: tuple[FormatKey, ...]) -> list[str]:
    found: list[str] = []
    for key in keys:
        parts = key.key.split(".")
        around = (".".join(parts[:end]) for end in range(1, len(parts)))
        if key.key not in BUILT and not any(outer in found for outer in around):
            found.append(key.key)
    return found


def _rows(keys: list[FormatKey]) -> str:
    return "".join(_row(key) for key in keys)


def _row(key: FormatKey) -> str:
    elsewhere, local = _default(key, is_local=False), _default(key, is_local=True)
    return f"| `{key.key}` | {_kind(key)} | {elsewhere} | {local} | {BUILT[key.key]} |\n"


def _default(key: FormatKey, *, is_local: bool) -> str:
    layer = layer_of("canary", None, is_local=is_local)
    field = key.model.model_fields[key.field]
    if field.is_required():
        return "required"
    if key.key == "shift.steps":
        return _steps(layer)
    written = text_at(layer, *key.key.split("."))
    shown = written or shown_default(key.model, key.field)
    return f"`{shown}`" if shown else ""


def _steps(layer: Group) -> str:
    found = (text_at(layer, "shift", "steps", at, "weight") for at in range(9))
    return f"`[{', '.join(weight for weight in found if weight)}]`"


def _kind(key: FormatKey) -> str:
    allowed = [word for word in key.shape.words if word not in UNBUILT_WORDS.get(key.key, ())]
    if allowed:
        return ", ".join(f"`{word}`" for word in allowed)
    model, depth = model_inside(key.shape)
    if model is not None and issubclass(model, Choice):
        return "choice"
    if model is not None:
        return "group" if not depth else "groups by name" if key.shape.is_map else "list"
    units = [mark.name for mark in key.shape.marks if isinstance(mark, Unit)]
    return units[0] if units else _plain_kind(key.shape)


def _plain_kind(shape: Shape) -> str:
    if shape.is_map:
        return "texts by name"
    return "list" if shape.entry else "text"
