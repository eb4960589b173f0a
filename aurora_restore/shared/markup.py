"""HTML and SVG as trees of elements, so that everything is escaped when it is written."""

from xml.etree.ElementTree import Element, tostring

from aurora_restore.shared.visible import visible

Child = Element | str | None


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
        parent[-1].tail = (parent[-1].tail or "") + visible(child)
    else:
        parent.text = (parent.text or "") + visible(child)


def _written(value: str | float) -> str:
    return visible(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def to_html(root: Element) -> str:
    """Return a page."""
    return f"<!DOCTYPE html>\n{to_fragment(root)}\n"


def to_fragment(root: Element) -> str:
    """Return a part of a page."""
    return tostring(root, encoding="unicode", method="html")
