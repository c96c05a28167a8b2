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
