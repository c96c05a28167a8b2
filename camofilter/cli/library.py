"""The commands for a whole library: batch IN OUT apply, batch IN OUT camouflage, batch status OUT."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from camofilter.cli.asked import asked_look, check_hiding, no_look
from camofilter.cli.command import Command
from camofilter.cli.options import AsJson, FileOptions, HidingOptions, LookOptions, spelled_out
from camofilter.cli.printing import complain, print_json, say
from camofilter.cli.work import Bar
from camofilter.errors import UsageError

if TYPE_CHECKING:
    from camofilter.batch import Batch, Engine, Job, Plan, Status

_SHOWN = 20  # failures by name

In = Annotated[str, typer.Argument(metavar="IN", help="A folder of photos, or a URL such as s3://bucket/photos.")]
OutFolder = Annotated[str, typer.Argument(metavar="OUT", help="The folder of the results, with the journal.")]


@dataclass(frozen=True)
class RunOptions:
    """How a batch is worked through."""

    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="So many photos at a time; one a core.")] = (
        None
    )
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Processes of this machine, or Ray.")] = "local"
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a Ray cluster; else this machine's own Ray.")
    ] = None
    retry: Annotated[bool, typer.Option("--retry", help="Try photos again that failed.")] = False
    watch: Annotated[bool, typer.Option("--watch", help="Go on as photos arrive, until Ctrl-C.")] = False
    force: Annotated[bool, typer.Option("--force", help="Replace files in OUT that are not from this batch.")] = False


class _PhotosFirst(TyperGroup):
    """Takes IN and OUT before the name of what is to be done with them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the command's name first, as groups want it."""
        if len(args) > 2 and args[2] in ("apply", "camouflage"):
            args = [args[2], *args[:2], *args[3:]]
        elif args and not args[0].startswith("-") and args[0] not in self.commands:
            raise UsageError(f"batch {' '.join(args)}: expected IN OUT apply, IN OUT camouflage, or status OUT")
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Says it in the order in which it is given."""
        formatter.write_usage(ctx.command_path, "IN OUT apply|camouflage [OPTIONS]...")
        formatter.write_usage(ctx.command_path, "status OUT [--json]")


library = typer.Typer(
    cls=_PhotosFirst,
    help="Work through a whole library, and go on after anything.",
    rich_markup_mode=None,
)


@library.command("apply", cls=Command)
@spelled_out
def batch_apply(
    photos: In, out: OutFolder, look: LookOptions, files: FileOptions, running: RunOptions, as_json: AsJson = False
) -> int:
    """Give all photos of a folder a look, at full size."""
    from camofilter import batch
    from camofilter.photo import DEFAULT_MAX_PIXELS

    recipe = asked_look(look)
    if recipe is None:
        raise no_look()
    job = batch.ApplyLook(recipe, files.metadata, files.max_pixels or DEFAULT_MAX_PIXELS)
    return _work(photos, out, job, running, as_json)


@library.command("camouflage", cls=Command)
@spelled_out
def batch_camouflage(
    photos: In,
    out: OutFolder,
    look: LookOptions,
    hiding: HidingOptions,
    files: FileOptions,
    running: RunOptions,
    as_json: AsJson = False,
) -> int:
    """Give all photos of a folder a look that hides them."""
    check_hiding(hiding, look)
    from camofilter import batch
    from camofilter.photo import DEFAULT_MAX_PIXELS

    job = batch.Camouflage(
        look=asked_look(look),
        targets=tuple(hiding.target or ["compact_iqa"]),
        threshold=hiding.threshold,
        scene=hiding.scene,
        method=hiding.method,
        attack=hiding.attack or "cw",
        keep=hiding.keep,
        survive=hiding.survive,
        robust=hiding.robust,
        device=hiding.device,
        seed=hiding.seed,
        metadata=files.metadata,
        max_pixels=files.max_pixels or DEFAULT_MAX_PIXELS,
    )
    return _work(photos, out, job, running, as_json)


@library.command("status", cls=Command)
def batch_status(out: OutFolder, as_json: AsJson = False) -> int:
    """Tell how far a batch is; --json: all of every photo."""
    from camofilter import batch

    found = batch.status(out)
    if as_json:
        for record in batch.records(out):
            print_json(record)
        return _exit_code(found)
    say(f"{out}: {found.command} of {found.photos}; {'at work now' if found.running else 'nobody is working on it'}")
    _show_status(found)
    for failure in islice(batch.records(out, "failed"), _SHOWN):
        say(f"  {failure['error']}")
    if found.failed > _SHOWN:
        say(f"  and {found.failed - _SHOWN:,} more: --json lists all")
    return _exit_code(found)


def _engine(asked: RunOptions) -> Engine:
    from camofilter import batch

    if asked.engine == "local":
        if asked.address is not None:
            raise UsageError(f"--address is {asked.address} and --engine local: an address is for --engine ray")
        return batch.Local(asked.workers)
    from camofilter.batch.on_ray import OnRay

    return OnRay(asked.workers, asked.address)


def _work(photos: str, out: str, job: Job, asked: RunOptions, as_json: bool) -> int:
    """Shows the plan, and what becomes of the photos: those that failed by name, the others by number."""
    from camofilter import batch

    with batch.Batch(photos, out, job, engine=_engine(asked), retry=asked.retry, force=asked.force) as run:
        _show_plan(run.plan, asked.workers, as_json)
        _work_once(run, as_json)
        if asked.watch:
            if not as_json:
                _show_status(run.status())
                say(f"watching {photos} for more photos, until Ctrl-C")
            for _ in run.arrivals():
                _work_once(run, as_json)
        found = run.status()
        if not as_json:
            _show_status(found)
        return _exit_code(found) or int(bool(run.plan.left.unreadable))


def _work_once(run: Batch, as_json: bool) -> None:
    with Bar(run.plan.waiting, as_json) as bar:
        for record in run.work():
            failed = "error" in record
            bar.photo_done(failed)
            if as_json:
                print_json(record)
            elif failed:
                complain(record["error"])


def _show_plan(plan: Plan, workers: int | None, as_json: bool) -> None:
    from camofilter.cores import cores

    seconds = plan.seconds / (workers or cores())
    for line in plan.left.unreadable:
        complain(line)
    if as_json:
        facts = {key: value for key, value in asdict(plan).items() if key not in ("seconds", "left")}
        left = {"left_alone": dict(plan.left.counts), "unreadable": plan.left.unreadable}
        print_json({"plan": facts | left | {"seconds": round(seconds)}})
        return
    left_alone = ", ".join(f"{what} {count:,}" for what, count in sorted(plan.left.counts.items()))
    folders = f"{plan.folders:,} folder{'s' * (plan.folders != 1)}"
    say(f"{plan.photos:,} photos in {folders}, {_size(plan.bytes)}; left alone: {left_alone or 'nothing'}")
    before = f"{plan.done:,} done before, {plan.failed:,} failed before{' (--retry: again)' * bool(plan.failed)}"
    say(f"{before}, {plan.waiting:,} to do{f': about {_duration(seconds)}' * bool(plan.waiting)}")


def _show_status(found: Status) -> None:
    hidden = f" ({found.done - found.seen:,} hidden, {found.seen:,} written but not hidden)"
    say(
        f"{found.done:,} done{hidden * (found.command == 'camouflage')}, {found.failed:,} failed,"
        f" {found.waiting:,} waiting"
    )
    if found.lost:
        say(f"{found.lost:,} results are gone or changed since: the same command sees to them")


def _exit_code(found: Status) -> int:
    return int(bool(found.failed or found.waiting or found.lost or found.seen))


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
