"""What a written photo keeps of what its file said: the one place where that is decided.

``KEPT`` is the list for people and for the code; whatever is not on it does not survive ``safe``.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from camofilter.photo import embedded, iptc, xmp
from camofilter.photo.metadata import MAKER_NOTE, Exif

if TYPE_CHECKING:
    from camofilter.photo.core import Photo

_LONGEST_IN_JPEG = 65_500  # of EXIF or XMP in the segment that has to hold it
_LONGEST_SAFE = 8_192  # of a value: texts on copyright can be long
_SHOWN = 6  # names in a line


@dataclass(frozen=True)
class Fact:
    """Something that is kept, wherever it stands.

    Attributes:
        words: what it is.
        main, exif: its tags in the first directory of EXIF and in the one for exposures; kept in either, as some
            programs mistake one for the other.
        xmp: its properties, as ``prefix:name``, and fields of structures, as ``prefix:name/field``.
        iptc: its data sets of the application record.
        png: its keywords of texts in PNG.
    """

    words: str
    main: tuple[int, ...] = ()
    exif: tuple[int, ...] = ()
    xmp: tuple[str, ...] = ()
    iptc: tuple[int, ...] = ()
    png: tuple[str, ...] = ()


KEPT = (
    Fact(
        "when it was taken and changed",
        main=(306,),
        exif=(36864, 36867, 36868, 36880, 36881, 36882, 37520, 37521, 37522),  # with EXIF's version, offsets, fractions
        xmp=(
            *("exif:DateTimeOriginal", "exif:DateTimeDigitized", "photoshop:DateCreated", "tiff:DateTime"),
            *("xmp:CreateDate", "xmp:ModifyDate"),
        ),
        iptc=(55, 60, 62, 63),
        png=("Creation Time",),
    ),
    Fact(
        "the make and model of camera and lens",
        main=(271, 272),
        exif=(42034, 42035, 42036),  # 42037 is the lens's serial number
        xmp=(
            *("tiff:Make", "tiff:Model", "aux:Lens", "aux:LensInfo"),
            *("exifEX:LensMake", "exifEX:LensModel", "exifEX:LensSpecification"),
        ),
    ),
    Fact(
        "the exposure",
        exif=(
            *(33434, 33437, 34850, 34855, 34864, 34865, 34866),  # time, aperture, program, sensitivity
            *(
                37377,
                37378,
                37380,
                37381,
                37383,
                37384,
                37385,
                37386,
            ),  # APEX values, metering, light, flash, focal
            *(41986, 41987, 41989),  # mode, white balance, focal length on 35 mm
        ),
        xmp=(
            *("exif:ExposureTime", "exif:FNumber", "exif:ExposureProgram", "exif:ISOSpeedRatings"),
            *("exif:ShutterSpeedValue", "exif:ApertureValue", "exif:ExposureBiasValue", "exif:MaxApertureValue"),
            *("exif:MeteringMode", "exif:LightSource", "exif:FocalLength", "exif:ExposureMode", "exif:WhiteBalance"),
            *("exif:FocalLengthIn35mmFilm", "exifEX:PhotographicSensitivity", "exifEX:SensitivityType"),
        ),
    ),
    Fact(
        "copyright, licence and what is reserved",
        main=(33432,),
        xmp=(
            *("dc:rights", "tiff:Copyright", "xmpRights:Marked", "xmpRights:UsageTerms", "xmpRights:WebStatement"),
            *("cc:license", "plus:DataMining", "plus:OtherConstraints", "plus:Licensor/LicensorURL"),
            *("plus:TermsAndConditionsText", "plus:TermsAndConditionsURL"),
        ),
        iptc=(116,),
        png=("Copyright",),
    ),
    Fact("that camofilter made it"),  # by ``Photo.mark``, in which nothing else can hide
)
CREATOR = Fact(
    "who made it",
    main=(315, 40093),  # Artist, XPAuthor
    exif=(42032, 42039, 42040),  # CameraOwnerName; Photographer and ImageEditor of EXIF 3
    xmp=(
        *("dc:creator", "tiff:Artist", "photoshop:AuthorsPosition", "photoshop:Credit", "xmpRights:Owner"),
        *("aux:OwnerName", "exifEX:CameraOwnerName", "exifEX:Photographer", "exifEX:ImageEditor", "cc:attributionName"),
        *("plus:ImageCreator/ImageCreatorName", "plus:CopyrightOwner/CopyrightOwnerName", "plus:Licensor/LicensorName"),
    ),
    iptc=(80, 85, 110),  # by-line, its title, credit
    png=("Author",),
)

# Where XMP holds what IPTC and PNG have places of their own for (IPTC Photo Metadata Standard; Metadata Working Group).
_IPTC_IN_XMP: dict[int, tuple[str, xmp.Container]] = {
    5: ("dc:title", "Alt"),
    15: ("photoshop:Category", ""),
    20: ("photoshop:SupplementalCategories", "Bag"),
    25: ("dc:subject", "Bag"),
    40: ("photoshop:Instructions", ""),
    80: ("dc:creator", "Seq"),
    85: ("photoshop:AuthorsPosition", ""),
    90: ("photoshop:City", ""),
    92: ("Iptc4xmpCore:Location", ""),
    95: ("photoshop:State", ""),
    100: ("Iptc4xmpCore:CountryCode", ""),
    101: ("photoshop:Country", ""),
    103: ("photoshop:TransmissionReference", ""),
    105: ("photoshop:Headline", ""),
    110: ("photoshop:Credit", ""),
    115: ("photoshop:Source", ""),
    116: ("dc:rights", "Alt"),
    120: ("dc:description", "Alt"),
    122: ("photoshop:CaptionWriter", ""),
}
_IPTC_DATES = (("IPTC date", 55, 60, "photoshop:DateCreated"), ("IPTC date", 62, 63, "exif:DateTimeDigitized"))
_IPTC_VERSION = 0
_HOLD_IPTC = ("JPEG", "PNG", "TIFF")
_PNG_IN_XMP: dict[str, tuple[str, xmp.Container]] = {
    "title": ("dc:title", "Alt"),
    "author": ("dc:creator", "Seq"),
    "description": ("dc:description", "Alt"),
    "copyright": ("dc:rights", "Alt"),
    "software": ("xmp:CreatorTool", ""),
    "source": ("dc:source", ""),
    "comment": ("exif:UserComment", "Alt"),
}


_PREVIEWS = (200, 201, 202)  # data sets of a small picture of the photo
# What XMP tells of the original file's layout; what EXIF tells of it is left out as well.
_LAYOUT = frozenset(
    xmp.name(f"tiff:{local}")
    for local in (
        *("BitsPerSample", "Compression", "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration"),
        *("YCbCrSubSampling", "YCbCrPositioning"),
    )
)

# What ImageMagick writes into a PNG, as texts, of the original's thumbnail, maker note and layout.
_STALE = ("exif:thumbnail:", "exif:MakerNote", "exif:Orientation", "exif:PixelXDimension", "exif:PixelYDimension")

Comments = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Kept:
    """What goes into a file beside the pixels.

    Attributes:
        exif, xmp, iptc, comments: as :class:`~camofilter.photo.core.Photo` has them.
        xmp_extension: of a packet too long for a segment of JPEG.
        left_out: in words, what was asked for and cannot be kept, and other versions of the picture.
    """

    exif: Exif = field(default_factory=Exif)
    xmp: bytes | None = None
    xmp_extension: bytes = b""
    iptc: bytes | None = None
    comments: Comments = ()
    left_out: tuple[str, ...] = ()


def kept(photo: Photo, format: str, metadata: str) -> Kept:
    """What a file keeps of a photo's metadata.

    Args:
        photo: as read, or with a new mark.
        format: of the file.
        metadata: "safe" (``KEPT``), "creator" (that and ``CREATOR``), "all" (all but thumbnails, other embedded
            pictures and the maker note) or "none".

    Returns:
        The metadata, upright and of the photo's size. IPTC and comments that the format has no place for are in XMP.
    """
    # That a photo has no HDR version any longer can be seen, so it is said whatever was asked for.
    lost = [words for words in photo.others if metadata == "all" or words in embedded.SEEN]
    if metadata == "none":
        return Kept(left_out=tuple(lost))
    exif, sets, document = Exif.parse(photo.exif), iptc.parse(photo.iptc), xmp.parse(photo.xmp)
    lost += ["damaged or endless XMP"] if xmp.utf8(photo.xmp) and document is None else []
    if metadata == "all":
        in_xmp = any(f":{short}".encode() in (photo.xmp or b"") for short in xmp.MAKER_NOTES)
        lost += ["the maker note"] if MAKER_NOTE in exif.main | exif.exif or in_xmp else []
        exif = exif.everything(photo.width, photo.height)
        sets = [one for one in sets if one[0] != iptc.APPLICATION or one[1] not in _PREVIEWS]
        comments = tuple(one for one in photo.comments if not xmp.is_picture(one[1]) and not one[0].startswith(_STALE))
        document = xmp.cleaned(document, _corrections(photo), _LAYOUT) if document else None
    else:
        facts = (*KEPT, CREATOR) if metadata == "creator" else KEPT
        exif = exif.listed({tag for fact in facts for tag in (*fact.main, *fact.exif)}, _LONGEST_SAFE)
        sets = _listed_iptc(sets, facts)
        comments = _listed_comments(photo.comments, facts)
        document = _listed_xmp(document, facts)
    staying = sets if format in _HOLD_IPTC else []
    own = tuple(one for one in comments if format == "PNG" or (format == "JPEG" and one[0] == "Comment"))
    moved = [] if staying else _iptc_in_xmp(sets)
    moved += [_comment_in_xmp(*one) for one in comments if one not in own]
    properties, homeless = _moved(moved, xmp.properties(document))
    packet = xmp.joined(document, properties | (photo.mark.properties() if photo.mark else {}))
    found = Kept(exif, packet, b"", iptc.pack(staying) or None, own, (*lost, *homeless))
    return _within_jpeg(found) if format == "JPEG" else found


def notes(photo: Photo, format: str | None, metadata: str) -> list[str]:
    """What people are told of a photo as it was opened, one line each: that it is a result, and :func:`left_out`.

    Args:
        photo: as it was opened.
        format: of the file to write; None for none.
        metadata: what that keeps.
    """
    told = [f"is a result of camofilter {photo.mark.version} already" if photo.mark else None]
    told += [left_out(photo, format, metadata)] if format else []
    return [line for line in told if line]


def left_out(photo: Photo, format: str, metadata: str) -> str | None:
    """One line for people: what a file of a format will lack of a photo; None where that is as asked for."""
    words = list(dict.fromkeys(kept(photo, format, metadata).left_out))
    if not words:
        return None
    some = words if len(words) <= _SHOWN else [*words[:_SHOWN], f"{len(words) - _SHOWN} more"]
    return f"not kept: {', '.join(some)}"


def _corrections(photo: Photo) -> dict[xmp.Name, str]:
    """What XMP has to say of the written photo where it says it."""
    width, height = str(photo.width), str(photo.height)
    texts = {"tiff:Orientation": "1", "exif:ColorSpace": "1", "tiff:ImageWidth": width, "tiff:ImageLength": height}
    texts |= {"exif:PixelXDimension": width, "exif:PixelYDimension": height}
    return {xmp.name(short): text for short, text in texts.items()}


def _listed_iptc(sets: list[iptc.DataSet], facts: tuple[Fact, ...]) -> list[iptc.DataSet]:
    numbers = {number for fact in facts for number in fact.iptc}
    found = [s for s in sets if s[0] == iptc.APPLICATION and s[1] in numbers and len(s[2]) <= _LONGEST_SAFE]
    return [*(s for s in sets if s[:2] == iptc.CHARSET), *found] if found else []


def _listed_comments(comments: Comments, facts: tuple[Fact, ...]) -> Comments:
    keywords = {keyword.lower() for fact in facts for keyword in fact.png}  # some programs write them small
    return tuple((keyword, t) for keyword, t in comments if keyword.lower() in keywords and len(t) <= _LONGEST_SAFE)


def _listed_xmp(document: xmp.Document | None, facts: tuple[Fact, ...]) -> xmp.Document | None:
    """A new packet: nothing can hide in it."""
    names = {xmp.name(short) for fact in facts for short in fact.xmp}
    found = {
        name: value
        for name, value in xmp.properties(document).items()
        if name in names and sum(map(len, value.texts)) <= _LONGEST_SAFE
    }
    return xmp.parse(xmp.build(found)) if found else None


# What it was, for people, and what it is in XMP; None where that has no place for it.
_Moved = tuple[str, tuple[xmp.Name, xmp.Property] | None]


def _iptc_in_xmp(sets: list[iptc.DataSet]) -> list[_Moved]:
    found = iptc.texts(sets)
    moved: list[_Moved] = []
    for words, day, time, name in _IPTC_DATES:
        days, times = found.pop(day, []), found.pop(time, [""])
        if days:
            date = _joined_date(days[0], times[0]) or _joined_date(days[0], "")
            moved.append((words, (xmp.name(name), xmp.Property.of(date)) if date else None))
    for number, texts in found.items():
        if number in _IPTC_IN_XMP:
            short, container = _IPTC_IN_XMP[number]
            languages = ("x-default",) if container == "Alt" else ("",) * len(texts)
            several = texts if container in ("Bag", "Seq") else texts[:1]
            value = xmp.Property(tuple(several), container, languages)
            moved.append((f"IPTC {short.partition(':')[2]}", (xmp.name(short), value)))
        elif number != _IPTC_VERSION:
            moved.append((f"IPTC 2:{number:02}", None))
    return moved


def _joined_date(day: str, time: str) -> str:
    """ISO 8601 of IPTC's ``20240102`` and ``120000+0100``; "" for other texts."""
    with suppress(ValueError):
        if not time:
            return datetime.strptime(day, "%Y%m%d").date().isoformat()
        return datetime.strptime(day + time, "%Y%m%d%H%M%S%z" if len(time) > 6 else "%Y%m%d%H%M%S").isoformat()
    return ""


def _comment_in_xmp(keyword: str, text: str) -> _Moved:
    words = "a comment" if keyword == "Comment" else f"the text '{keyword}'"
    if keyword.lower() == "creation time":
        date = _png_date(text)
        return words, (xmp.name("xmp:CreateDate"), xmp.Property.of(date)) if date else None
    if keyword.lower() not in _PNG_IN_XMP:
        return words, None
    short, container = _PNG_IN_XMP[keyword.lower()]
    return words, (xmp.name(short), xmp.Property.of(text, container))


def _png_date(text: str) -> str:
    """ISO 8601 of a PNG's creation time, by RFC 1123 as its standard suggests, or as EXIF; "" for other texts."""
    from email.utils import parsedate_to_datetime

    for read in (datetime.fromisoformat, parsedate_to_datetime, lambda text: datetime.strptime(text, "%Y:%m:%d %X")):
        with suppress(ValueError, TypeError):
            return read(text.strip()).isoformat()
    return ""


def _moved(moved: list[_Moved], present: xmp.Properties) -> tuple[xmp.Properties, list[str]]:
    """Properties to add to those present, and in words what has no place, or one that another text has taken."""
    added: xmp.Properties = {}
    homeless = []
    for words, found in moved:
        if found is None:
            homeless.append(words)
        elif found[0] not in present and found[0] not in added:
            added[found[0]] = found[1]
        elif (added | present)[found[0]].texts != found[1].texts:
            homeless.append(words)
    return added, homeless


def _within_jpeg(found: Kept) -> Kept:
    """The same, of each as much as segments of JPEG can hold."""
    exif, too_long = found.exif.within(_LONGEST_IN_JPEG)
    packet, extension = xmp.in_two(found.xmp, _LONGEST_IN_JPEG) if found.xmp else (b"", b"")
    lost = [*too_long, *(["XMP"] if found.xmp and not packet else [])]
    comments = tuple(one for one in found.comments if len(one[1].encode()) <= _LONGEST_IN_JPEG)
    lost += ["a comment"] * (len(found.comments) - len(comments))
    left_out = (*found.left_out, *(f"{words} (too long for JPEG)" for words in lost))
    return replace(found, exif=exif, xmp=packet or None, xmp_extension=extension, comments=comments, left_out=left_out)
