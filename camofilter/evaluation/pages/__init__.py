"""Templates of web pages, each one file that needs nothing from a network."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any


def rendered(name: str, filters: Mapping[str, Callable[..., str]], **context: Any) -> str:
    """A page; whatever is put into it is escaped.

    Args:
        name: of the template.
        filters: functions that the template calls, by their names in it.
        context: what it is about; a name that the template asks for and that is missing is an error.
    """
    import jinja2

    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("camofilter.evaluation", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= filters
    return pages.get_template(name).render(context)


def data_uri(kind: str, data: bytes) -> str:
    """A file that stands in the page itself; ``kind`` is its media type, such as "image/jpeg"."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
