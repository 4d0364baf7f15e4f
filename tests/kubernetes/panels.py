"""What a Grafana dashboard is made of: panels of a few kinds, laid out from left to right."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH = 24
_COLORS = ("green", "yellow", "red")

Panel = dict[str, Any]


class Line(NamedTuple):
    expr: str
    legend: str = ""


def stat(title: str, text: str, expr: str, unit: str = "short", **more: Any) -> Panel:
    """One number; `steps` are where it turns yellow and red, `words` what a value is called."""
    options = {
        "colorMode": "value",
        "graphMode": "area" if not more.get("words") else "none",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value_and_name" if more.get("legend") else "auto",
    }
    lines = [Line(expr, more.pop("legend", ""))]
    return _panel("stat", (title, text), lines, unit, (6, 4), options, **more)


def lines(title: str, text: str, unit: str, *shown: Line, **more: Any) -> Panel:
    """Lines over time, with their last and largest values below."""
    options = {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {"fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": 3_600_000}
    if more.get("steps"):
        custom["thresholdsStyle"] = {"mode": "line"}
    return _panel("timeseries", (title, text), shown, unit, (12, 8), options, custom, **more)


def bars(title: str, text: str, unit: str, shown: Line, **more: Any) -> Panel:
    """One bar for each series, by its last value."""
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
    }
    return _panel("bargauge", (title, text), [shown], unit, (12, 8), options, instant=True, **more)


def states(title: str, text: str, shown: Line, words: Mapping[float, tuple[str, str]]) -> Panel:
    """What holds when: one strip for each series."""
    options = {"mergeValues": True, "rowHeight": 0.9, "showValue": "never"}
    return _panel("state-timeline", (title, text), [shown], "short", (24, 6), options, words=words)


def _panel(
    kind: str,
    told: tuple[str, str],
    shown: Iterable[Line],
    unit: str,
    size: tuple[int, int],
    options: Mapping[str, Any],
    custom: Mapping[str, Any] | None = None,
    *,
    steps: tuple[float, ...] = (),
    words: Mapping[float, tuple[str, str]] | None = None,
    instant: bool = False,
    wide: int | None = None,
    **limits: float,
) -> Panel:
    title, text = told
    defaults: dict[str, Any] = {"unit": unit, "thresholds": _thresholds(steps), **limits}
    if custom:
        defaults["custom"] = dict(custom)
    if words:
        defaults["mappings"] = [_mapping(words)]
    return {
        "type": kind,
        "title": title,
        "description": text,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": {"w": wide or size[0], "h": size[1]},
        "options": dict(options),
        "targets": [
            {
                "datasource": DATASOURCE,
                "expr": line.expr,
                "instant": instant,
                "range": not instant,
                "legendFormat": line.legend or "__auto",
                "refId": chr(ord("A") + place),
            }
            for place, line in enumerate(shown)
        ],
    }


def _thresholds(steps: tuple[float, ...]) -> dict[str, Any]:
    """Return green below the first step, yellow from it on, red from the last on."""
    colors = _COLORS if len(steps) > 1 else ("green", "red")
    found = [{"color": "green", "value": None}]
    found += [{"color": color, "value": at} for color, at in zip(colors[1:], steps, strict=False)]
    return {"mode": "absolute", "steps": found}


def _mapping(words: Mapping[float, tuple[str, str]]) -> dict[str, Any]:
    options = {
        f"{value:g}": {"text": text, "color": color, "index": place}
        for place, (value, (text, color)) in enumerate(words.items())
    }
    return {"type": "value", "options": options}


def dashboard(uid: str, title: str, text: str, panels: Iterable[Panel], since: str) -> Panel:
    """Return a whole dashboard, its panels numbered and put in their places."""
    return {
        "uid": uid,
        "title": title,
        "description": text,
        "tags": ["crypto-trading-engine"],
        "timezone": "utc",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": 38,
        "version": 1,
        "refresh": "30s",
        "time": {"from": since, "to": "now"},
        "annotations": {"list": []},
        "links": [_links()],
        "templating": {"list": [_datasource(), _namespace()]},
        "panels": list(_placed(panels)),
    }


def _placed(panels: Iterable[Panel]) -> Iterable[Panel]:
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        size = panel["gridPos"]
        if x + size["w"] > _WIDTH:
            x, y, height = 0, y + height, 0
        yield {"id": number, **panel, "gridPos": {**size, "x": x, "y": y}}
        x, height = x + size["w"], max(height, size["h"])


def _links() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Trading",
        "tags": ["crypto-trading-engine"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _namespace() -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": "label_values(trading_build_info, namespace)", "refId": "namespace"},
        "definition": "label_values(trading_build_info, namespace)",
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": False,
        "current": {"text": "All", "value": "$__all"},
    }
