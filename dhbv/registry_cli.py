"""`dhbv registry`: which version of the weights serves, and changing that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting
from dhbv.options import Model
from dhbv.terminal import Json, console, say, write_json

if TYPE_CHECKING:
    from dhbv.registry import Entry, Move, Registry, Version

app = typer.Typer(
    help="Versioned weights: list, show, publish, promote, roll back, verify.", no_args_is_help=True
)

SHOWN = {"nse": "NSE", "kge": "KGE"}
"""Median scores in the table of versions."""


def _login() -> str:
    from dhbv.registry import journal

    return journal.login()


Folder = Annotated[Path, typer.Option("--registry", metavar="DIR", help="The registry.", show_default=False)]
Who = Annotated[
    str,
    typer.Option(default_factory=_login, help="Who decides; default: the login name.", show_default=False),
]
Why = Annotated[str, typer.Option(help="The reason, in a few words, for the journal.", show_default=False)]


@app.command("list")
def list_(registry: Folder, json_file: Json = None) -> None:
    """All versions with their median scores; ● is the champion.

    Example: dhbv registry list --registry registry --json -
    """
    store = _open(registry, json_file)
    versions = store.versions()
    try:
        champion, fault = store.champion(), None
    except DhbvError as error:
        champion, fault = None, error
    table = Table("", Column("version", no_wrap=True), "published (UTC)", "by", *SHOWN.values())
    for v in versions:
        known = v.publication
        mark = "●" if champion is not None and v.id == champion.id else ""
        told = (
            (known.when[:16].replace("T", " "), escape(known.who))
            if known
            else ("publication record damaged", "")
        )
        table.add_row(mark, v.id, *told, *_medians(v))
    console.print(table)
    # The table first: it is what one chooses from to mend the pointer.
    if fault is not None:
        raise fault
    say(f"champion: {champion.id if champion else 'none yet'}")
    content = {"versions": [_as_json(v) for v in versions], "champion": champion.id if champion else None}
    write_json(content, json_file)


@app.command()
def show(
    registry: Folder,
    id: Annotated[str, typer.Argument(help="A version, or the champion.")] = "champion",
    json_file: Json = None,
) -> None:
    """The card, scores and history of one version.

    Example: dhbv registry show --registry registry
    """
    from msgspec import to_builtins

    store = _open(registry, json_file)
    version, unfinished = store.version(id), store.reign().unfinished
    history = [e for e in store.journal() if version.id in (e.before, e.after)]
    for e in history:
        say(_line(e) + (" (not carried out)" if e in unfinished else ""))
    model = version.load()
    say(f"\n{version.card()}\nversion {version.id}, whole, in {version.path}")
    content = {"all_scores": model.scores, "history": [to_builtins(e) for e in history]}
    write_json(_as_json(version) | content, json_file)


@app.command()
def publish(
    model: Model,
    registry: Folder,
    who: Who,
    why: Annotated[str, typer.Option(help="What is new, for the journal.")] = "",
    json_file: Json = None,
) -> None:
    """Take a model directory into the registry, which is made if need be. Forecasts do not change.

    Example: dhbv registry publish runs/small --registry registry
    """
    version = _open(registry, json_file).publish(model, who=who, why=why)
    say(
        f"version {version.id}: to forecast with it, dhbv registry promote {version.id} --registry {registry} --why …"
    )
    write_json(_as_json(version), json_file)


@app.command()
def promote(
    id: Annotated[str, typer.Argument(help="A version.", show_default=False)],
    registry: Folder,
    who: Who,
    why: Why,
    json_file: Json = None,
) -> None:
    """Make a version the champion, after verifying it.

    Example: dhbv registry promote 20261121T050712Z-f8ccfa439648 --registry registry --why 'passed the gate'
    """
    move = _open(registry, json_file).promote(id, who=who, why=why)
    if move.before == move.after:
        say(f"{move.after} is the champion already: nothing changed")
    else:
        say(f"promoted {_arrow(move)}")
    write_json({"from": move.before, "to": move.after}, json_file)


@app.command()
def rollback(registry: Folder, who: Who, why: Why, json_file: Json = None) -> None:
    """Make the champion before the present one champion again.

    Example: dhbv registry rollback --registry registry --why 'low flows far too high since noon'
    """
    move = _open(registry, json_file).rollback(who=who, why=why)
    say(f"rolled back {_arrow(move)}")
    write_json({"from": move.before, "to": move.after}, json_file)


@app.command()
def verify(registry: Folder, json_file: Json = None) -> None:
    """Check every file, the pointer and the journal; leaves with 1 and names what is broken.

    Example: dhbv registry verify --registry registry
    """
    store = _open(registry, json_file)
    problems = store.verify()
    for where, what in problems:
        say(f"{where}: {what}")
    write_json([p._asdict() for p in problems], json_file)
    if problems:
        raise DhbvError(f"{registry}: {len(problems)} broken: {', '.join(p.where for p in problems)}")
    say(f"{registry}: whole, versions: {len(store.versions())}")


@app.command()
def gc(
    registry: Folder,
    who: Who,
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest versions stay.")] = 10,
    why: Annotated[str, typer.Option(help="The reason, for the journal.")] = "",
    json_file: Json = None,
) -> None:
    """Remove old versions, but never the champion nor what a rollback needs, and what killed commands left.

    Example: dhbv registry gc --registry registry --keep 5
    """
    removed = _open(registry, json_file).gc(keep=keep, who=who, why=why)
    say(f"removed: {', '.join(removed) or 'none'}")
    write_json({"removed": removed}, json_file)


def _open(folder: Path, json_file: str | None) -> Registry:
    """The registry; refuses to write JSON over what is in it."""
    from dhbv.registry import Registry

    refuse_overwriting({"--json": json_file}, [folder])
    return Registry(folder)


def _arrow(move: Move) -> str:
    source = f"from {move.before} " if move.before else ""
    return f"{source}to {move.after}: forecasts use it from the next cycle"


def _line(e: Entry) -> str:
    """A line of the journal for a person."""
    source, target = f" from {e.before}" if e.before else "", f" to {e.after}" if e.after else ""
    return f"{e.when[:16]} {e.action}{source}{target} by {e.who}{': ' if e.why else ''}{e.why}"


def _medians(version: Version) -> list[str]:
    """Median scores for the table, of the first label, as a rule the test period."""
    scores = version.publication.scores if version.publication else {}
    median = next(iter(scores.values()), {})
    values = (median.get(name) for name in SHOWN)
    return ["" if value is None else f"{value:.3f}" for value in values]


def _as_json(version: Version) -> dict[str, Any]:
    from msgspec import to_builtins

    record = version.publication
    known = to_builtins(record) if record else {"damaged": "publication.json"}
    return {"id": version.id, "path": str(version.path)} | known
