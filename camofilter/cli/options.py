"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Photos = Annotated[list[str], typer.Argument(metavar="IN", help="The photos.")]
Out = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="OUT", help="File to write; for several photos, a folder."),
]
Preset = Annotated[str | None, typer.Option(metavar="NAME", help="A look by name; 'camofilter presets' lists them.")]
RecipeFile = Annotated[str | None, typer.Option(metavar="FILE.json", help="A look from a file.")]
CubeFile = Annotated[
    str | None, typer.Option(metavar="FILE.cube", help="A look from a table of colours, or a Hald image.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FILTER.SETTING=VALUE", help="Change a setting; may be repeated."),
]
Strength = Annotated[float, typer.Option(metavar="0..1", help="How much of the look.")]
Threshold = Annotated[
    float | None, typer.Option(metavar="SCORE", help="Where the target stops seeing a photo; 50 for quality.")
]
Scene = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What a scene target must not see: a scene, or 'sensitive' for all 60."),
]
HidingMethod = Annotated[
    Literal["auto", "filter", "hybrid", "perturb"],
    typer.Option(
        help="How to hide; auto: the look and tuned grain, filter: settings alone, hybrid: settings and tuned "
        "grain, perturb: attacks of the literature."
    ),
]
Perturbation = Annotated[
    Literal["cw", "ifgsm", "pgd", "perceptual"] | None, typer.Option(help="Which perturbation, for perturb.")
]
Kept = Annotated[Literal["subtle", "natural", "bold"], typer.Option(help="How strong the look may be.")]
Robust = Annotated[int, typer.Option(metavar="N", min=0, help="Hide from N machines of other kinds, too (0 to 3).")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Same seed, same result.")]
MetadataKept = Annotated[
    Literal["safe", "all", "none"],
    typer.Option("--metadata", help="What to keep of it; safe: all but place and serial numbers."),
]
MaxPixels = Annotated[int | None, typer.Option(metavar="N", min=1, help="Pixels of the largest photo that is opened.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist, never the photos given.")]
InPlace = Annotated[bool, typer.Option("--in-place", help="Replace the photos themselves.")]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="NAME[:WEIGHTS]", help="A machine; may be repeated. 'camofilter targets' lists them."
    ),
]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="What to compute on.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
