"""The limits on size and names that no linter checks."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "turnout"
FILES = sorted(
    file
    for folder in ("turnout", "tests", "benchmarks", "examples")
    for file in (ROOT / folder).rglob("*.py")
)
VAGUE = {
    "base",
    "common",
    "core",
    "data",
    "handler",
    "helpers",
    "info",
    "manager",
    "misc",
    "processor",
}
VAGUE |= {"shared", "stuff", "tools", "util", "utils"}
VAGUE_ENDINGS = ("Manager", "Helper", "Util", "Utils", "Handler", "Processor", "Wrapper", "Base")
TIMES = ("timeout", "delay", "interval", "duration", "ttl", "deadline", "backoff", "period")
SHARE_OF_TESTS = 0.8  # the goal is 1.0: this floor rises and never falls
LIMIT_LINES, LIMIT_FUNCTION, LIMIT_PARAMETERS, LIMIT_NESTING, LIMIT_METHODS = 400, 40, 6, 3, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)
NOT_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


def short(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions_of(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def code_lines_of(text: str) -> set[int]:
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NOT_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    return found


def length_of(function: Function, code: set[int]) -> int:
    span = set(range(function.lineno, (function.end_lineno or function.lineno) + 1))
    if ast.get_docstring(function, clean=False) is not None:
        words = function.body[0]
        span -= set(range(words.lineno, (words.end_lineno or words.lineno) + 1))
    return len(span & code)


def parameters_of(function: Function) -> int:
    arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return sum(argument.arg not in {"self", "cls"} for argument in arguments)


def nesting_of(node: ast.AST, depth: int = 0) -> int:
    # `elif` is an If inside an If for the parser and a neighbour for the reader.
    inner = [child for child in ast.iter_child_nodes(node) if not isinstance(child, Function)]
    chained = node.orelse if isinstance(node, ast.If) and len(node.orelse) == 1 else []
    return max(
        [depth]
        + [
            nesting_of(child, depth + (isinstance(child, BLOCKS) and child not in chained))
            for child in inner
        ]
    )


@pytest.mark.parametrize("file", FILES, ids=short)
def test_a_file_and_its_functions_keep_within_the_limits(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    functions, code = list(functions_of(ast.parse(text))), code_lines_of(text)
    assert len(text.splitlines()) <= LIMIT_LINES
    assert [f.name for f in functions if length_of(f, code) > LIMIT_FUNCTION] == []
    assert [f.name for f in functions if parameters_of(f) > LIMIT_PARAMETERS] == []
    assert [f.name for f in functions if nesting_of(f) > LIMIT_NESTING] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    inner = [file.relative_to(PACKAGE).with_suffix("") for file in PACKAGE.rglob("*.py")]
    assert [module for module in inner if VAGUE & set(module.parts)] == []


def test_no_class_is_a_manager_of_things_or_has_many_verbs() -> None:
    classes = [
        (short(file), node)
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert [(file, c.name) for file, c in classes if c.name.endswith(VAGUE_ENDINGS)] == []
    assert [(file, c.name) for file, c in classes if _verbs(c) > LIMIT_METHODS] == []


def _verbs(node: ast.ClassDef) -> int:
    # A suite has as many tests as there are truths to show; what is decorated is read, not done.
    methods = [item for item in node.body if isinstance(item, Function)]
    return sum(not m.name.startswith(("_", "test_")) and not m.decorator_list for m in methods)


def test_every_time_says_its_unit() -> None:
    unitless = [
        (short(file), name)
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name, kind in _named_numbers(node)
        if name.endswith(TIMES) and kind.split(" ")[0] in {"float", "int"}
    ]
    assert unitless == []


def _named_numbers(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.arg(arg=name, annotation=ast.expr() as kind):
            yield name, ast.unparse(kind)
        case ast.AnnAssign(target=ast.Name(id=name), annotation=kind):
            yield name, ast.unparse(kind)
        case _:
            pass


def test_the_tests_keep_their_share_of_the_lines() -> None:
    shipped = _lines_below(PACKAGE / "testing")
    told = _lines_below(ROOT / "tests") / (_lines_below(PACKAGE) - shipped)
    assert told >= SHARE_OF_TESTS


def _lines_below(place: Path) -> int:
    files = place.rglob("*.py") if place.is_dir() else [place]
    return sum(len(code_lines_of(file.read_text(encoding="utf-8"))) for file in files)


def test_every_test_is_a_sentence() -> None:
    named = [
        (short(file), function.name)
        for file in (ROOT / "tests").rglob("test_*.py")
        for function in functions_of(ast.parse(file.read_text(encoding="utf-8")))
        if function.name.startswith("test_") and function.name.count("_") < 5
    ]
    assert named == []
