"""The whole job on a photo as a phone writes it: 12 megapixels, sideways, with place and thumbnail."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from camofilter.cli import main
from camofilter.photo import open_photo

MARKER = b"thumbnail of the original"
GPS = {1: "N", 2: (48.0, 12.0, 30.0), 3: "E", 4: (11.0, 34.0, 0.0)}


@pytest.fixture
def phone_photo(tmp_path: Path, examples: list[Path]) -> Path:
    """A 3000×4000 photo stored as 4000×3000 with orientation 6, dated, placed, with a thumbnail in IFD1."""
    with Image.open(examples[1]) as opened:
        upright = ImageOps.fit(opened, (3000, 4000), Image.Resampling.BICUBIC)
    thumbnail = io.BytesIO()
    upright.resize((120, 160)).save(thumbnail, "JPEG", comment=MARKER)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 12:00:00", 0xA431: "SERIAL-12345"})
    exif.get_ifd(0x8825).update(GPS)
    exif.get_ifd(1).update({0x0201: 0, 0x0202: len(thumbnail.getvalue())})
    path = tmp_path / "phone.jpg"
    upright.rotate(90, expand=True).save(path, quality=92, exif=exif.tobytes() + thumbnail.getvalue())
    return path


@pytest.mark.slow
def test_a_phone_photo_comes_out_upright_whole_and_without_its_place(
    phone_photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert b"SERIAL-12345" in phone_photo.read_bytes()
    assert MARKER in phone_photo.read_bytes()
    before = phone_photo.read_bytes()

    assert main(["camouflage", str(phone_photo), "--json"]) == 0

    result = json.loads(capsys.readouterr().out)
    output = Path(result["output"])
    assert output.name == "phone.camo.jpg"
    assert result["camouflaged"]
    assert result["score_after"] < 50 < result["score_before"]
    with Image.open(output) as written:
        assert written.size == (3000, 4000)
        exif = written.getexif()
        assert exif.get(0x0112, 1) == 1
        assert exif[0x010F] == "Maker"
        assert exif.get_ifd(0x8769)[0x9003] == "2026:05:01 12:00:00"
        assert not exif.get_ifd(0x8825)
        assert not exif.get_ifd(1)
    assert b"SERIAL" not in output.read_bytes()
    assert MARKER not in output.read_bytes()
    assert phone_photo.read_bytes() == before, "the original is untouched"

    original, camouflaged = open_photo(phone_photo).pixels, open_photo(output).pixels
    difference = np.abs(original[::8, ::8].astype(int) - camouflaged[::8, ::8])
    assert 1 < difference.mean() < 40, "a look, upright: neither the same nor another picture"
    assert 0.4 < output.stat().st_size / phone_photo.stat().st_size < 2.5
