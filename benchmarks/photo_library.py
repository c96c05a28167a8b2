"""Makes a library of photos of all sizes, types and depths, some of them damaged in all ways, to work through."""

from __future__ import annotations

import io
import os
import random
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

# Width over height of what is made, and how often each type is.
_SHAPES = (4 / 3, 3 / 2, 16 / 9, 1.0, 3 / 4, 2 / 3)
_TYPES = {"jpg": 84, "JPG": 4, "png": 4, "webp": 4, "tif": 2, "avif": 2}
_FOLDERS = ("", "2024", "2024/summer", "2024/summer/at the sea", "2025/été", "2025/фото/旅行/a b", "phone/DCIM/100")
_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "avif": "AVIF"}
_MEGAPIXELS = (0.3, 12.0)


def make(folder: Path, sources: list[Path], count: int, damaged: int, seed: int = 0, most: float = 12.0) -> list[Path]:
    """Writes the library, the same for the same arguments.

    Args:
        folder: to be filled.
        sources: photos of which all others are cut and enlarged.
        count: photos to make, the damaged ones among them.
        damaged: of these, files that are no photos any longer, in each way about as often.
        seed: of the dice.
        most: megapixels of the largest photo.

    Returns:
        The damaged ones.
    """
    dice = random.Random(seed)
    wrecks = list(_WRECKS)
    bad = []
    for number in range(count):
        place = folder / dice.choice(_FOLDERS)
        place.mkdir(parents=True, exist_ok=True)
        if number < damaged:
            way = wrecks[number % len(wrecks)]
            path = place / f"damaged {number:04d} {way}.{'png' if way in ('bomb', 'no pixels') else 'jpg'}"
            _WRECKS[way](path, _encoded(_picture(dice, sources, 0.3), "JPEG", dice))
            bad.append(path)
            continue
        low, high = _MEGAPIXELS[0], min(_MEGAPIXELS[1], most)
        picture = _picture(dice, sources, low * (high / low) ** dice.random())
        (kind,) = dice.choices(list(_TYPES), list(_TYPES.values()))
        path = place / f"IMG_{number:04d}.{kind}"
        path.write_bytes(_encoded(picture, _FORMATS[kind.lower()], dice))
    return bad


def _picture(dice: random.Random, sources: list[Path], megapixels: float) -> Image.Image:
    """A photo of this size, of part of another one."""
    with Image.open(dice.choice(sources)) as source:
        whole = source.convert("RGB")
    shape = dice.choice(_SHAPES)
    height = round((megapixels * 1e6 / shape) ** 0.5)
    width = round(height * shape)
    across = min(whole.width, whole.height * shape) * dice.uniform(0.8, 1)
    left = dice.uniform(0, whole.width - across)
    top = dice.uniform(0, whole.height - across / shape)
    return whole.resize((width, height), Image.Resampling.BICUBIC, (left, top, left + across, top + across / shape))


def _encoded(picture: Image.Image, format: str, dice: random.Random) -> bytes:
    exif = Image.Exif()
    exif[274] = dice.choice((1, 1, 1, 3, 6, 8))  # which side is up
    exif[272] = "Benchmark"
    exif.get_ifd(34853)[1] = "N"  # a place
    options = {"quality": dice.choice((80, 90, 95))} if format in ("JPEG", "WEBP", "AVIF") else {}
    file = io.BytesIO()
    picture.save(file, format, exif=exif, **options)
    return file.getvalue()


def _bomb(path: Path) -> None:
    header = struct.pack(">II5B", 90_000, 90_000, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def _animation(path: Path) -> None:
    frames = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (0, 128, 255)]
    frames[0].save(path.with_suffix(".webp"), save_all=True, append_images=frames[1:])
    path.with_suffix(".webp").rename(path)


def _pages(path: Path) -> None:
    pages = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (0, 255)]
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])


def _huge_jpeg(path: Path, data: bytes) -> None:
    at = next(i for i in range(len(data)) if data[i : i + 2] in (b"\xff\xc0", b"\xff\xc2"))
    path.write_bytes(data[: at + 5] + struct.pack(">HH", 65_000, 65_000) + data[at + 9 :])


# Each is given the path and the bytes of a JPEG that was whole.
_WRECKS: dict[str, Callable[[Path, bytes], object]] = {
    "empty": lambda path, _: path.write_bytes(b""),
    "text": lambda path, _: path.write_text("not a photo"),
    "cut in its header": lambda path, data: path.write_bytes(data[:100]),
    "cut in the middle": lambda path, data: path.write_bytes(data[: len(data) // 2]),
    "without its end": lambda path, data: path.write_bytes(data[:-300]),
    "noise after the header": lambda path, data: path.write_bytes(data[:3] + random.Random(1).randbytes(5000)),
    "zeros": lambda path, _: path.write_bytes(bytes(10_000)),
    "bomb": lambda path, _: _bomb(path),
    "too many pixels": _huge_jpeg,
    "animation": lambda path, _: _animation(path),
    "two pages": lambda path, _: _pages(path),
    "link to nothing": lambda path, _: path.symlink_to("nowhere.jpg"),
    "pipe": lambda path, _: os.mkfifo(path),
}


def main() -> None:
    """``python benchmarks/photo_library.py FOLDER COUNT DAMAGED [PHOTO...]``; without photos, the project's own."""
    folder, count, damaged = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    own = sorted((Path(__file__).parent.parent / "examples" / "photos").glob("*.jpg"))
    bad = make(folder, [Path(name) for name in sys.argv[4:]] or own, count, damaged)
    print(f"{count} photos in {folder}, {len(bad)} of them damaged")


if __name__ == "__main__":
    main()
