"""XMP packets (ISO 16684-1): their properties read, packets built, cleaned, and cut in two for JPEG."""

from __future__ import annotations

import hashlib
import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any, Literal, TypeAlias

# minidom's, whose stubs allow for states in which nothing that was parsed is.
Document: TypeAlias = Any
Element: TypeAlias = Any
Node: TypeAlias = Any

Name = tuple[str, str]  # namespace and local name
Container = Literal["", "Alt", "Bag", "Seq"]

NAMESPACES = {
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "camofilter": "camofilter:ns:1.0/",
    "cc": "http://creativecommons.org/ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
_PREFIXES = {namespace: prefix for prefix, namespace in NAMESPACES.items()}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_CONTAINERS: dict[Name, Container] = {(_RDF, "Alt"): "Alt", (_RDF, "Bag"): "Bag", (_RDF, "Seq"): "Seq"}
_VALUE = (_RDF, "value")  # beside its qualifiers
_XMLNS, _XML = "http://www.w3.org/2000/xmlns/", "http://www.w3.org/XML/1998/namespace"
# Of a packet that is read: its bytes, tags and attributes, and elements within each other. Real ones have some
# thousands, some hundreds and a dozen.
_LONGEST, _MOST, _DEEPEST = 8 << 20, 400_000, 100
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*>")  # it may tell of another encoding
_NO_LETTER = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_NOT_IN_XML = re.compile(_NO_LETTER + "|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));", re.I)
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=\s]{100000,}")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # bytes as Python holds them
_HEAD, _TAIL = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>', b'<?xpacket end="w"?>'

_GOOGLES_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_GOOGLES_PICTURES = ("audio", "container", "depthmap", "focus", "image")
MAKER_NOTES = ("MakerNote", "HdrPlusMakernote", "hdrp_makernote", "shot_log_data")
# Namespaces, and how names in them begin, of what describes pictures that are not carried over: thumbnails, gain maps,
# depth maps, videos, the parts of a file; of what tells the file's layout; and of maker notes.
_OF_OTHER_PICTURES = (
    ("http://ns.adobe.com/xap/1.0/g/img/", ""),
    ("http://ns.adobe.com/xap/1.0/", "Thumbnails"),
    ("http://ns.adobe.com/hdr-gain-map/1.0/", ""),
    ("http://ns.apple.com/HDRGainMap/1.0/", ""),
    ("http://ns.apple.com/pixeldatainfo/1.0/", ""),
    ("http://ns.apple.com/depthData/1.0/", ""),
    ("http://ns.google.com/photos/dd/1.0/", ""),
    *((f"http://ns.google.com/photos/1.0/{kind}/", "") for kind in _GOOGLES_PICTURES),
    *((_GOOGLES_CAMERA, begin) for begin in ("Micro", "Motion", *MAKER_NOTES)),
    *((NAMESPACES["exif"], begin) for begin in MAKER_NOTES),
    (NAMESPACES["xmpNote"], "HasExtendedXMP"),
    (NAMESPACES["photoshop"], "ICCProfile"),
)
# A JPEG, PNG, WebP, GIF, TIFF, HEIC or AVIF in base64, or as a data URL.
_PICTURE = re.compile(r"\s*(?:data:image|/9j/|iVBORw0KGgo|UklGR|R0lGOD|SUkqA|TU0AK|AAAA..Z0eX)")


@dataclass(frozen=True)
class Property:
    """A plain property: a text, or a container of texts.

    Attributes:
        texts: one, or those of the container.
        container: "Alt", "Bag" or "Seq"; "" for a text alone.
        languages: of the texts of an "Alt"; "" where none is said.
        is_link: the text is a URI and stands as ``rdf:resource``.
    """

    texts: tuple[str, ...]
    container: Container = ""
    languages: tuple[str, ...] = ()
    is_link: bool = False

    @classmethod
    def of(cls, text: str, container: Container = "") -> Property:
        """A text alone, or one in a container."""
        return cls((text,), container, ("x-default",) if container == "Alt" else ("",))


Properties = dict[Name, Property]


def name(short: str) -> Name:
    """The name written as ``prefix:local``, of a prefix in ``NAMESPACES``."""
    prefix, _, local = short.partition(":")
    return NAMESPACES[prefix], local


_EXTENSION = name("xmpNote:HasExtendedXMP")


def parse(packet: bytes | None) -> Document | None:
    """The packet as XML; None where it is missing, not well-formed, of absurd length or depth, or declares entities."""
    from xml.dom import minidom
    from xml.parsers.expat import ExpatError

    packet = utf8(packet)
    if len(packet) > _LONGEST or sum(map(packet.count, (b"<", b"="))) > _MOST or b"<!DOCTYPE" in packet:
        return None
    try:
        document = minidom.parseString(packet)
    except (ExpatError, ValueError, LookupError):
        return None
    return None if _is_deep(document) else document


def utf8(packet: bytes | None) -> bytes:
    """The XML of a packet in UTF-8, whatever it came in, without what no XML can hold; b"" for nothing at all.

    XMP may be in UTF-16 and UTF-32 as well. What is wrong in UTF-8 is read as Latin text, as Adobe's toolkit does it.
    Pictures are left out where they make a packet too long to be read.
    """
    packet = packet or b""
    at = max(packet.find(b"<"), 0)
    width = 4 if packet[at + 1 : at + 4] == bytes(3) else 2 if packet[at + 1 : at + 2] == b"\0" else 1
    order = "" if width == 1 else "-be" if at % width else "-le"
    text = packet[at - at % width :].decode(f"utf-{8 * width}{order}", "surrogateescape" if width == 1 else "replace")
    text = text.partition("<?xpacket end")[0]  # behind it may be the rest of a longer packet
    text = text[: text.rfind(">") + 1] or text.strip("\0 \r\n\t")
    if len(text) > _LONGEST:
        text = _LONG_RUN.sub("", text)
    text = _NOT_UTF8.sub(lambda found: bytes((ord(found[0]) - 0xDC00,)).decode("cp1252", "replace"), text)
    return _NOT_IN_XML.sub("", _DECLARATION.sub("", text)).encode()


def _is_deep(document: Document) -> bool:
    """Whether elements lie too deep in each other for minidom's own functions, which call themselves."""
    level = [document.documentElement]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in _elements(element)]
    return bool(level)


def properties(document: Document | None) -> Properties:
    """The plain properties of the photo itself; what is said of parts of it is left out.

    Of a container of structures, each plain field is a property by the name ``property/field``: a container of its
    texts, "" for a structure without it.
    """
    found: Properties = {}
    for description in _descriptions(document):
        for attribute in description.attributes.values():
            if attribute.namespaceURI not in (_RDF, _XMLNS, None):
                found.setdefault((attribute.namespaceURI, attribute.localName), Property.of(attribute.value))
        for element in _elements(description):
            space, local = element.namespaceURI or "", element.localName
            plain = _plain(element)
            for within, one in [("", plain)] if plain else _in_structures(element):
                found.setdefault((space, local + within), one)
    return found


def orientation(packet: bytes | None) -> int:
    """The orientation of the photo itself, as EXIF numbers it; 0 where nothing is said."""
    said = properties(parse(packet)).get(name("tiff:Orientation"))
    return int(text) if said and (text := said.texts[0].strip()).isdecimal() and len(text) < 10 else 0


def build(wanted: Mapping[Name, Property]) -> bytes:
    """A packet of properties in ``NAMESPACES``; the same bytes for the same properties."""
    spaces = (_attribute(f"xmlns:{_PREFIXES[space]}", space) for space in sorted({space for space, _ in wanted}))
    body = []
    for tag, found in groupby(sorted(wanted), lambda one: f"{_PREFIXES[one[0]]}:{one[1].partition('/')[0]}"):
        values = {local.partition("/")[2]: wanted[space, local] for space, local in found}
        body.append(_written(tag, values[""]) if "" in values else _structures(tag, values))
    text = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about=""{"".join(spaces)}>{"".join(body)}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return _HEAD + text.encode() + _TAIL


def cleaned(document: Document, corrected: Mapping[Name, str], removed: Iterable[Name] = ()) -> Document:
    """The document without pictures and without what is said of pictures that are not there.

    Args:
        document: is changed.
        corrected: the texts that properties get where they are there.
        removed: properties to leave out.
    """
    gone = frozenset(removed)

    def is_out(found: Name, text: str) -> bool:
        of_other_pictures = any(found[0] == space and found[1].startswith(s) for space, s in _OF_OTHER_PICTURES)
        return of_other_pictures or found in gone or is_picture(text)

    for element in [document.documentElement, *document.getElementsByTagName("*")]:
        for attribute in list(element.attributes.values()):
            found = attribute.namespaceURI or "", attribute.localName
            declares = attribute.namespaceURI == _XMLNS and (attribute.value, "") in _OF_OTHER_PICTURES
            if declares or is_out(found, attribute.value):
                element.removeAttributeNode(attribute)
            elif found in corrected:
                attribute.value = corrected[found]
        found = element.namespaceURI or "", element.localName
        if is_out(found, _text(element)):
            if element.parentNode is not None:
                element.parentNode.removeChild(element)
        elif found in corrected and not _elements(element):
            for child in list(element.childNodes):
                element.removeChild(child)
            element.appendChild(document.createTextNode(corrected[found]))
    return document


def joined(document: Document | None, more: Mapping[Name, Property]) -> bytes | None:
    """The packet of a document with more properties; None for nothing at all.

    Args:
        document: is changed; None for those properties alone.
        more: properties; those of the same names in the document give way.
    """
    if document is None:
        return build(more) if more else None
    rdf = next(iter(document.getElementsByTagNameNS(_RDF, "RDF")), None)
    if rdf is None:  # XML of another kind
        return build(more) if more else None
    _strip(document, lambda found: found in more)
    if more:
        _append(rdf, build(more))
    return serialised(document)


def serialised(document: Document) -> bytes:
    """The packet, with the prefixes it was read with."""
    for element in document.getElementsByTagName("*"):
        _keep_line_breaks(element)
    text: str = document.documentElement.toxml()
    return _HEAD + text.encode() + _TAIL


def with_extension(packet: bytes | None, extension: bytes) -> bytes | None:
    """The packet with what stands in its extension (XMP specification, part 3); as it was where that is damaged."""
    document, other = parse(packet), parse(extension)
    rdf = document.getElementsByTagNameNS(_RDF, "RDF") if document else []
    if document is None or other is None or not rdf:
        return packet
    _strip(document, lambda found: found == _EXTENSION)
    _append(rdf[0], extension)
    return serialised(document)


def is_picture(text: str) -> bool:
    """Whether a text is a picture in base64."""
    return _PICTURE.match(text) is not None


def extension_name(packet: bytes | None) -> str | None:
    """The name of the extension of a packet, 32 hexadecimal digits; None where there is none."""
    if b"HasExtendedXMP" not in (packet or b""):
        return None
    note = properties(parse(packet)).get(_EXTENSION)
    return note.texts[0] if note else None


def extension_digest(extension: bytes) -> str:
    """By which a packet names its extension."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()


def in_two(packet: bytes, longest: int) -> tuple[bytes, bytes]:
    """The packet in at most so many bytes, and the extension that holds its longest properties; b"" for none."""
    if len(packet) <= longest:
        return packet, b""
    main, rest = parse(packet), parse(packet)
    if main is None or rest is None:
        return b"", b""
    sizes: Counter[Name] = Counter()
    for description in _descriptions(main):
        for member in _members(description):
            sizes[member.namespaceURI or "", member.localName or ""] += _size(member)
    moved: set[Name] = set()
    excess = len(packet) - longest + 500  # room for the note below
    for found, size in sizes.most_common():
        if excess > 0:
            moved.add(found)
            excess -= size
    _strip(main, lambda found: found in moved)
    _strip(rest, lambda found: found not in moved)
    extension = serialised(rest).removeprefix(_HEAD).removesuffix(_TAIL)
    short = joined(main, {_EXTENSION: Property.of(extension_digest(extension))}) or b""
    return (short, extension) if len(short) <= longest else (b"", b"")


def _descriptions(document: Document | None) -> Iterator[Element]:
    for rdf in document.getElementsByTagNameNS(_RDF, "RDF") if document else []:
        yield from (e for e in _elements(rdf) if (e.namespaceURI, e.localName) == (_RDF, "Description"))


def _elements(element: Element) -> list[Element]:
    return [child for child in element.childNodes if child.nodeType == child.ELEMENT_NODE]


def _members(description: Element) -> list[Node]:
    """The properties of a description: attributes and elements."""
    attributes = [a for a in description.attributes.values() if a.namespaceURI not in (_RDF, _XMLNS, None)]
    return [*attributes, *_elements(description)]


def _size(member: Node) -> int:
    return len((member.toxml() if member.nodeType == member.ELEMENT_NODE else member.value).encode())


def _text(element: Element) -> str:
    return "".join(c.data for c in element.childNodes if c.nodeType in (c.TEXT_NODE, c.CDATA_SECTION_NODE))


def _plain(element: Element) -> Property | None:
    value = _value(element)
    if value is not None:
        return Property((value,), languages=("",), is_link=element.hasAttributeNS(_RDF, "resource"))
    kind, items = _items(element)
    texts = [text for item in items if (text := _value(item)) is not None]
    if not kind or not items or len(texts) < len(items):
        return None
    return Property(tuple(texts), kind, tuple(item.getAttribute("xml:lang") for item in items))


def _in_structures(element: Element) -> Iterator[tuple[str, Property]]:
    """The plain fields of a container of structures, as ``/field``, but for those of other namespaces."""
    kind, items = _items(element)
    rows = [_fields(item) for item in items]
    for space, local in sorted(set().union(*rows)):
        if space == element.namespaceURI:
            yield f"/{local}", Property(tuple(row.get((space, local), "") for row in rows), kind, ("",) * len(rows))


def _items(element: Element) -> tuple[Container, list[Element]]:
    """The kind of a container and what is in it; "" and nothing for another element."""
    inside = _elements(element)
    kind = _CONTAINERS.get((inside[0].namespaceURI, inside[0].localName)) if len(inside) == 1 else None
    return (kind, _elements(inside[0])) if kind else ("", [])


def _value(element: Element) -> str | None:
    """The text of an element, or its URI, or what qualifiers are about; None for a structure or a container."""
    if element.hasAttributeNS(_RDF, "resource"):
        return str(element.getAttributeNS(_RDF, "resource"))
    fields = _fields(element)
    if fields or _elements(element) or element.hasAttributeNS(_RDF, "parseType"):
        return fields.get(_VALUE)
    return _text(element)


def _fields(element: Element) -> dict[Name, str]:
    """The plain fields of a structure in any of its three forms: elements, attributes, or those of a description."""
    inside = _elements(element)
    if [(child.namespaceURI, child.localName) for child in inside] == [(_RDF, "Description")]:
        element = inside[0]
    attributes = (a for a in element.attributes.values() if a.namespaceURI not in (_XMLNS, _XML, None))
    found = {(a.namespaceURI, a.localName): a.value for a in attributes}
    for child in _elements(element):
        if not _elements(child):
            found[child.namespaceURI, child.localName] = child.getAttributeNS(_RDF, "resource") or _text(child)
    return {field: text for field, text in found.items() if field[0] != _RDF or field == _VALUE}


def _written(tag: str, value: Property) -> str:
    if value.is_link:
        return f"<{tag}{_attribute('rdf:resource', value.texts[0])}/>"
    if not value.container:
        return f"<{tag}>{_escaped(value.texts[0])}</{tag}>"
    items = (
        f"<rdf:li{_attribute('xml:lang', language) if language else ''}>{_escaped(text)}</rdf:li>"
        for language, text in zip(value.languages, value.texts, strict=True)
    )
    return f"<{tag}><rdf:{value.container}>{''.join(items)}</rdf:{value.container}></{tag}>"


def _structures(tag: str, fields: Mapping[str, Property]) -> str:
    """A container of structures; the fields are of the property's own namespace."""
    prefix, kind = tag.partition(":")[0], next(iter(fields.values())).container
    rows = zip_longest(*(value.texts for value in fields.values()), fillvalue="")  # they may be of two containers
    items = (
        "".join(f"<{prefix}:{f}>{_escaped(text)}</{prefix}:{f}>" for f, text in zip(fields, row, strict=True) if text)
        for row in rows
    )
    body = "".join(f'<rdf:li rdf:parseType="Resource">{item}</rdf:li>' for item in items if item)
    return f"<{tag}><rdf:{kind}>{body}</rdf:{kind}></{tag}>"


def _attribute(name: str, text: str) -> str:
    return f' {name}="{_escaped(text)}"'


def _escaped(text: str) -> str:
    return html.escape(re.sub(_NO_LETTER, "", text))


def _strip(document: Document, is_out: Callable[[Name], bool]) -> None:
    for description in list(_descriptions(document)):
        for member in _members(description):
            if is_out((member.namespaceURI or "", member.localName or "")):
                if member.nodeType == member.ATTRIBUTE_NODE:
                    description.removeAttributeNode(member)
                else:
                    description.removeChild(member)
        if not _members(description):
            description.parentNode.removeChild(description)


def _append(rdf: Element, packet: bytes) -> None:
    """Adds the descriptions of another packet, with the prefixes that are declared above them."""
    for description in _descriptions(parse(packet)):
        copy = rdf.ownerDocument.importNode(description, deep=True)
        above: Node | None = description.parentNode
        while above is not None and above.nodeType == above.ELEMENT_NODE:
            for attribute in above.attributes.values():
                if attribute.namespaceURI == _XMLNS and not copy.hasAttribute(attribute.name):
                    copy.setAttributeNS(_XMLNS, attribute.name, attribute.value)
            above = above.parentNode
        rdf.appendChild(copy)


def _keep_line_breaks(element: Element) -> None:
    """Turns attributes with line breaks into elements, as minidom writes the breaks so that they are read as spaces."""
    if (element.namespaceURI, element.localName) != (_RDF, "Description"):
        return
    for attribute in list(element.attributes.values()):
        if re.search(r"[\n\r\t]", attribute.value) and attribute.namespaceURI not in (_RDF, _XMLNS, None):
            child = element.ownerDocument.createElementNS(attribute.namespaceURI, attribute.name)
            child.appendChild(element.ownerDocument.createTextNode(attribute.value))
            element.removeAttributeNode(attribute)
            element.appendChild(child)
