"""What a look costs on a large JPEG, beside the bare codec and other programs: ``python benchmarks/apply.py``.

The photo is made of the example photos, laid side by side at their own pixels, so that its detail is that of real
photos. Other programs are measured where they are installed, each with a usual chain of its own of about as much to
do; the pictures they make differ. All read and write JPEG files of the same quality and subsampling.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from machine import keep, median_ms
from PIL import Image, ImageEnhance, ImageFilter

import camofilter
from camofilter import presets
from camofilter.recipe import Recipe

_EXAMPLES = Path(__file__).parent.parent / "examples" / "photos"
_SIZES = {12: (4000, 3000), 50: (8160, 6120), 100: (11_552, 8664)}  # megapixels: width, height
_QUALITY = 92
_RUNS = 5

# Run by a small process of its own: a child's peak counts in what its parent held when it was started.
_MEASURE = """if True:
    import json, resource, subprocess, sys, time
    began = time.perf_counter()
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - began
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""

Change = Callable[[Image.Image], Image.Image]
Row = dict[str, float] | None  # None: not installed


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos = {size: _write(Path(folder, f"{size}.jpg"), *_SIZES[size]) for size in _SIZES}
        sizes = {f"{size}_megapixels": round(path.stat().st_size / 1e6, 2) for size, path in photos.items()}
        print(f"JPEG at {_QUALITY}, 4:2:0, of the example photos side by side at their own pixels; MB: {sizes}")
        results = {
            "versions": _versions(),
            "file_mb": sizes,
            "in_process_12_megapixels": _shown("in process, 12 megapixels", in_process(photos[12])),
            "commands_12_megapixels": _shown("cold commands, 12 megapixels", commands(photos[12])),
            "cold_warm": _shown(
                "camofilter apply --preset warm, cold",
                {f"{size} megapixels": _command(_apply(path), runs=3) for size, path in photos.items()},
            ),
        }
    keep("apply", results)


def in_process(path: Path) -> dict[str, Row]:
    """Milliseconds from one file to the other, and how many times those of decoding and encoding alone."""
    warm = presets.get("warm")
    spatial = warm
    for filter_name, amount in {"clarity": 0.3, "vignette": 0.4, "grain": 0.02}.items():
        spatial = spatial.with_setting(filter_name, "amount", amount)
    table = ImageFilter.Color3DLUT.generate(33, lambda r, g, b: (min(1.0, 1.1 * r), g, 0.9 * b))
    work: dict[str, Callable[[], Any] | None] = {
        "decode and encode alone: Pillow": _pillow(path, lambda image: image),
        "decode and encode alone: imagecodecs": lambda: _codec(path),
        "camofilter, no change": _ours(path, Recipe()),
        "camofilter warm": _ours(path, warm),
        "camofilter warm, clarity, vignette, grain": _ours(path, spatial),
        "Pillow: Color, Contrast, Brightness": _pillow(path, _enhanced),
        "Pillow: Color3DLUT of 33": _pillow(path, lambda image: image.filter(table)),
        "pilgram: clarendon": _pillow(path, _clarendon) if _has("pilgram") else None,
        "kornia: brightness, contrast, saturation, gamma": _pillow(path, _adjusted) if _has("kornia") else None,
        "pyvips: gains, colour matrix": (lambda: _vips(path)) if _has("pyvips") else None,
    }
    milliseconds = {name: median_ms(one) for name, one in work.items() if one}
    alone = milliseconds["decode and encode alone: Pillow"]
    return {
        name: {"ms": milliseconds[name], "ratio": round(milliseconds[name] / alone, 2)} if one else None
        for name, one in work.items()
    }


def commands(path: Path) -> dict[str, Row]:
    """The same of whole commands, with the memory each takes."""
    out = _out(path)
    magick, vips = _image_magick(), shutil.which("vips")
    saved = ["-sampling-factor", "4:2:0", "-quality", str(_QUALITY), out]
    change = ["-modulate", "102,110", "-sigmoidal-contrast", "2x50%"]
    return {
        "python -c pass": _command([sys.executable, "-c", "pass"]),
        "camofilter apply --preset warm": _command(_apply(path)),
        "ImageMagick, no change": _command([magick, str(path), *saved]) if magick else None,
        "ImageMagick: modulate, sigmoidal-contrast": _command([magick, str(path), *change, *saved]) if magick else None,
        "vips: linear": _command(
            [vips, "linear", str(path), f"{out}[Q={_QUALITY},subsample-mode=on]", "0.95", "8", "--uchar"]
        )
        if vips
        else None,
    }


def mosaic(width: int, height: int) -> np.ndarray:
    """height×width×3 uint8: the example photos side by side, another one first in every row."""
    photos = [np.asarray(Image.open(example).convert("RGB")) for example in sorted(_EXAMPLES.glob("*.jpg"))]
    rows, columns = (min(photo.shape[axis] for photo in photos) for axis in (0, 1))
    pixels = np.empty((height, width, 3), np.uint8)
    for i, top in enumerate(range(0, height, rows)):
        for j, left in enumerate(range(0, width, columns)):
            place = pixels[top : top + rows, left : left + columns]
            place[:] = photos[(i + j) % len(photos)][: place.shape[0], : place.shape[1]]
    return pixels


def _write(path: Path, width: int, height: int) -> Path:
    """The mosaic as a JPEG."""
    Image.fromarray(mosaic(width, height)).save(path, quality=_QUALITY, subsampling="4:2:0")
    return path


def _out(path: Path) -> str:
    return str(path.with_suffix(".out.jpg"))


def _apply(path: Path) -> list[str]:
    return [sys.executable, "-m", "camofilter", "apply", "--preset", "warm", str(path), "-o", _out(path), "--force"]


def _ours(path: Path, look: Recipe) -> Callable[[], None]:
    def work() -> None:
        photo = camofilter.apply(camofilter.open_photo(path), look)
        camofilter.save_photo(photo, _out(path), force=True)

    return work


def _pillow(path: Path, change: Change) -> Callable[[], None]:
    def work() -> None:
        image = Image.open(path)
        image.load()
        change(image).save(_out(path), quality=_QUALITY, subsampling="4:2:0")

    return work


def _codec(path: Path) -> None:
    pixels = imagecodecs.jpeg8_decode(path.read_bytes())
    Path(_out(path)).write_bytes(imagecodecs.jpeg8_encode(pixels, _QUALITY, subsampling="420"))


def _enhanced(image: Image.Image) -> Image.Image:
    for enhancer, factor in ((ImageEnhance.Color, 1.15), (ImageEnhance.Contrast, 1.1), (ImageEnhance.Brightness, 1.05)):
        image = enhancer(image).enhance(factor)
    return image


def _clarendon(image: Image.Image) -> Image.Image:
    changed: Image.Image = import_module("pilgram").clarendon(image)
    return changed


def _adjusted(image: Image.Image) -> Image.Image:
    import torch

    enhance = import_module("kornia.enhance")
    with torch.inference_mode():
        planes = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
        planes = enhance.adjust_brightness(planes, 0.02)
        planes = enhance.adjust_contrast(planes, 1.1)
        planes = enhance.adjust_saturation(planes, 1.15)
        planes = enhance.adjust_gamma(planes, 0.95)
        return Image.fromarray((planes[0] * 255).round().byte().permute(1, 2, 0).contiguous().numpy())


def _vips(path: Path) -> None:
    image = import_module("pyvips").Image.new_from_file(str(path), access="sequential")
    image = image.linear([1.1, 1.0, 0.9], [-4, 0, 4])
    image = image.recomb([[1.1, -0.08, -0.02], [-0.04, 1.06, -0.02], [-0.04, -0.08, 1.12]]).cast("uchar")
    image.jpegsave(_out(path), Q=_QUALITY, subsample_mode="on")


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _image_magick() -> str | None:
    """Where it is; a program of another kind may be called ``convert``."""
    for name in ("magick", "convert"):
        path = shutil.which(name)
        if path and "ImageMagick" in _first_line([path, "-version"]):
            return path
    return None


def _versions() -> dict[str, str]:
    """Of whatever is measured here; what is missing is not installed."""
    modules = [
        name for name in ("pillow", "imagecodecs", "pilgram", "kornia", "pyvips") if _has(name) or name == "pillow"
    ]
    versions = {name: metadata.version(name) for name in modules}
    for name, path in (("ImageMagick", _image_magick()), ("vips", shutil.which("vips"))):
        if path:
            versions[name] = _first_line([path, "-version" if name == "ImageMagick" else "--version"])
    return versions


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0].removeprefix("Version: ")


def _command(command: list[str], runs: int = _RUNS) -> dict[str, float]:
    """Median seconds of a command, each time begun anew, and the most memory that it held."""
    measured = []
    for _ in range(runs):
        run = subprocess.run([sys.executable, "-c", _MEASURE, *command], stdout=subprocess.PIPE, text=True, check=True)
        measured.append(json.loads(run.stdout))
    kilobyte = 1 if sys.platform == "darwin" else 1024  # in bytes there
    return {
        "s": round(statistics.median(seconds for seconds, _ in measured), 3),
        "peak_mb": round(max(peak for _, peak in measured) * kilobyte / 1e6),
    }


def _shown(title: str, rows: dict[str, Row]) -> dict[str, Row]:
    print(f"\n{title}")
    for name, row in rows.items():
        figures = "  ".join(f"{value:8g} {unit}" for unit, value in row.items()) if row else "not installed"
        print(f"  {name:50} {figures}")
    return rows


if __name__ == "__main__":
    main()
