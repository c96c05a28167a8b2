"""What of a photo's metadata survives, in files of every type. Oracles are Pillow and the bytes themselves."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photo_files import chunk, oriented, pillow_bytes
from PIL import ExifTags, Image

import camofilter
from camofilter import presets
from camofilter.photo import Mark, Photo, decode_photo, encode_photo, iptc, keeping, left_out, marked, open_photo, xmp
from camofilter.photo.metadata import Exif
from camofilter.recipe import Recipe

RGB = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
MARKER = b"PLANTED-SECRET"
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:img="http://ns.adobe.com/xap/1.0/g/img/"'
    b' tiff:Orientation="6" dc:format="KEPT-XMP"><xmp:Thumbnails><rdf:Alt><rdf:li'
    b' img:image="PLANTED-SECRET-PREVIEW"></rdf:li></rdf:Alt></xmp:Thumbnails>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def secret(name: str) -> str:
    return f"{MARKER.decode()}-{name}"


def camera_exif() -> Image.Exif:
    exif = Image.Exif()
    exif.update(
        {
            ExifTags.Base.Make: "Canikon",
            ExifTags.Base.Model: "Mark X",
            ExifTags.Base.Orientation: 6,
            ExifTags.Base.DateTime: "2024:05:06 07:08:09",
            ExifTags.Base.Artist: "A. Photographer",
            ExifTags.Base.Copyright: "(c) 2024 Agency",
            ExifTags.Base.ImageDescription: secret("DESCRIPTION"),
            ExifTags.Base.HostComputer: secret("HOST"),
            ExifTags.Base.XPComment: MARKER + b"-XPCOMMENT\0\0",
            0xC000: secret("UNKNOWN"),
            0xC001: b"\xff\xd8\xff" + MARKER + b"-EMBEDDED",
        }
    )
    exif._ifds[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExposureTime: 1 / 250,
        ExifTags.Base.FNumber: 2.8,
        ExifTags.Base.ISOSpeedRatings: 400,
        ExifTags.Base.DateTimeOriginal: "2024:05:06 07:08:08",
        ExifTags.Base.OffsetTimeOriginal: "+02:00",
        ExifTags.Base.FocalLength: 50.0,
        ExifTags.Base.LensModel: "50mm f/1.8",
        ExifTags.Base.ExifImageWidth: 9999,
        ExifTags.Base.MakerNote: MARKER + b"-MAKERNOTE",
        ExifTags.Base.UserComment: b"ASCII\0\0\0" + MARKER + b"-COMMENT",
        ExifTags.Base.BodySerialNumber: secret("BODY-SERIAL"),
        ExifTags.Base.LensSerialNumber: secret("LENS-SERIAL"),
        ExifTags.Base.CameraOwnerName: secret("OWNER"),
        ExifTags.Base.ImageUniqueID: secret("ID"),
    }
    exif._ifds[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (52.0, 30.0, 12.34),
        ExifTags.GPS.GPSProcessingMethod: b"ASCII\0\0\0" + MARKER + b"-GPS",
    }
    return exif


def with_thumbnail(block: bytes) -> bytes:
    """The same block with a second directory (IFD1) that holds a thumbnail."""
    tiff = block.removeprefix(b"Exif\0\0")
    order = "<" if tiff.startswith(b"II") else ">"
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    link = start + 2 + 12 * struct.unpack_from(order + "H", tiff, start)[0]
    picture = b"\xff\xd8\xff" + MARKER + b"-THUMBNAIL\xff\xd9"
    at = len(tiff)
    second = struct.pack(order + "H", 2)
    second += struct.pack(order + "HHII", 513, 4, 1, at + 30) + struct.pack(order + "HHII", 514, 4, 1, len(picture))
    second += struct.pack(order + "I", 0)
    return b"Exif\0\0" + tiff[:link] + struct.pack(order + "I", at) + tiff[link + 4 :] + second + picture


def camera_jpeg() -> bytes:
    block = with_thumbnail(camera_exif().tobytes())
    data = pillow_bytes(RGB, "JPEG", exif=block, xmp=XMP, comment=MARKER + b"-JPEG-COMMENT", quality=92)
    captions = iptc.as_resource(iptc.pack([(2, 90, MARKER + b"-IPTC")]))
    segment = b"Photoshop 3.0\0" + captions
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def exif_of(data: bytes) -> tuple[Image.Exif, dict[int, Any], dict[int, Any]]:
    exif = Image.open(io.BytesIO(data)).getexif()
    return exif, exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)


def test_the_camera_photo_of_these_tests_holds_its_secrets() -> None:
    data = camera_jpeg()
    assert data.count(MARKER) >= 14
    exif, _, gps = exif_of(data)
    assert exif.get_ifd(ExifTags.IFD.IFD1)[513]
    assert gps
    assert decode_photo(data).exif is not None


FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("source", ["jpeg", "png", "tiff"])
def test_safe_keeps_the_facts_and_leaks_nothing(format: str, source: str) -> None:
    photo = decode_photo(camera_jpeg() if source == "jpeg" else camera_file(source))
    data = encode_photo(photo, format)
    exif, camera, gps = exif_of(data)
    assert MARKER not in data
    assert b"KEPT-XMP" not in data
    assert not gps
    assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert (exif[ExifTags.Base.Make], exif[ExifTags.Base.Model]) == ("Canikon", "Mark X")
    assert exif[ExifTags.Base.DateTime] == "2024:05:06 07:08:09"
    assert b"A. Photographer" not in data
    assert exif[ExifTags.Base.Copyright] == "(c) 2024 Agency"
    assert camera[ExifTags.Base.DateTimeOriginal] == "2024:05:06 07:08:08"
    assert camera[ExifTags.Base.OffsetTimeOriginal] == "+02:00"
    assert camera[ExifTags.Base.LensModel] == "50mm f/1.8"
    assert float(camera[ExifTags.Base.ExposureTime]) == pytest.approx(1 / 250)
    assert float(camera[ExifTags.Base.FNumber]) == pytest.approx(2.8)
    assert camera[ExifTags.Base.ISOSpeedRatings] == 400
    assert ExifTags.Base.ExifImageWidth not in camera


def camera_file(kind: str) -> bytes:
    if kind == "png":
        return pillow_bytes(RGB, "PNG", exif=with_thumbnail(camera_exif().tobytes()))
    return pillow_bytes(RGB, "TIFF", exif=camera_exif().tobytes())


@pytest.mark.parametrize("format", FORMATS)
def test_all_keeps_the_rest_but_no_picture(format: str) -> None:
    photo = decode_photo(camera_jpeg())
    data = encode_photo(photo, format, metadata="all")
    exif, camera, gps = exif_of(data)
    data += unpacked(data)
    for gone in (b"-MAKERNOTE", b"-EMBEDDED", b"-THUMBNAIL", b"-PREVIEW"):
        assert MARKER + gone not in data
    for kept in (b"-DESCRIPTION", b"-BODY-SERIAL", b"-COMMENT", b"-GPS", b"-UNKNOWN", b"-OWNER", b"-IPTC"):
        assert MARKER + kept in data
    assert MARKER + b"-JPEG-COMMENT" in data
    assert left_out(photo, format, "all") == "not kept: the maker note"
    assert b"KEPT-XMP" in data
    assert [float(part) for part in gps[ExifTags.GPS.GPSLatitude]] == pytest.approx([52, 30, 12.34])
    assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert (camera[ExifTags.Base.ExifImageWidth], camera[ExifTags.Base.ExifImageHeight]) == (48, 64)
    assert camera[ExifTags.Base.ColorSpace] == 1
    assert b'Orientation="6"' not in data


@pytest.mark.parametrize("format", FORMATS)
def test_none_keeps_nothing(format: str) -> None:
    data = encode_photo(decode_photo(camera_jpeg()), format, metadata="none")
    plain = encode_photo(Photo.from_array(np.asarray(RGB)), format)
    exif, camera, gps = exif_of(data)
    storage = set(Image.open(io.BytesIO(plain)).getexif()) if format == "TIFF" else set()
    assert set(exif) <= storage
    assert not camera
    assert not gps
    assert MARKER not in data
    assert b"Canikon" not in data
    assert b"KEPT-XMP" not in data


def test_exif_is_kept_as_read() -> None:
    block = with_thumbnail(camera_exif().tobytes())
    assert decode_photo(pillow_bytes(RGB, "JPEG", exif=block)).exif == block


def test_written_exif_says_upright() -> None:
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        exif, _, _ = exif_of(encode_photo(decode_photo(camera_jpeg()), format))
        assert exif[ExifTags.Base.Orientation] == 1


def test_exif_in_png_text_is_read() -> None:
    block = oriented(6)
    text = f"\nexif\n{len(block):8d}\n" + re.sub(r"(.{72})", r"\1\n", block.hex())
    plain = pillow_bytes(RGB, "PNG")
    data = plain[:33] + chunk(b"tEXt", b"Raw profile type exif\0" + text.encode()) + plain[33:]
    photo = decode_photo(data)
    assert photo.pixels.shape[:2] == (RGB.width, RGB.height)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\x03\xff\xff\xff\xff\0\0\0\0" * 3,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0",  # points to itself
        b"garbage" * 30,
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.filterwarnings("ignore")
def test_malformed_exif_is_left_out(block: bytes, format: str) -> None:
    photo = decode_photo(pillow_bytes(RGB, "JPEG", exif=block, quality=95))
    for metadata in ("safe", "all", "none"):
        again = decode_photo(encode_photo(photo, format, metadata=metadata))
        assert again.pixels.shape == photo.pixels.shape


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_block_can_be_filtered(junk: bytes, head: bytes) -> None:
    found = Exif.parse(head + junk)
    for keep in (lambda exif: exif.everything(3, 4), lambda exif: exif.listed({271, 306, 33434}, 1024)):
        again = Exif.parse(bytes(keep(found)))
        assert again.orientation() == 1
        assert bytes(keep(again)) == bytes(keep(found))


def unpacked(data: bytes) -> bytes:
    """The packed texts of a PNG, and the blocks among them."""
    if not data.startswith(b"\x89PNG"):
        return b""
    texts = [str(value) for key, value in Image.open(io.BytesIO(data)).info.items() if isinstance(value, str)]
    blocks = [bytes.fromhex("".join(text.split("\n")[3:])) for text in texts if text.startswith("\niptc")]
    return b"".join([*(text.encode() for text in texts), *blocks])


# --- Facts wherever they stand ------------------------------------------------------------------------------


RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def packet(attributes: str = "", elements: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description rdf:about="" {spaces} {attributes}>'
        f"{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "my": "http://example.org/my/",
}
RIGHTS, PERSON, DAY = "(c) 2024 Agéncy", "Ann Example", "2024-01-02"
IPTC = iptc.pack(
    [
        (1, 90, b"\x1b%G"),
        (2, 55, b"20240102"),
        (2, 80, PERSON.encode()),
        (2, 90, MARKER + b"-CITY"),
        (2, 116, RIGHTS.encode()),
    ]
)
IN_XMP = packet(
    f'photoshop:DateCreated="{DAY}" photoshop:City="{secret("CITY")}" exif:GPSLatitude="{secret("GPS")}"'
    f' Iptc4xmpCore:Location="{secret("PLACE")}" aux:SerialNumber="{secret("SERIAL")}" aux:OwnerName="{PERSON}"',
    f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{RIGHTS}</rdf:li></rdf:Alt></dc:rights>'
    f"<dc:creator><rdf:Seq><rdf:li>{PERSON}</rdf:li></rdf:Seq></dc:creator>"
    f'<Iptc4xmpExt:LocationCreated rdf:parseType="Resource"><Iptc4xmpExt:City>{secret("CITY2")}</Iptc4xmpExt:City>'
    f"</Iptc4xmpExt:LocationCreated><Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>{secret('FRIEND')}</rdf:li></rdf:Bag>"
    f'</Iptc4xmpExt:PersonInImage><mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:Name>{secret("FACE")}</mwg-rs:Name>'
    f"</mwg-rs:Regions>",
)
PNG = pillow_bytes(RGB, "PNG")
JPEG = pillow_bytes(RGB, "JPEG", quality=90)


def in_png(*chunks: bytes) -> bytes:
    return PNG[:-12] + b"".join(chunks) + PNG[-12:]  # behind the pixels, where some programs put it


def in_jpeg(marker: int, content: bytes) -> bytes:
    return JPEG[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + JPEG[2:]


def exif_texts(kind: int) -> bytes:
    """Artist, Copyright and DateTime of a type of text; 129 is UTF-8, new in EXIF 3."""
    values = {306: "2024:01:02 03:04:05", 315: PERSON, 33432: RIGHTS, 40093: ""}
    main = {tag: (kind, len(text.encode()) + 1, text.encode() + b"\0") for tag, text in values.items() if text}
    return b"Exif\0\0" + bytes(Exif(main=main | {40093: (1, 22, PERSON.encode("utf-16-le"))}))


def profile(block: bytes) -> str:
    return f"\niptc\n{len(block):8d}\n" + re.sub(r"(.{72})", r"\1\n", block.hex())


WRONG_XMP = IN_XMP.decode().replace("<dc:rights>", "\x01&#0;&#x1F;<dc:rights>") + '<?xpacket end="w"?></rdf:li>'
IN_APP1 = profile(b"http://ns.adobe.com/xap/1.0/\0" + IN_XMP).replace("\niptc", "generic profile")
HOLDERS = {
    "EXIF": pillow_bytes(RGB, "JPEG", exif=exif_texts(2)),
    "EXIF 3": pillow_bytes(RGB, "WEBP", exif=exif_texts(129)),
    "XMP in PNG": in_png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + IN_XMP)),
    "XMP in JPEG": pillow_bytes(RGB, "JPEG", xmp=IN_XMP),
    "XMP in WebP": pillow_bytes(RGB, "WEBP", xmp=IN_XMP),
    "XMP in AVIF": pillow_bytes(RGB, "AVIF", xmp=IN_XMP),
    "XMP in TIFF": pillow_bytes(RGB, "TIFF", tiffinfo={700: IN_XMP}),
    "XMP in UTF-16": pillow_bytes(RGB, "JPEG", xmp=IN_XMP.decode().encode("utf-16-be") + bytes(3)),
    "XMP in UTF-32": pillow_bytes(RGB, "WEBP", xmp=IN_XMP.decode().encode("utf-32")),
    "XMP with Latin letters, what is none, and a rest": pillow_bytes(
        RGB, "JPEG", xmp=b'<?xml version="1.0" encoding="utf-16"?>' + WRONG_XMP.encode("latin-1")
    ),
    "XMP by ImageMagick as in JPEG": in_png(chunk(b"tEXt", b"Raw profile type APP1\0" + IN_APP1.encode())),
    "EXIF by ImageMagick as in JPEG": in_png(
        chunk(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(profile(exif_texts(2)).encode()))
    ),
    "XMP by ImageMagick": in_png(chunk(b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(profile(IN_XMP).encode()))),
    "IPTC in JPEG": in_jpeg(0xED, b"Photoshop 3.0\0" + iptc.as_resource(IPTC)),
    "IPTC behind damaged resources": in_jpeg(
        0xED,
        b"Photoshop 3.0\0AgHg\x0f\xa0\0\0\0\0\0\x01\x078BIM\x04\x04\0\0\0\0\0\x05\x1c\x02\0\0\0\0"
        + iptc.as_resource(IPTC),
    ),
    "IPTC in TIFF": pillow_bytes(RGB, "TIFF", tiffinfo={33723: IPTC}),
    "IPTC in TIFF of Photoshop": pillow_bytes(RGB, "TIFF", tiffinfo={34377: iptc.as_resource(IPTC)}),
    "IPTC in PNG": in_png(chunk(b"tEXt", b"Raw profile type iptc\0" + profile(iptc.as_resource(IPTC)).encode())),
    "texts in PNG": in_png(
        chunk(b"iTXt", b"Copyright\0\1\0\0\0" + zlib.compress(RIGHTS.encode())),
        chunk(b"tEXt", b"author\0" + PERSON.encode()),
        chunk(b"zTXt", b"Creation Time\0\0" + zlib.compress(b"Tue, 02 Jan 2024 03:04:05 +0000")),
        chunk(b"tEXt", b"Location\0" + MARKER),
    ),
}


def has_rights(data: bytes) -> bool:
    held = data + unpacked(data)
    return RIGHTS.encode() in held or RIGHTS.encode("latin-1") in held  # that of plain texts in PNG


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_copyright_and_date_survive_wherever_they_stand_and_persons_where_asked_for(holder: str, format: str) -> None:
    photo = decode_photo(HOLDERS[holder])
    for metadata in ("safe", "creator", "all", "none"):
        data = encode_photo(photo, format, metadata=metadata)
        held = data + unpacked(data)
        is_dated = re.search(rb"2024[-:]?01[-:]?02|02 Jan 2024", held) is not None  # as XMP, EXIF, IPTC, PNG have it
        names = [PERSON.encode() in held, PERSON.encode("utf-16-le") in held]
        assert is_dated == has_rights(data) == (metadata != "none")
        assert any(names) == (metadata in ("creator", "all"))
        assert MARKER not in held or metadata == "all"
        assert has_rights(encode_photo(decode_photo(data), "WEBP")) == (metadata != "none")


@pytest.mark.parametrize(
    "licensors",
    [
        '<rdf:li rdf:parseType="Resource">{url}<plus:LicensorName>{name}</plus:LicensorName>{mail}</rdf:li>',
        '<rdf:li><rdf:Description plus:LicensorName="{name}">{url}{mail}</rdf:Description></rdf:li>',
        '<rdf:li plus:LicensorName="{name}" plus:LicensorURL="https://example.org/buy"/>',
    ],
)
def test_of_a_licensor_the_address_to_ask_survives_and_the_name_where_asked_for(licensors: str) -> None:
    url = "<plus:LicensorURL>https://example.org/buy</plus:LicensorURL>"
    item = licensors.format(url=url, name=PERSON, mail=f"<plus:LicensorEmail>{MARKER}</plus:LicensorEmail>")
    other = '<rdf:li rdf:parseType="Resource"><plus:LicensorName>Other</plus:LicensorName></rdf:li>'
    photo = Photo(np.asarray(RGB), xmp=packet("", f"<plus:Licensor><rdf:Seq>{item}{other}</rdf:Seq></plus:Licensor>"))
    for metadata in ("safe", "creator", "all"):
        data = encode_photo(photo, "WEBP", metadata=metadata)
        found = xmp.properties(xmp.parse(decode_photo(data).xmp))
        assert found[xmp.name("plus:Licensor/LicensorURL")].texts[0] == "https://example.org/buy"
        assert (PERSON.encode() in data) == (xmp.name("plus:Licensor/LicensorName") in found) == (metadata != "safe")
        assert MARKER not in data or metadata == "all"


def test_two_lists_of_licensors_of_different_lengths_are_one() -> None:
    lists = ('<rdf:li plus:LicensorName="Ann"/>', '<rdf:li plus:LicensorURL="https://example.org/buy"/>' * 2)
    elements = "".join(f"<plus:Licensor><rdf:Bag>{items}</rdf:Bag></plus:Licensor>" for items in lists)
    written = keeping.kept(Photo(np.asarray(RGB), xmp=packet("", elements)), "WEBP", "creator").xmp or b""
    assert (written.count(b"Ann"), written.count(b"https://example.org/buy")) == (1, 2)


@pytest.mark.parametrize(
    "element",
    [
        '<dc:rights rdf:parseType="Resource"><rdf:value>{}</rdf:value><my:how>seen</my:how></dc:rights>',
        '<dc:rights rdf:value="{}" my:how="seen"/>',
        '<dc:rights><rdf:Alt><rdf:li><rdf:Description rdf:value="{}" my:how="seen"/></rdf:li></rdf:Alt></dc:rights>',
        '<dc:rights><rdf:Bag><rdf:li rdf:resource="{}"/></rdf:Bag></dc:rights>',
    ],
)
def test_rights_survive_with_qualifiers_and_as_links(element: str) -> None:
    photo = Photo(np.asarray(RGB), xmp=packet("", element.format(RIGHTS)))
    assert xmp.properties(xmp.parse(keeping.kept(photo, "WEBP", "safe").xmp))[xmp.name("dc:rights")].texts == (RIGHTS,)


@pytest.mark.parametrize("said", ["", "False"])
def test_copyright_in_photoshops_own_resources_survives_unless_xmp_says_another(said: str) -> None:
    flag, url = b"8BIM\x04\x0a\0\0\0\0\0\1\1\0", b"8BIM\x04\x0b\0\0\0\0\0\x14https://example.org/"
    data = in_jpeg(0xED, b"Photoshop 3.0\0" + flag + url)
    if said:
        segment = b"http://ns.adobe.com/xap/1.0/\0" + packet(f'xmpRights:Marked="{said}"')
        data = data[:2] + struct.pack(">BBH", 0xFF, 0xE1, len(segment) + 2) + segment + data[2:]
    for format in ("JPEG", "WEBP"):
        written = decode_photo(encode_photo(decode_photo(data), format))
        found = xmp.properties(xmp.parse(written.xmp))
        assert found[xmp.name("xmpRights:Marked")].texts == (said or "True",)
        assert found[xmp.name("xmpRights:WebStatement")].texts == ("https://example.org/",)


def test_exposure_and_camera_survive_in_each_others_directory() -> None:
    model, time = {272: (2, 6, b"Canik\0")}, {33434: (5, 1, struct.pack("<II", 1, 50))}
    stale = {37500: (7, 8, MARKER[:8]), 40962: (4, 1, struct.pack("<I", 4000))}  # maker note, width
    photo = Photo(np.asarray(RGB), exif=bytes(Exif(main=time | stale, exif=model)))
    again, all_of_it = (
        Exif.parse(decode_photo(encode_photo(photo, "JPEG", metadata=metadata)).exif) for metadata in ("safe", "all")
    )
    assert again.main[33434] == all_of_it.main[33434] == time[33434]
    assert again.exif == model
    assert not stale.keys() & (again.main.keys() | all_of_it.main.keys())
    assert left_out(photo, "JPEG", "all") == "not kept: the maker note"


def test_xmp_is_read_around_a_picture_that_makes_it_too_long() -> None:
    picture = f"<my:Picture>iVBORw0KGgo{'A' * (9 << 20)}</my:Picture>"
    photo = Photo(np.asarray(RGB), xmp=packet('photoshop:DateCreated="2024-01-02"', picture))
    for metadata in ("safe", "all"):
        assert b"2024-01-02" in (keeping.kept(photo, "WEBP", metadata).xmp or b"")


def test_xmp_of_endless_tags_is_left_out_and_that_is_said() -> None:
    photo = Photo(np.asarray(RGB), xmp=packet("", "<my:a/>" * 400_000))
    for metadata in ("safe", "creator", "all"):
        assert left_out(photo, "WEBP", metadata) == "not kept: damaged or endless XMP"
    assert left_out(photo, "WEBP", "none") is None


def test_long_copyright_is_kept() -> None:
    text = b"All rights reserved. " * 300
    exif = bytes(Exif(main={33432: (2, len(text), text)}))
    assert Exif.parse(decode_photo(encode_photo(Photo(np.asarray(RGB), exif=exif), "JPEG")).exif).main[33432][2] == text


def test_what_is_kept_is_told_where_people_read_it() -> None:
    readme = " ".join((Path(__file__).parent.parent / "README.md").read_text().split())
    for fact in (*keeping.KEPT, keeping.CREATOR):
        assert fact.words in readme


# --- all ----------------------------------------------------------------------------------------------------


def test_long_exif_is_kept_where_it_fits_and_said_where_not() -> None:
    long = (7, 70_000, b"ASCII\0\0\0" + bytes(range(97, 123)) * 2692)
    exif = bytes(Exif(main={271: (2, 8, b"Canikon\0"), 272: (2, 200_000, b"x" * 200_000)}, exif={37510: long}))
    photo = Photo(np.asarray(RGB), exif=exif)
    for format in ("PNG", "WEBP", "TIFF", "AVIF"):
        again = Exif.parse(decode_photo(encode_photo(photo, format, metadata="all")).exif)
        assert again.exif[37510][2] == long[2]
        assert len(again.main[272][2]) == 200_000
        assert left_out(photo, format, "all") is None
    again = Exif.parse(decode_photo(encode_photo(photo, "JPEG", metadata="all")).exif)
    assert again.main[271][2] == b"Canikon\0"
    assert 37510 not in again.exif
    assert left_out(photo, "JPEG", "all") == "not kept: Model (too long for JPEG), UserComment (too long for JPEG)"


def test_xmp_longer_than_a_segment_is_read_and_written_in_parts() -> None:
    long = {f"my:long{n}": f"{chr(65 + n)}" * 40_000 for n in range(4)}
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in long.items())
    photo = Photo(np.asarray(RGB), xmp=packet('my:short="SHORT"', elements))
    data = encode_photo(photo, "JPEG", metadata="all")
    assert left_out(photo, "JPEG", "all") is None
    main = Image.open(io.BytesIO(data)).info["xmp"]
    assert b"HasExtendedXMP" in main
    assert b"SHORT" in main
    again = decode_photo(data)
    for text in long.values():
        assert text.encode() in (again.xmp or b"")
    assert b"HasExtendedXMP" not in (again.xmp or b"")
    once_more = decode_photo(encode_photo(again, "JPEG", metadata="all")).xmp
    assert xmp.properties(xmp.parse(once_more)) == xmp.properties(xmp.parse(again.xmp))


def test_a_property_longer_than_a_packet_may_be_alone_goes_to_the_extension() -> None:
    photo = Photo(np.asarray(RGB), xmp=packet("", f"<my:long>{'L' * 200_000}</my:long>"))
    assert b"L" * 200_000 in (decode_photo(encode_photo(photo, "JPEG", metadata="all")).xmp or b"")


def test_a_damaged_extension_leaves_the_packet() -> None:
    short = packet('xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF" my:short="SHORT"').replace(
        b"xmlns:my", b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmlns:my'
    )
    name = b"http://ns.adobe.com/xmp/extension/\x000123456789ABCDEF0123456789ABCDEF"
    data = pillow_bytes(RGB, "JPEG", xmp=short)
    segment = name + struct.pack(">II", 99, 0) + b"<x:xmp"
    data = data[:2] + struct.pack(">BBH", 0xFF, 0xE1, len(segment) + 2) + segment + data[2:]
    found = decode_photo(encode_photo(decode_photo(data), "JPEG", metadata="all")).xmp or b""
    assert b"SHORT" in found
    assert b"HasExtendedXMP" not in found


def test_what_xmp_tells_of_other_pictures_and_of_the_layout_is_corrected() -> None:
    picture = "/9j/4AAQSkZJRg" + "A" * 100
    found = packet(
        f'hdrgm:Version="1.0" my:kept="K" my:line="one&#10;two" exif:PixelXDimension="9999" my:data="{picture}"',
        '<photoshop:ICCProfile>Adobe RGB</photoshop:ICCProfile><my:sub rdf:parseType="Resource"><my:a>KEPT</my:a>'
        f"<my:b>{picture}</my:b></my:sub>",
    )
    written = decode_photo(encode_photo(Photo(np.asarray(RGB), xmp=found), "PNG", metadata="all")).xmp or b""
    assert b"hdrgm:Version" not in written
    assert b"Adobe RGB" not in written
    assert picture.encode() not in written
    assert b"<my:a>KEPT</my:a>" in written  # with its prefix
    assert b"ns0" not in written
    assert b'exif:PixelXDimension="64"' in written
    read = xmp.properties(xmp.parse(written))
    assert read["http://example.org/my/", "line"].texts == ("one\ntwo",)
    assert read["http://example.org/my/", "kept"].texts == ("K",)


DEEP = packet("", "<my:a>" * 3000 + "</my:a>" * 3000)


@pytest.mark.parametrize("junk", [b"", DEEP, b"no xml", b"<a><b></a>", b"\xff\xfe\0", b"<a>" * 5000, b"<a b='&x;'/>"])
def test_malformed_xmp_is_left_out(junk: bytes) -> None:
    photo = Photo(np.asarray(RGB), xmp=junk)
    assert decode_photo(encode_photo(photo, "PNG", metadata="all")).xmp is None
    assert left_out(photo, "PNG", "all") == ("not kept: damaged or endless XMP" if junk else None)


PIECES = [
    b"<rdf:Bag/>",
    b"<rdf:li/>",
    b"<!--c-->",
    b"<exif:ColorSpace/>",
    b'rdf:parseType="Resource"',
    b"</rdf:li>",
    b"\0",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40), st.sampled_from([b"", *PIECES])), max_size=3))
def test_any_packet_can_be_kept_or_left_out(cuts: list[tuple[int, int, bytes]]) -> None:
    found = IN_XMP
    for start, length, put in cuts:
        found = found[:start] + put + found[start + length :]
    photo = Photo(np.zeros((2, 2, 3), np.uint8), xmp=found)
    for metadata in ("safe", "all"):
        kept = keeping.kept(photo, "JPEG", metadata).xmp
        assert kept is None or xmp.parse(kept) is not None
        assert metadata == "all" or MARKER not in (kept or b"")


def test_corrections_need_no_text_to_correct() -> None:
    found = packet("", "<exif:ColorSpace/><exif:PixelXDimension><!--c-->9</exif:PixelXDimension>")
    written = keeping.kept(Photo(np.asarray(RGB), xmp=found), "PNG", "all").xmp or b""
    assert b"<exif:PixelXDimension>64</exif:PixelXDimension>" in written


def test_entities_are_not_expanded() -> None:
    laughs = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + packet('my:short="&b;"')
    assert xmp.parse(laughs) is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_iptc_block_and_resources_can_be_read(junk: bytes) -> None:
    for block in (junk, b"\x1c\x02" + junk, b"8BIM\x04\x04" + junk):
        sets = iptc.parse(iptc.in_resources(block))
        assert iptc.parse(iptc.pack(sets)) == sets
        iptc.texts(sets)


def test_iptc_of_any_length_is_written_as_read() -> None:
    sets = [(2, 120, b"c" * 40_000), (2, 25, b"one"), (2, 25, b"two"), (2, 202, b"\xff\xd8\xff" + MARKER)]
    photo = Photo(np.asarray(RGB), iptc=iptc.pack([*sets, (2, 40, b"i" * 40_000)]))
    for format in ("JPEG", "PNG", "TIFF"):
        again = iptc.parse(decode_photo(encode_photo(photo, format, metadata="all")).iptc)
        assert again == [*sets[:3], (2, 40, b"i" * 40_000)]
    properties = xmp.properties(xmp.parse(decode_photo(encode_photo(photo, "WEBP", metadata="all")).xmp))
    assert properties[xmp.name("dc:subject")].texts == ("one", "two")
    assert properties[xmp.name("dc:description")].texts == ("c" * 40_000,)


def test_what_a_format_has_no_place_for_is_said() -> None:
    photo = Photo(np.asarray(RGB), comments=(("Comment", "C"), ("parameters", "P"), ("Title", "T")), iptc=IPTC)
    assert left_out(photo, "PNG", "all") is None
    assert left_out(photo, "JPEG", "all") == "not kept: the text 'parameters'"
    assert left_out(photo, "JPEG", "safe") is None
    photo = Photo(np.asarray(RGB), comments=(("Comment", "c" * 70_000),))
    assert left_out(photo, "JPEG", "all") == "not kept: a comment (too long for JPEG)"
    photo = Photo(np.asarray(RGB), iptc=iptc.pack([(2, 116, b"(c) one"), (2, 186, b"x")]), xmp=IN_XMP)
    assert left_out(photo, "WEBP", "all") == "not kept: IPTC rights, IPTC 2:186"
    dates = iptc.pack([(2, 55, b"20240102"), (2, 60, b"late"), (2, 62, b"00000000")])
    photo = Photo(np.asarray(RGB), iptc=dates)
    assert b"2024-01-02" in encode_photo(photo, "WEBP")
    assert left_out(photo, "WEBP", "safe") == "not kept: IPTC date"


def test_a_maker_note_is_none_in_xmp_and_texts_either() -> None:
    note = chunk(b"tEXt", b"exif:MakerNote\0" + MARKER) + chunk(b"tEXt", b"exif:thumbnail:Compression\0006")
    held = packet(f'exif:MakerNote="{secret("NOTE")}" my:short="SHORT"')
    photo = decode_photo(in_png(note, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + held)))
    data = encode_photo(photo, "PNG", metadata="all")
    assert MARKER not in data
    assert b"exif:thumbnail" not in data
    assert b"SHORT" in data
    assert left_out(photo, "PNG", "all") == "not kept: the maker note"


def test_a_gain_map_that_is_dropped_is_said_whatever_is_asked_for() -> None:
    photo = decode_photo(pillow_bytes(RGB, "JPEG", xmp=packet('hdrgm:Version="1.0" my:kept="K"')))
    for metadata in ("safe", "all", "none"):
        assert left_out(photo, "JPEG", metadata) == "not kept: the gain map (its HDR version)"
        again = decode_photo(encode_photo(photo, "JPEG", metadata=metadata))
        assert left_out(again, "JPEG", "all") is None  # it claims none


def test_videos_depth_maps_and_credentials_are_told() -> None:
    motion = packet('GCamera:MotionPhoto="1"').replace(
        b"xmlns:my", b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:my'
    )
    photo = decode_photo(pillow_bytes(RGB, "JPEG", xmp=motion))
    assert left_out(photo, "JPEG", "safe") == "not kept: the video of a motion photo"
    assert b"MotionPhoto" not in encode_photo(photo, metadata="all")
    depth = packet('GDepth:Mime="image/jpeg"').replace(
        b"xmlns:my", b'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" xmlns:my'
    )
    assert left_out(decode_photo(pillow_bytes(RGB, "JPEG", xmp=depth)), "JPEG", "safe") == "not kept: the depth map"
    photo = decode_photo(in_jpeg(0xEB, b"JP\0\1\0\0\0\1" + b"\0\0\0\x20jumb\0\0\0\x1ejumdc2pa\0\x11\0\x10"))
    assert left_out(photo, "JPEG", "all") == "not kept: the content credentials (C2PA)"
    assert left_out(photo, "JPEG", "safe") is None
    samsung = JPEG + b"\0\0\x30\x0aMotionPhoto_Data\0\0\0\x18ftypmp42" + bytes(100) + b"SEFT"
    assert left_out(decode_photo(samsung), "JPEG", "safe") == "not kept: the video of a motion photo"
    container = packet("", '<my:Directory><rdf:Seq><rdf:li my:Semantic="GainMap"/></rdf:Seq></my:Directory>')
    photo = decode_photo(pillow_bytes(RGB, "JPEG", xmp=container))
    assert left_out(photo, "JPEG", "safe") == "not kept: the gain map (its HDR version)"
    other = pillow_bytes(RGB, "MPO", save_all=True, append_images=[RGB])
    assert left_out(decode_photo(other), "JPEG", "all") == "not kept: the other pictures of the file"


# --- The mark -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_says_that_it_is_one(format: str) -> None:
    photo = decode_photo(camera_jpeg())
    assert photo.mark is None
    made = marked(photo, '{"recipe": 1}')
    expected = Mark(camofilter.__version__, hashlib.sha256(b'{"recipe": 1}').hexdigest())
    for metadata in ("safe", "creator", "all"):
        again = decode_photo(encode_photo(made, format, metadata=metadata))
        assert again.mark == expected
        assert decode_photo(encode_photo(again, "PNG", metadata=metadata)).mark == expected
        assert (
            decode_photo(encode_photo(marked(again, "{}"), format, metadata=metadata)).mark == marked(photo, "{}").mark
        )
    data = encode_photo(made, format, metadata="none")
    assert decode_photo(data).mark is None
    assert b"camofilter" not in data


def test_a_mark_that_lacks_something_is_none() -> None:
    space = b'xmlns:camofilter="camofilter:ns:1.0/" xmlns:my'
    digest = "0" * 64
    for attributes in (
        'camofilter:Version="1"',
        f'my:Version="1" my:Recipe="{digest}"',
        f'camofilter:Version="{PERSON}" camofilter:Recipe="{digest}"',
        f'camofilter:Version="1" camofilter:Recipe="{PERSON}"',
    ):
        photo = decode_photo(pillow_bytes(RGB, "WEBP", xmp=packet(attributes).replace(b"xmlns:my", space)))
        assert photo.mark is None
        assert PERSON.encode() not in encode_photo(photo)


def test_looks_mark_what_they_make() -> None:
    photo = Photo(np.asarray(RGB))
    warm = camofilter.apply(photo, "warm")
    recipe = presets.get("warm").to_json()
    assert warm.mark == Mark(camofilter.__version__, hashlib.sha256(recipe.encode()).hexdigest())
    assert camofilter.apply(photo, Recipe()).mark is None


# --- Files that failed --------------------------------------------------------------------------------------

KEPT_OF_CASES = {
    "m-xmp-rights-only.png": [b"(c) 2024 Example", b"2024-01-02"],
    "m-iptc-rights-only.jpg": [b"(c) 2024 Example", b"20240102"],
    "m-full.jpg": [b"(c) EXIFOWNER", b"(c) IPTCOWNER", b"(c) XMPOWNER", b"ACME", b"Lens 50"],
    "m-full.png": [b"(c) EXIFOWNER", b"(c) PNGOWNER", b"(c) XMPOWNER", b"ACME", b"Lens 50"],
    "m-extxmp.jpg": [b"(c) EXT"],
    "e-copyright-utf8.jpg": ["© Zoë Mül".encode()],
}


@pytest.mark.parametrize("name", KEPT_OF_CASES)
def test_files_that_failed_keep_their_rights_and_no_secret(shared: Path, name: str) -> None:
    photo = open_photo(shared / "cases" / name)
    data = encode_photo(photo)
    held = data + unpacked(data)
    for text in KEPT_OF_CASES[name]:
        assert text in held
    for gone in (b"SECRET", b"EXIFARTIST", b"PERSON"):
        assert gone not in held


def test_the_full_file_that_failed_keeps_all_texts(shared: Path) -> None:
    photo = open_photo(shared / "cases" / "m-full.jpg")
    data = encode_photo(photo, metadata="all")
    assert left_out(photo, "JPEG", "all") == "not kept: the content credentials (C2PA)"
    for text in ("COMMENT", "CITYIPTC", "KW", "CITY", "SUBLOC", "DESC", "USERCOMMENT", "AREA", "SERIALX"):
        assert b"SECRET" + text.encode() in data


def test_the_ultra_hdr_file_that_failed(shared: Path) -> None:
    photo = open_photo(shared / "cases" / "m-ultrahdr.jpg")
    data = encode_photo(photo, metadata="all")
    assert left_out(photo, "JPEG", "all") == "not kept: the gain map (its HDR version)"
    assert b"GainMap" not in data
    assert b"ns0" not in data
    assert b"hdrgm:" not in data
