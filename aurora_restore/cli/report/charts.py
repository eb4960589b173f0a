"""The three kinds of plots: bars and points over time, and bars of counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element

from aurora_restore.cli.report.scales import TimeAxis, ValueAxis, tick_text
from aurora_restore.shared.markup import element

_LEFT: Final = 44
_RIGHT: Final = 10
_TOP: Final = 30
_BOTTOM: Final = 46
_INSET: Final = 10
"""How far the first and the last moment stay away from the ends of the axis."""
_NARROWEST_BAR: Final = 2.0
_FROM_BAR_TO_BAR: Final = 3.0
_WIDEST_BAR: Final = 22.0
_ROW: Final = 42
_SHORTEST_COUNT: Final = 4
"""How far an axis of counts goes at least, so that a single failure does not fill the page."""
_LETTER: Final = 6.6
"""How wide a letter is at most, on average."""


@dataclass(frozen=True)
class Size:
    """How wide and high a plot is, in pixels; and the class by which the page chooses one."""

    name: str
    width: int
    height: int


WIDE: Final = Size("wide", 820, 300)
NARROW: Final = Size("narrow", 348, 260)
SIZES: Final = (WIDE, NARROW)


class BarMark(StrEnum):
    """What stands over a bar."""

    FAILED = "failed"
    STOPPED = "stopped"
    CONTINUED = "continued"
    RUNNING = "running"
    PARTLY_KNOWN = "partly-known"
    UNKNOWN = "unknown"


LETTERS: Final[Mapping[str, str]] = {BarMark.PARTLY_KNOWN: "+", BarMark.UNKNOWN: "?"}
"""The marks that are written, not drawn."""


@dataclass(frozen=True)
class Bar:
    """A bar at a moment, of one or more parts: each a CSS class and a value."""

    moment: datetime
    parts: Sequence[tuple[str, float]]
    text: str
    """What a reader sees who points at it."""
    mark: BarMark | None = None

    @property
    def value(self) -> float:
        """Return how high it is."""
        return sum(value for _, value in self.parts)


@dataclass(frozen=True)
class _Plane:
    """Where values over time are on a drawing."""

    size: Size
    time: TimeAxis
    values: ValueAxis

    @property
    def right(self) -> float:
        return self.size.width - _RIGHT

    @property
    def floor(self) -> float:
        return self.size.height - _BOTTOM

    @property
    def days_width(self) -> float:
        return (self.right - _LEFT - 2 * _INSET) / (self.time.hours / 24)

    def x(self, moment: datetime) -> float:
        return _LEFT + _INSET + self.time.share(moment) * (self.right - _LEFT - 2 * _INSET)

    def y(self, value: float) -> float:
        return self.floor - value / self.values.top * (self.floor - _TOP)

    def frame(self, label: str) -> Iterator[Element]:
        """Yield the lines of the values, both axes and their labels."""
        yield element("text", label, x=0, y=12, class_="label")
        for value in self.values.ticks():
            y = self.y(value)
            kind = "axis" if value == 0 else "grid"
            yield element("line", x1=_LEFT, x2=self.right, y1=y, y2=y, class_=kind)
            yield element(
                "text", tick_text(value), x=_LEFT - 8, y=y + 4, class_="tick", text_anchor="end"
            )
        last = self.right
        for moment, text in self.time.ticks(self.right - _LEFT - 2 * _INSET):
            x = self.x(moment)
            yield element("line", x1=x, x2=x, y1=self.floor, y2=self.floor + 5, class_="axis")
            middle = min(max(x, _LEFT), last - len(text) * _LETTER / 2)
            yield element(
                "text", text, x=middle, y=self.floor + 19, class_="tick", text_anchor="middle"
            )
        day = f"{self.time.day}, " if self.time.day else ""
        yield element(
            "text",
            f"Start of the run ({day}UTC)",
            x=self.right,
            y=self.size.height - 6,
            class_="label",
            text_anchor="end",
        )


def bars_over_time(
    size: Size, time: TimeAxis, bars: Sequence[Bar], label: str, *, shortest: float = 0.0
) -> list[Element]:
    """Return a drawing of bars, each at its moment; ``label`` names the values and their unit.

    The axis of the values goes to ``shortest`` at least.
    """
    plane = _Plane(size, time, ValueAxis(max([shortest, *(bar.value for bar in bars)])))
    places = _spread([plane.x(bar.moment) for bar in bars], plane)
    drawn = list(plane.frame(label))
    for bar, x, width in zip(bars, places, _widths(places, plane.days_width), strict=True):
        group = element("g", element("title", bar.text), class_="run")
        group.extend(_parts(plane, bar, x - width / 2, width))
        if bar.mark is not None:
            group.append(_mark(bar.mark, x, plane.y(bar.value) - 8))
        drawn.append(group)
    return drawn


def _spread(places: Sequence[float], plane: _Plane) -> list[float]:
    """Return the places of bars from left to right, none so near to another that it covers it."""
    room = plane.right - _LEFT - 2 * _INSET
    least = min(_FROM_BAR_TO_BAR, room / max(len(places), 1))
    found: list[float] = []
    for x in places:
        found.append(max(x, found[-1] + least) if found else x)
    limit = plane.right - _INSET
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], limit)
        limit = found[number] - least
    return found


def _widths(places: Sequence[float], of_a_day: float) -> list[float]:
    """Return how wide each bar is: not so wide that it touches the one beside it."""
    usual = min(_WIDEST_BAR, of_a_day * 0.66)
    ends = [float("-inf"), *places, float("inf")]
    gaps = (
        min(x - before, after - x) for before, x, after in zip(ends, places, ends[2:], strict=False)
    )
    return [max(_NARROWEST_BAR, min(usual, gap * 0.85)) for gap in gaps]


def _parts(plane: _Plane, bar: Bar, left: float, width: float) -> Iterator[Element]:
    below = 0.0
    for kind, value in bar.parts:
        if not value:
            continue
        top, bottom = plane.y(below + value), plane.y(below)
        yield element("rect", x=left, y=top, width=width, height=bottom - top, class_=kind)
        below += value


def _mark(mark: BarMark, x: float, y: float) -> Element:
    if mark is BarMark.RUNNING:
        return element("circle", cx=x, cy=y, r=3.2, class_="mark running")
    if mark in LETTERS:
        return element(
            "text", LETTERS[mark], x=x, y=y + 4, class_=f"mark {mark}", text_anchor="middle"
        )
    cross = f"M{x - 3:.2f} {y - 3:.2f}l6 6m0 -6l-6 6"
    return element("path", d=cross, class_=f"mark {mark}")


def points_over_time(
    size: Size, time: TimeAxis, points: Sequence[Bar], label: str
) -> list[Element]:
    """Return a drawing of points, joined by a line."""
    plane = _Plane(size, time, ValueAxis(max((each.value for each in points), default=0.0)))
    drawn = list(plane.frame(label))
    places = [(plane.x(point.moment), plane.y(point.value)) for point in points]
    if len(places) > 1:
        line = " ".join(f"{x:.2f},{y:.2f}" for x, y in places)
        drawn.append(element("polyline", points=line, class_="line"))
    near = plane.days_width < 14
    for point, (x, y) in zip(points, places, strict=True):
        circle = element("circle", cx=x, cy=y, r=2.4 if near else 3.8, class_="point")
        drawn.append(element("g", element("title", point.text), circle, class_="run"))
    return drawn


def counts(size: Size, rows: Sequence[tuple[str, int]], label: str) -> list[Element]:
    """Return a drawing of bars of counts, one below the other, each under its text."""
    axis = ValueAxis(max([_SHORTEST_COUNT, *(count for _, count in rows)]), whole=True)
    floor, right = _TOP + len(rows) * _ROW, size.width - 34
    drawn = [element("text", label, x=0, y=12, class_="label")]
    for value in axis.ticks():
        x = 1 + value / axis.top * (right - 1)
        kind = "axis" if value == 0 else "grid"
        drawn.append(element("line", x1=x, x2=x, y1=_TOP - 6, y2=floor, class_=kind))
        drawn.append(
            element(
                "text",
                tick_text(value),
                x=x,
                y=floor + 16,
                class_="tick",
                text_anchor="middle" if value else "start",
            )
        )
    for number, (text, count) in enumerate(rows):
        y, width = _TOP + number * _ROW, count / axis.top * (right - 1)
        shown = _shortened(text, int(size.width / _LETTER) - 2)
        drawn.append(
            element(
                "g",
                element("title", f"{text}: {count}"),
                element("text", shown, x=6, y=y + 12, class_="row"),
                element("rect", x=1, y=y + 18, width=width, height=14, class_="failure"),
                element("text", str(count), x=width + 8, y=y + 29, class_="tick"),
                class_="run",
            )
        )
    return drawn


def counts_size(size: Size, rows: int) -> Size:
    """Return the size of a drawing of so many counts."""
    return Size(size.name, size.width, _TOP + rows * _ROW + 24)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def drawings(
    described_by: str, draw: Callable[[Size], tuple[Size, Iterable[Element]]]
) -> Iterator[Element]:
    """Yield a plot as SVG, once for wide and once for narrow pages.

    ``described_by`` are the ids of its heading and of the sentence about it.
    """
    for each in SIZES:
        size, drawn = draw(each)
        yield element(
            "svg",
            *drawn,
            viewBox=f"0 0 {size.width} {size.height}",
            role="img",
            aria_labelledby=described_by,
            class_=size.name,
        )
