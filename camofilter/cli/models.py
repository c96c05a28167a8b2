"""The commands about models that judge: targets, train."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from camofilter.cli.options import AsJson, Device, Force
from camofilter.cli.outputs import refuse_existing
from camofilter.cli.printing import print_json, say
from camofilter.cli.work import Bar
from camofilter.errors import UsageError

_FROM_NOTHING = (
    "from nothing it starts at what random filters tell, a rank correlation of about 0.4, and gets better only over"
    " days on a CPU; with --backbone and EfficientNet-Lite's published weights (Apache-2.0) it takes an hour or two"
)


def targets(
    convert: Annotated[
        str | None,
        typer.Option(metavar="NAME:FILE", help="Write a weight file as safetensors, which loads faster and safely."),
    ] = None,
    out: Annotated[
        str | None, typer.Option("-o", "--out", metavar="OUT", help="File to write; without it, one beside FILE.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Write half precision: half the size.")] = False,
    check: Annotated[
        str | None,
        typer.Option(metavar="NAME:FILE", help="Compare a model's scores with those published with it."),
    ] = None,
    photos: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where the photos of the published scores are.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> int:
    """List the machines to hide from, or convert their weights."""
    if convert is not None and check is not None:
        raise UsageError("--convert and --check were both given: give one of them")
    if convert is None and (out is not None or half or force):
        raise UsageError("-o, --half and --force are for --convert NAME:FILE, which was not given")
    if check is None and photos is not None:
        raise UsageError("--photos is for --check NAME:FILE, which was not given")
    if convert is not None:
        return _convert(convert, out, half, force, as_json)
    if check is not None:
        return _check(check, photos, as_json)
    from camofilter import biqa

    for name, known in biqa.KNOWN.items():
        scale = known.scale
        if as_json:
            about = {"target": name, "version": known.version, "summary": known.summary, "needs": known.after_colon}
            ends = {"low": scale.low, "high": scale.high, "threshold": scale.threshold, "hidden_below": scale.falls}
            print_json(about | ends | {"reason": scale.reason})
        else:
            version = "" if known.version is None or "@" in name else f", version {known.version}"
            say(f"{name}{version}: {known.summary}")
            say(f"  {scale.in_words()}: {scale.reason}")
            if known.after_colon:
                say(f"  needs {known.after_colon}, given as {name}:…")
    return 0


def _convert(spec: str, out: str | None, half: bool, force: bool, as_json: bool) -> int:
    from camofilter import biqa
    from camofilter.biqa import weight_files

    name, _, source = spec.partition(":")
    if not source:
        raise UsageError(f"--convert is '{spec}': expected NAME:FILE, such as koncept512:KonCept512.pth")
    written = Path(out) if out else Path(source.removesuffix(".tar")).with_suffix(".safetensors")
    refuse_existing(str(written), force, "-o")
    network = biqa.network(name)
    weight_files.convert(network, Path(source), written, half=half, force=force)
    size = written.stat().st_size
    if as_json:
        print_json({"input": source, "output": str(written), "target": name, "bytes": size})
    else:
        say(f"{source} → {written}: {size / 1e6:.1f} MB, use it as {name}:{written}")
    return 0


def _check(spec: str, photos: str | None, as_json: bool) -> int:
    from camofilter import biqa
    from camofilter.biqa import koncept512

    name = spec.partition(":")[0]
    if name != koncept512.NAME:
        raise UsageError(f"--check is '{spec}': scores were published with {koncept512.NAME} only")
    if photos is None:
        raise UsageError("--check needs the photos: give their folder with --photos DIR")
    compared = koncept512.check(biqa.get(spec), Path(photos))
    for one in compared:
        if as_json:
            print_json({"input": one.photo, "target": name, "published": one.published, "score": one.score})
        else:
            agrees = "agrees" if one.agrees else "differs"
            say(f"{one.photo}: published {one.published:.5f}, here {one.score:.5f}, {agrees}")
    return int(not all(one.agrees for one in compared))


def train(
    csv: Annotated[str, typer.Argument(metavar="CSV", help="Photos with scores: KonIQ-10k's, BIQ2021's or any csv.")],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="DIR", help="Folder for the model; a stopped run goes on.")
    ],
    photos: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where the photos are, if not beside the csv.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="CSV", help="Photos to test on, if the csv does not say which.")
    ] = None,
    network: Annotated[
        str, typer.Option(metavar="NAME", help="What to train: compact_iqa, strong_iqa or hybrid_iqa.")
    ] = "compact_iqa",
    start: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS",
            help="Weights to start from: 'shipped' (without this), a file, or 'nothing', which takes days on a CPU.",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Start from EfficientNet-Lite's weights, or from those of another judge."),
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:WEIGHTS]", help="A judge whose scores are mixed into people's; may be repeated."),
    ] = None,
    reduced: Annotated[
        float,
        typer.Option(metavar="F", min=1, max=4, help="Damage photos up to F times the judge's size, then reduce them."),
    ] = 2.0,
    samples: Annotated[int, typer.Option(metavar="N", min=48, help="Samples to learn from, damaged ones counted.")] = (
        50_000
    ),
    patience: Annotated[
        int, typer.Option(metavar="N", min=1, help="Looks at the validation photos without a better one.")
    ] = 6,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Same seed, same samples.")] = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> int:
    """Train a quality model on photos with scores, or go on with it."""
    from camofilter.biqa.training import Plan, trained

    plan = Plan(
        Path(csv),
        Path(out),
        photos=Path(photos) if photos else None,
        test=Path(test) if test else None,
        network=network,
        start=start,
        backbone=Path(backbone) if backbone else None,
        teachers=tuple(teacher or ()),
        samples=samples,
        reduced=reduced,
        patience=patience,
        seed=seed,
        device=device,
    )
    if plan.from_nothing:
        say(_FROM_NOTHING, stream=sys.stderr)
    with Bar(1, as_json, steady=True) as bar:
        report = trained(plan, lambda step: bar.at(step.samples / step.total, step.in_words()))
    if as_json:
        print_json(report.in_json())
    else:
        say(f"{out}: weights.safetensors, card.md, curve.png; use it as {network}:{Path(out, 'weights.safetensors')}")
        say(report.in_words())
    return 0
