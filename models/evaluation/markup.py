"""HTML and SVG built from values: whatever is not markup is escaped, and every tag is closed."""

import re
from collections.abc import Sequence
from html import escape

from models.evaluation.style import STYLE


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


_EMPTY = frozenset({"meta", "br", "line", "rect", "circle", "polyline", "path"})
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_FIXED = "\N{NO-BREAK SPACE}%"


def text(value: str) -> Html:
    """Return it as markup in which a percent sign stays in the line of its number."""
    if isinstance(value, Html):
        return value
    return Html(escape(printable(value)).replace(" %", _FIXED))


def printable(value: str) -> str:
    """Return it without what no text file may hold: control signs and halves of characters."""
    return _UNSPEAKABLE.sub(_REPLACEMENT, value)


def tag(name: str, /, *children: str, **attributes: str | float) -> Html:
    """Return an element; an attribute written `aria_label` or `class_` loses its underscores."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for key, value in attributes.items()
    )
    if not children and name in _EMPTY:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*parts: str) -> Html:
    return Html("".join(text(part) for part in parts))


def paragraph(*parts: str) -> Html:
    return tag("p", *parts)


def means(*parts: str) -> Html:
    """Return the explanation of a figure for people without statistics."""
    return tag("p", tag("b", "What this means. "), *parts, class_="means")


def note(*parts: str) -> Html:
    return tag("p", *parts, class_="note")


def section(anchor: str, title: str, *children: str) -> Html:
    return joined(tag("section", tag("h2", title), *children, id=anchor), "\n")


def badge(word: str, mood: str) -> Html:
    """Return a word with a sign and a colour; `mood` is good, bad or open."""
    sign = {"good": "\N{CHECK MARK}", "bad": "\N{MULTIPLICATION X}"}.get(mood, "\N{HORIZONTAL BAR}")
    shown = tag("span", f"{sign} ", aria_hidden="true")
    return tag("span", shown, word, class_=f"badge {mood}")


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    kind: str = "figures",
) -> Html:
    """Return a table that scrolls sideways where it is too wide; its first cells name the rows.

    `kind` "prose" holds sentences: on a narrow screen each row becomes a card.
    """
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    body = "\n".join(_row(columns, cells) for cells in rows)
    shown = tag(
        "table", tag("caption", caption), tag("thead", head), tag("tbody", Html(body)), class_=kind
    )
    return tag("div", shown, class_="wide", role="region", tabindex=0, aria_label=caption)


def _row(columns: Sequence[str], cells: Sequence[str]) -> Html:
    first, *rest = cells
    others = (
        tag("td", cell, data_label=column) for column, cell in zip(columns[1:], rest, strict=True)
    )
    return tag("tr", tag("th", first, scope="row"), *others)


def definitions(*pairs: tuple[str, str]) -> Html:
    return tag("dl", *(joined(tag("dt", term), tag("dd", said)) for term, said in pairs))


def document(title: str, *children: str) -> str:
    """Return a page that loads nothing and runs nothing."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    body = tag("body", tag("main", *children))
    return f"<!doctype html>\n{tag('html', head, Html(chr(10)), body, lang='en')}\n"
