"""A photo's file as it is, where nothing was to be changed and it tells no more than a written one would."""

from __future__ import annotations

import io

from PIL import Image

# What says how the pixels lie in a file, and their colours; nothing of whose they are, or where from.
_PIXELS = (b"JFIF\0", b"ICC_PROFILE\0", b"Adobe")


def as_it_was(data: bytes, written: bytes) -> bytes:
    """The bytes of a photo's file, or those of one written anew where only that keeps to the choice of metadata.

    Args:
        data: of the file as it was read.
        written: of the same photo by ``encode_photo``, with the metadata that may be kept.

    Returns:
        ``data`` if it is of the same format, JPEG, PNG or WebP, and tells nothing that ``written`` does not.
    """
    said, may_say = _said(data), _said(written)
    return data if said is not None and may_say is not None and said <= may_say else written


def _said(data: bytes) -> set[tuple[str | None, str, str | bytes]] | None:
    """The format of a file and all that it says beside its pixels; None where that is not known for certain."""
    with Image.open(io.BytesIO(data)) as image:
        if image.format == "JPEG":
            if not data.endswith(b"\xff\xd9"):  # what follows the end may be anything
                return None
            segments: list[tuple[str, bytes]] = getattr(image, "applist", [])
            said: list[tuple[str, str | bytes]] = [(n, held) for n, held in segments if not held.startswith(_PIXELS)]
        elif image.format in ("PNG", "WEBP"):
            image.load()  # texts may follow the pixels
            said = [
                (str(name), held)
                for name, held in image.info.items()
                if isinstance(held, str | bytes) and name != "icc_profile"
            ]
        else:
            return None
        return {(image.format, "", ""), *((image.format, *one) for one in said)}
