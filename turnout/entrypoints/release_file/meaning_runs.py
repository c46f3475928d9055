"""Rules about what is run: placeholders, tags, ports, commands (T203, T204, T216, T102)."""

import re
from collections.abc import Iterator

from turnout.entrypoints.release_file.mistakes import did_you_mean
from turnout.entrypoints.release_file.nodes import leaves
from turnout.entrypoints.release_file.placeholders import PLACEHOLDERS, words_in
from turnout.entrypoints.release_file.scene import ServiceScene, Wrong

_LATEST = re.compile(r":latest\b")
_TAGGED = ("image", "base", "source")


def placeholders(service: ServiceScene) -> Iterator[Wrong]:
    """Refuse a `$word` that Turnout does not know (T203)."""
    known = " ".join(f"${word}" for word in PLACEHOLDERS)
    for path, leaf in leaves(service.node):
        for word in words_in(leaf.text or ""):
            if word not in PLACEHOLDERS:
                note = did_you_mean(word, PLACEHOLDERS, mark="$")
                fix = f"known: {known}; write `$${word}` for the shell's own variable"
                yield Wrong("T203", f"`${word}` is not known", path, note, fix)


def tags_name_versions(service: ServiceScene) -> Iterator[Wrong]:
    """Refuse `latest`, which is another image tomorrow (T204)."""
    for path, leaf in leaves(service.node):
        if path and path[-1] in _TAGGED and _LATEST.search(leaf.text or ""):
            fix = "write `$version` or a tag and a digest"
            yield Wrong("T204", "`latest` names no version", path, fix=fix)


def fixed_port(service: ServiceScene) -> Iterator[Wrong]:
    """Refuse a fixed port where two versions run on one host (T216)."""
    port = service.text("run", "port")
    if port is not None and port.isdigit() and service.scene.chosen("runtime") == "process":
        text = f"two versions of `{service.name}` cannot share port {port}"
        fix = "use `$port`; in an override `port:` without a value takes the fixed one away"
        yield Wrong("T216", text, ("run", "port"), fix=fix)


def process_has_command(service: ServiceScene) -> Iterator[Wrong]:
    """Ask for a command where instances are processes (T102)."""
    if service.scene.chosen("runtime") != "process":
        return
    if not service.group("run").entries:
        yield Wrong(
            "T102",
            f"`services.{service.name}` needs `run`",
            (),
            "`run` is missing",
            of_key=True,
        )
    elif service.find("run", "command") is None:
        text = f"`services.{service.name}.run` needs `command`"
        note = "`command` is missing: instances are processes"
        yield Wrong("T102", text, ("run",), note, of_key=True)
