"""HTML and SVG as trees of elements, so that everything is escaped when it is written."""

import re
from typing import Final
from xml.etree.ElementTree import Element, tostring

Child = Element | str | None

_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
"""Control characters, halves of surrogate pairs, and what turns the direction of a text."""


def element(tag: str, *children: Child, **attributes: str | float | None) -> Element:
    """Return an element with texts and elements in it; what is None is left out.

    An underscore in the name of an attribute stands for a hyphen; one at its end, which keeps
    ``class_`` from being a keyword, for nothing.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.removesuffix("_").replace("_", "-"), _written(value))
    for child in children:
        _append(made, child)
    return made


def _append(parent: Element, child: Child) -> None:
    if child is None:
        return
    if isinstance(child, Element):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + printable(child)
    else:
        parent.text = (parent.text or "") + printable(child)


def _written(value: str | float) -> str:
    return printable(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def printable(text: str) -> str:
    """Return a text with a replacement for each character that is none of a page."""
    return _UNPRINTABLE.sub("\ufffd", text)


def to_html(root: Element) -> str:
    """Return a page."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
