"""Guesses a first release file from what lies in a folder."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"[^a-z0-9-]+")
_PORT = re.compile(r"--port\b|\bPORT\b")
_PROGRAMS = ("serve.py", "server.py", "app.py", "main.py")
_ASGI = re.compile(r"^(\w+)\s*=\s*(?:FastAPI|Starlette|Flask|Litestar|Quart)\(", re.MULTILINE)
_LISTEN = 8000
_LONGEST_NAME = 63


class Guess(NamedTuple):
    """The command of a service, and what it was guessed from."""

    command: str
    because: str


def guess(folder: Path) -> tuple[str, list[str]]:
    """Write a release file for a folder; give it with what each part was guessed from."""
    name = _NAME.sub("-", folder.name.lower()).strip("-")[:_LONGEST_NAME] or "service"
    if not name[0].isalpha():
        name = f"service-{name}"[:_LONGEST_NAME]
    found = next(_commands(folder), None)
    because = [f"the folder's name: service `{name}`"]
    if found is None:
        because.append("nothing that looks like a server: put your own command after `run:`")
    else:
        because.append(found.because)
    command = found.command if found else "python serve.py --port $port"
    lines = ["turnout: 1", "", "services:", f"  {name}:"]
    if (folder / "models").is_dir():
        lines.append("    artifact: models/$version")
        because.append("the folder `models`: one subfolder for each version")
        if "--model" in _text(folder / "serve.py"):
            command += " --model $artifact"
    lines += [f"    run: {command}", f"    route: {_LISTEN}", ""]
    return "\n".join(lines), because


def example_text(name: str) -> str:
    """Give the text of an example."""
    if name == "tiny":
        return (
            "turnout: 1\n\nservices:\n  guard:\n    artifact: models/$version\n"
            "    run: python serve.py --model $artifact --port $port\n    route: 8000\n"
        )
    inside = files("turnout").joinpath("examples", "guard", "turnout.yaml")
    beside = Path(str(files("turnout"))).parent / "examples" / "guard" / "turnout.yaml"
    return inside.read_text("utf-8") if inside.is_file() else beside.read_text("utf-8")


def _commands(folder: Path) -> Iterator[Guess]:
    for name in _PROGRAMS:
        text = _text(folder / name)
        asgi = _ASGI.search(text)
        if asgi:
            module = name.removesuffix(".py")
            command = f"python -m uvicorn {module}:{asgi[1]} --port $port"
            yield Guess(command, f"`{name}`: `{asgi[1]}` is a web application")
        elif _PORT.search(text):
            flag = " --port $port" if "--port" in text else ""
            yield Guess(f"python {name}{flag}", f"`{name}`: it takes its port")
    if (folder / "go.mod").is_file():
        yield Guess("./server --port $port", "`go.mod`: a program `server`, built before")
    if (folder / "package.json").is_file():
        yield Guess("npm start", "`package.json`: `npm start` finds the port in PORT")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
