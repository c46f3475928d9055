"""The one table of keys that are built, with what each is for; all others are not built yet."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from turnout.entrypoints.release_file.mistakes import Mistake
from turnout.entrypoints.release_file.nodes import Group, Items, Leaf, Node, Path, Place
from turnout.entrypoints.release_file.shapes import FILE, UNKNOWN, Shape, inside

# Keys of a service section stand without `services.<s>.`: the same ones are read in `defaults`
# and in the overrides of an environment.
BUILT: Mapping[str, str] = {
    "turnout": "Version of this format; the first key, always `1`.",
    "project": "Name of the project; the folder's name without it.",
    "include": "Partial release files that are merged under this one, in order.",
    "environments": "Where releases run; their order is the order of promotion.",
    "environments.*.runtime": "What runs the instances.",
    "environments.*.runtime.process": "Processes of this host.",
    "environments.*.router": "What splits the traffic.",
    "environments.*.router.envoy": "Turnout's own gateway.",
    "environments.*.defaults": "A service section for every service in this environment.",
    "environments.*.services": "Overrides of single services in this environment.",
    "defaults": "A service section that is merged under every service.",
    "services": "What users call, by name.",
    "artifact": "The bytes of a version.",
    "artifact.source": "Path of the bytes; `$version` is the version's name.",
    "artifact.signature": "Who may have signed the bytes.",
    "artifact.signature.keys": "Public keys (PEM) of allowed signers.",
    "artifact.signature.required": "Whether unsigned bytes are refused.",
    "artifact.max_size": "The most bytes that are taken.",
    "run": "How an instance is started.",
    "run.command": "Program and arguments; split like a shell does, run without one.",
    "run.folder": "Working folder; the release file's own without it.",
    "run.env": "Environment variables.",
    "run.secrets": "Environment variables from `env:NAME` or `file:/path`, read at each start.",
    "run.config": "Files that are versioned with the release.",
    "run.replicas": "How many instances carry the traffic.",
    "run.replicas.min": "Instances of the stable version.",
    "run.replicas.candidate": "Instances of the candidate at its first step.",
    "run.ready": "When an instance counts as ready.",
    "run.ready.http": "Path that answers 200 when the instance is ready.",
    "run.ready.completion": "File with a chat completion request that has to be answered.",
    "run.ready.passes": "Probes in a row that have to pass.",
    "run.ready.every": "Time between two probes.",
    "run.ready.timeout": "Longest wait for one probe.",
    "run.ready.within": "Longest time until the instance is ready.",
    "run.restart": "When an instance that ended is started again.",
    "run.port": "A fixed port; refused with processes, which get `$port`.",
    "route": "Where users reach the service.",
    "route.listen": "Address, or the port on 127.0.0.1.",
    "route.host": "Host name that selects the service; any without it.",
    "route.testers": "Header and value that reach the candidate at any weight.",
    "route.timeout": "Longest silence before or within an answer.",
    "route.stream_max": "Longest stream to expect; a shorter `retire.drain` is warned of.",
    "route.repeatable": "Requests that may be sent again when an instance dies under them.",
    "verify": "What is checked before traffic.",
    "verify.golden": "Golden sets by name: rows with expected answers.",
    "verify.golden.*.file": "The rows, one JSON object in each line.",
    "verify.golden.*.request": "Template of the request that is made of a row.",
    "verify.golden.*.scorer": "How an answer is compared with the expected one.",
    "verify.golden.*.labels": "The labels that an answer may have.",
    "verify.golden.*.slices": "Field of a row that names its slice.",
    "verify.golden.*.concurrency": "Rows that are asked at a time.",
    "verify.golden.*.figures": "Limits of the set's figures.",
    "verify.golden.*.figures.*.max": "Largest allowed value.",
    "verify.golden.*.figures.*.min": "Smallest allowed value.",
    "verify.golden.*.figures.*.worse_by": "Largest loss against the stable version.",
    "warm": "Requests until the candidate's latency is steady.",
    "warm.requests": "Requests to send, one JSON object in each line.",
    "warm.until": "What ends warming.",
    "warm.within": "Longest time to warm.",
    "shift": "How traffic moves from stable to candidate.",
    "shift.strategy": "Step by step, or all at once beside the old version.",
    "shift.steps": "Growing weights of the candidate; the last is `100%`.",
    "shift.steps.*.weight": "Part of the requests that the candidate gets.",
    "shift.steps.*.hold": "Least time at this step.",
    "shift.hold": "Least time at each step.",
    "watch": "How the candidate is compared with stable while users are on it.",
    "watch.false_alarms": "Chance that a healthy version is rolled back, over a release.",
    "watch.floor": "Added to every latency of both versions before comparing.",
    "watch.figures": "Limits and margins by figure.",
    "watch.figures.*.max": "Largest allowed value.",
    "watch.figures.*.min": "Smallest allowed value, of figures that are better the higher.",
    "watch.figures.*.worse_by": "A version passes when shown to be worse by less than this.",
    "watch.figures.*.tolerance": "A rise that is never held against the candidate.",
    "watch.breakage": "Plain failures that need no statistics.",
    "watch.breakage.crashes": "Crashes that end the release.",
    "watch.breakage.errors": "Part of failed requests that ends the release.",
    "watch.breakage.health": "Failed probes in a row that end the release.",
    "watch.on_worse": "What a worse version leads to.",
    "watch.patience": "Longest time that a step may stay undecided.",
    "watch.on_undecided": "What the end of patience leads to.",
    "bake": "Time after promotion in which the old version stays warm.",
    "retire": "How the old version leaves.",
    "retire.drain": "Time that open streams of the old version get.",
}
# Words of built keys that are not built themselves.
UNBUILT_WORDS: Mapping[str, tuple[str, ...]] = {
    "shift.strategy": ("rolling", "ab"),
    "verify.golden.*.scorer": ("regex", "similar"),
    "warm.requests": ("recent",),
}
# References of a kind that is not built: everything with such a beginning.
UNBUILT_KINDS: Mapping[str, tuple[str, ...]] = {
    "artifact.source": ("oci:", "https:", "http:", "s3:", "mlflow:", "hf:"),
    "run.secrets.*": ("k8s:", "command:"),
    "artifact.signature.keys.*": ("k8s:", "command:"),
}
BUILT_FIGURES = frozenset(
    {"errors", "stream_errors"}
    | {f"{name}.p{rank}" for name in ("latency", "ttft", "tpot") for rank in (50, 90, 99)}
)
_DURATION = re.compile(r"(latency|ttft|tpot)\.p[0-9]{2,4}")
KNOWN_FIGURES = BUILT_FIGURES | {
    *("throughput", "tokens_per_second", "memory", "cpu", "gpu", "gpu_memory"),
}


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    place: Place

    @property
    def field(self) -> str:
        return self.name.partition(":")[0]


@dataclass(frozen=True, slots=True)
class _At:
    path: Path
    key: str
    shape: Shape


def is_built(key: str) -> bool:
    """Tell whether a key of the format (`shift.steps.*.hold`) is built."""
    if key in BUILT:
        return True
    parts = key.split(".")
    # A name that the user chose, or an item of a list, is built with the key it stands under.
    return len(parts) > 1 and parts[-1] == "*" and is_built(".".join(parts[:-1]))


def is_duration(figure: str) -> bool:
    """Tell whether a figure is a quantile of times."""
    return _DURATION.fullmatch(figure) is not None


def key_of(path: Path) -> str:
    """Write a path as a key of the format: chosen names as `*`, without its service."""
    key, shape = "", FILE
    for end in range(1, len(path) + 1):
        key = _key_inside(path[:end], key, shape)
        shape = inside(shape, path[end - 1]) or UNKNOWN
    return key


def unbuilt(root: Group) -> Iterator[Mistake]:
    """List what a file uses and this version does not do, each outermost key once."""
    for found in _walk(root, _At((), "", FILE)):
        text = f"`{found.name}` is not built yet"
        yield Mistake(code="T120", text=text, place=found.place, field=found.field)


def _walk(node: Node, at: _At) -> Iterator[_Found]:
    match node:
        case Leaf(text) if text is not None:
            yield from _word(text, at, node.place)
        case Group(entries):
            for name, inner in entries.items():
                below = _below(at, name)
                if below is not None:
                    yield from _entry(below, inner, node.keys[name])
        case Items(items):
            for index, item in enumerate(items):
                below = _below(at, index)
                if below is not None:
                    yield from _walk(item, below)
        case _:
            return


def _below(at: _At, part: str | int) -> _At | None:
    shape = inside(at.shape, part)
    if shape is None:
        return None
    path = (*at.path, part)
    return _At(path, _key_inside(path, at.key, at.shape), shape)


def _entry(at: _At, node: Node, place: Place) -> Iterator[_Found]:
    if not is_built(at.key):
        yield _Found(shown(at.path), place)
    elif at.key == "watch.figures.*":
        yield from _figure(at, node, place)
    else:
        yield from _walk(node, at)


def _key_inside(path: Path, key: str, around: Shape) -> str:
    name = path[-1]
    if service_depth(path) == len(path) - 1:
        return str(name)
    word = name if around.model is not None else "*"
    return f"{key}.{word}" if key else str(word)


def _figure(at: _At, node: Node, place: Place) -> Iterator[_Found]:
    name = str(at.path[-1])
    keys = node.entries if isinstance(node, Group) else {}
    # One that is compared although it cannot be is a mistake of its own (T215).
    is_elsewhere = name in KNOWN_FIGURES - BUILT_FIGURES and "worse_by" not in keys
    if "prometheus" in keys or is_elsewhere or name.startswith("level."):
        yield _Found(shown(at.path), place)
    else:
        yield from _walk(node, at)


def _word(text: str, at: _At, place: Place) -> Iterator[_Found]:
    kinds = UNBUILT_KINDS.get(at.key, ())
    kind = next((kind for kind in kinds if text.startswith(kind)), None)
    if text in UNBUILT_WORDS.get(at.key, ()):
        yield _Found(f"{shown(at.path)}: {text}", place)
    elif kind:
        yield _Found(f"{shown(at.path)}: {kind}", place)


def service_depth(path: Path) -> int | None:
    """Tell how many parts of a path lead to the service section that it is in."""
    match path:
        case ("defaults", *_):
            return 1
        case ("services", _, *_):
            return 2
        case ("environments", _, "defaults", *_):
            return 3
        case ("environments", _, "services", _, *_):
            return 4
        case _:
            return None


def shown(path: Path) -> str:
    """Write a path as people say it: within its service or environment."""
    depth = service_depth(path)
    match path:
        case ("environments", _, *rest) if rest and depth is None:
            within = tuple(rest)
        case _:
            within = path[depth or 0 :]
    return ".".join(str(part) for part in within)
