"""`turnout serve`, `gateway` and `down`: what runs for a folder, begun and ended."""

from pathlib import Path
from typing import TypedDict, Unpack, cast

import click

from turnout.bootstrap_folder import Folder, held
from turnout.entrypoints.cli.calls import Socket
from turnout.entrypoints.cli.durations import DURATION
from turnout.entrypoints.cli.ending import BAD_INPUT, FAILED, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.place import place_of
from turnout.entrypoints.cli.terminal import answer, say
from turnout.errors import BadInputError, ControllerUnreachableError, TurnoutError

_FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the controller; else .turnout beside the release file.",
)
_STOP_WITHIN_S = 10.0
_SETTLE_MORE_S = 15.0


class _Serve(TypedDict):
    stop: bool
    idle_s: float | None
    router: str
    runtime: str
    listen: str | None


@click.command("serve", short_help="Run the controller of a folder.")
@_FOLDER
@click.option("--stop", is_flag=True, help="End the controller; services run on.")
@click.option("--idle", "idle_s", type=float, help="End after so many seconds with nothing to do.")
@click.option("--router", default="envoy", show_default=True, help="What splits the traffic.")
@click.option("--runtime", default="process", show_default=True, help="What runs instances.")
@click.option("--listen", help="Not built yet: the controller answers on its folder's socket.")
@with_flags
def serve_command(flags: Flags, folder: Path | None, **asked: Unpack[_Serve]) -> None:
    """Run the controller of a folder in the foreground, until SIGTERM; services run on."""
    if asked["listen"] is not None:
        raise BadInputError(
            "`--listen` is not built yet: the controller answers on the socket in its folder"
        )
    where = _folder(flags, folder)
    if asked["stop"]:
        _stop(flags, where)
        return
    from turnout.bootstrap import Settings
    from turnout.entrypoints.serving import Serving, serve

    settings = Settings(
        folder=where,
        router=asked["router"],
        runtime=asked["runtime"],
        environment=flags.environment or "local",
    )
    serve(Serving(settings=settings, idle_s=asked["idle_s"]))


@click.command("gateway", short_help="Run the gateway daemon of a folder.")
@_FOLDER
@with_flags
def gateway_command(flags: Flags, folder: Path | None) -> None:
    """Run the gateway daemon in the foreground; the controller starts it where it is needed."""
    import asyncio

    from turnout.gateway.daemon import serve

    asyncio.run(serve(_folder(flags, folder).gateway))


@click.command("down", short_help="Drain and end everything that runs for a folder.")
@_FOLDER
@click.option("--drain", "drain_s", type=DURATION, default=30.0, help="How long streams get.")
@with_flags
def down_command(flags: Flags, folder: Path | None, drain_s: float) -> None:
    """End releases, gateway, instances, jobs and controller of a folder; data stays.

    A bake ends in favour of the new version, any other release under way is undone. It works
    without a living controller, too. What a killed `turnout demo` left is ended as well, from
    anywhere.
    """
    demos = _end_dead_demos(flags) if folder is None and flags.file is None else []
    try:
        where = _folder(flags, folder)
    except BadInputError:
        if not demos:
            raise
        answer(flags, "down", {"demos": demos}, "everything of it has ended")
        return
    if not where.root.is_dir():
        answer(flags, "down", {"ended": 0}, "nothing runs here")
        return
    _confirm(flags, where)
    import asyncio

    left = asyncio.run(_down(flags, where, drain_s))
    if left:
        raise LeaveError(FAILED, f"error: processes that nothing ends: {left}")
    answer(flags, "down", {"folder": str(where.root)}, "everything has ended; data stays")


def _end_dead_demos(flags: Flags) -> list[str]:
    import asyncio

    from turnout.entrypoints.demo import abandoned, end_abandoned

    ended = []
    for dead in abandoned():
        say(flags, f"ends the demo in {dead.root}, which was killed …")
        asyncio.run(end_abandoned(dead))
        ended.append(str(dead.root))
    return ended


async def _down(flags: Flags, where: Folder, drain_s: float) -> list[int]:
    from turnout.bootstrap_ending import end_controller, end_everything
    from turnout.children import is_locked

    if is_locked(where.lock):
        within_s = _settle(flags, where, drain_s)
        left = await end_controller(where, within_s)
        if left:
            return left
    with held(where):  # nobody starts anything meanwhile
        await _settle_alone(flags, where)
        return await end_everything(where, drain_s)


def _settle(flags: Flags, where: Folder, drain_s: float) -> float:
    """Ask the controller to end everything; give the time that it may take."""
    try:
        told = Socket(where.socket).post("/down", {"drain_s": drain_s})
    except TurnoutError as error:
        say(flags, f"the controller does not obey and is ended: {error}")
        return 0.0
    ending = cast("list[str]", told["ending"])
    if ending:
        say(flags, f"ends {', '.join(ending)} …")
    return drain_s + _SETTLE_MORE_S


async def _settle_alone(flags: Flags, where: Folder) -> None:
    import secrets

    from turnout.application.desk import Order
    from turnout.bootstrap import settle_alone

    if not where.database.exists():
        return
    order = Order(by=f"local:{_user()}", key=f"down-{secrets.token_hex(8)}", reason="turnout down")
    ending = await settle_alone(where, order)
    if ending:
        say(flags, f"no controller could undo {', '.join(ending)}; the next one does")


def _stop(flags: Flags, where: Folder) -> None:
    import asyncio

    from turnout.bootstrap_ending import end_controller
    from turnout.children import is_locked

    if not is_locked(where.lock):
        answer(flags, "serve", {"stopped": False}, "no controller runs")
        return
    try:
        Socket(where.socket).post("/stop", {})
    except ControllerUnreachableError as error:
        say(flags, str(error))
    left = asyncio.run(end_controller(where, _STOP_WITHIN_S))
    if left:
        raise LeaveError(FAILED, f"error: the controller cannot be ended: {left}")
    answer(flags, "serve", {"stopped": True}, "the controller has ended; services run on")


def _folder(flags: Flags, folder: Path | None) -> Folder:
    return Folder(folder.absolute()) if folder is not None else place_of(flags).folder


def _user() -> str:
    import getpass

    return getpass.getuser()


def _confirm(flags: Flags, where: Folder) -> None:
    text = f"everything that runs for {where.root} is drained and ended"
    if flags.yes:
        return
    if not flags.asks:
        raise LeaveError(BAD_INPUT, f"error: {text}. Nothing was changed; `--yes` does it")
    if not click.confirm(f"{text}. Go on?", err=True):
        raise LeaveError(BAD_INPUT, "nothing was changed")
