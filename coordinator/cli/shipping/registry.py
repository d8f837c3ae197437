"""Which artifacts there are, where each comes from, which is shipped: `registry`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ..common import Coordinator, Source, say, unfolded

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder
    from bitgauge.benchmarks.vocabulary.values.digests import Digest
    from bitgauge.benchmarks.vocabulary.values.registry import AliasMove, Lineage
    from bitgauge.benchmarks.vocabulary.values.rows import TableRow

    from ...client.answers import Reads
    from ...client.client import Client

registry = typer.Typer(
    name="registry",
    help="Which artifacts there are, where each comes from, and which is shipped.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Word = Annotated[
    str, typer.Argument(metavar="RUN|MODEL@ALIAS", help="A run, or an alias of a model.")
]


@registry.command()
@unfolded
def search(
    text: Annotated[
        str,
        typer.Argument(
            metavar="[TEXT|FILE]", help="Part of a name, start of a digest, or a model file."
        ),
    ] = "",
    *,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Only of this recipe.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    where: Source,
) -> None:
    """Find what was made and measured already, before it is built again.

    A model file finds what was made of it, whatever it is called.

    Example: bitgauge registry search model.onnx --recipe int8-dynamic
    """
    from bitgauge.benchmarks.common.digests import digest_of
    from bitgauge.benchmarks.vocabulary.values.registry import RegistryQuery

    from ..text.shipping.registry import artifacts_text

    file = Path(text)
    asked = digest_of(file).sha256 if text and file.is_file() else text
    with where.answers() as source:
        found = source.artifacts(RegistryQuery(asked, model, recipe, limit))
    where.show(found, artifacts_text)


@registry.command()
@unfolded
def show(word: Word, *, where: Source) -> None:
    """Show where an artifact comes from, and everything that was said of it.

    Example: bitgauge registry show digits-cnn@champion
    """
    from ..text.shipping.registry import lineage_text

    with where.answers() as source:
        found = source.lineage(word)
    where.show(found, lineage_text)


@registry.command()
@unfolded
def aliases(
    *,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also moves that are over.")] = False,
    where: Source,
) -> None:
    """List the aliases of models, and with --all every move of them.

    Example: bitgauge registry aliases --model digits-cnn --all
    """
    from ..text.shipping.registry import moves_text

    with where.answers() as source:
        found = source.aliases(model, now=not everything)
    where.show(found, moves_text)


@registry.command()
@unfolded
def alias(
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as champion.")],
    run: Annotated[str, typer.Argument(metavar="RUN", help="What it is to mean.")],
    *,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Whose word it is.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "",
    coordinator: Coordinator,
) -> None:
    """Let an alias of a run's model mean that run's artifact; its gate's pass moves it.

    Where no gate passed it, a person gives a name and a reason. Nothing moves to a run that
    failed, or to one of an emulated device.

    Example: bitgauge registry alias champion 7d41
    """
    from ..text.shipping.registry import moves_text

    with coordinator.client() as client:
        found = client.move_alias(name, run, by=by, reason=reason)
    coordinator.show(found, lambda one: moves_text([one]))


@registry.command()
@unfolded
def export(
    word: Word,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The artifact.")],
    ungated: Annotated[
        str, typer.Option(metavar="REASON", help="Take what no gate passed; it is remembered.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    where: Source,
) -> None:
    """Write an artifact to a file; one that no gate passed is withheld.

    With --ungated the copy is called FILE.ungated, and the audit remembers who took it and why.

    Example: bitgauge registry export digits-cnn@champion -o digits.onnx
    """
    from bitgauge.benchmarks.gates.alias import required_export

    from ...exports.output import refuse_existing, write_output

    client = where.client()
    with where.answers() if client is None else client as source:
        found = source.lineage(word)
        digest, passed = required_export(found, ungated=bool(ungated), audited=client is not None)
        target = output if passed else output.with_name(f"{output.name}.ungated")
        refuse_existing(target, force=force)
        files = _files(source, digest, target)
        if not passed:
            _remember(source, found.registered.run_id, ungated)
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_output(path, data, force=force)
    say(f"Wrote {target}{_said(found, passed)}.")


@registry.command()
@unfolded
def revalidate(
    *,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    start: Annotated[bool, typer.Option("--run", help="Measure them again now.")] = False,
    where: Source,
) -> None:
    """Say which aliased artifacts a change of the stack has touched; --run measures them again.

    Example: bitgauge registry revalidate --run
    """
    from bitgauge.benchmarks.vocabulary.shown import changes_words

    with where.answers() as source:
        touched = _touched(source, model)
    where.show(
        [move for move, _ in touched],
        lambda _: (
            "\n".join(
                f"{one.model_name}@{one.alias} {one.artifact} on {one.device_name}:"
                f" {changes_words(row.changes)}"
                for one, row in touched
            )
            or "No aliased artifact is touched."
        ),
    )
    if not start or not touched:
        return
    with _client_of(where) as client:
        for order in dict.fromkeys(_order(row) for _, row in touched):
            campaign = client.start_campaign(order).campaign
            say(f"Campaign {campaign.campaign_id} measures {order.only[0].value} again.")


def _touched(source: Reads, model: str | None) -> list[tuple[AliasMove, TableRow]]:
    """The aliases that count, with the row of each of which an input is another one now."""
    from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

    found = []
    for one in source.aliases(model, now=True):
        rows = source.table(TableQuery(model_name=one.model_name, device=one.device_name))
        found += [(one, row) for row in rows if row.full_name == one.artifact and row.changes]
    return found


def _order(row: TableRow) -> RefreshOrder:
    from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder
    from bitgauge.benchmarks.vocabulary.values.devices import StackItem

    named = (("model", row.model_name), ("recipe", row.recipe), ("device", row.device_name))
    return RefreshOrder(only=tuple(StackItem(*one) for one in named))


def _files(source: Reads, digest: Digest, target: Path) -> dict[Path, bytes]:
    """What is written where: a file, or the files of a folder."""
    from bitgauge.benchmarks.common.manifest import decoded, is_manifest
    from bitgauge.benchmarks.vocabulary.values.digests import Digest

    data = source.blob(digest)
    if not is_manifest(data):
        return {target: data}
    files = decoded(data).files
    return {target / one.name: source.blob(Digest(one.sha256, one.size_bytes)) for one in files}


def _remember(source: Reads, run_id: str, reason: str) -> None:
    """Have the coordinator remember who took what no gate passed."""
    from ...client.client import Client

    cast(Client, source).note_ungated(run_id, reason)


def _client_of(where: Source) -> AbstractContextManager[Client]:
    """The coordinator that is asked, which a database file cannot replace."""
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

    client = where.client()
    if client is None:
        sentence = "A database file measures nothing; --run needs a coordinator."
        raise BadInput(Code.BAD_ARGUMENT, sentence)
    return client


def _said(found: Lineage, passed: str) -> str:
    own = found.registered
    what = f", {own.model_name} {own.recipe}"
    return f"{what}, passed for {passed}" if passed else f"{what}, which no gate passed"
