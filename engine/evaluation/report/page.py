"""The report as one HTML page that needs nothing else: styles and pictures are inlined.

Labels and file names come from the user's data, so whatever is put in is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..comparing import Comparison, Row
from ..drawing.thumbnails import data_uri
from ..evaluation import Evaluation
from ..mistakes import Mistake
from .wording import (
    FIGURE_NAMES,
    GROUPS,
    PLOT_TEXTS,
    Card,
    cards,
    number,
    span,
)

_STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn plot: its name, which its file and its text go by, and the encoded PNG."""

    name: str
    picture: bytes


@dataclass(frozen=True, slots=True)
class ShownMistake:
    """A mistake with its two pictures, as URIs; None where there is no picture."""

    mistake: Mistake
    query_name: str
    query_label: str
    query: str | None
    enrolled: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page shows."""

    evaluation: Evaluation
    plots: list[Plot]
    confused: list[ShownMistake]
    accepting: list[ShownMistake]
    refusing: list[ShownMistake]


def render(page: Page) -> str:
    """The page's HTML."""
    evaluation = page.evaluation
    name = Path(evaluation.gallery).name
    body = "\n".join(
        [
            f"<h1>How well {escape(name)} recognises</h1>",
            f'<p class="lead">{escape(_lead(evaluation))}</p>',
            _cards(cards(evaluation)),
            _warnings(evaluation.warnings),
            _comparison(evaluation.comparison, page.plots),
            _plots([plot for plot in page.plots if plot.name != "comparison"]),
            _mistakes(page),
            _figures(evaluation),
            _footer(evaluation),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}: evaluation</title>\n"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body><main>\n{body}\n</main></body>\n</html>\n"
    )


def _lead(evaluation: Evaluation) -> str:
    trials = evaluation.result.trials
    return (
        f"{evaluation.classes:,} classes are enrolled. It was shown {len(trials.known):,} pictures "
        f"of them and {len(trials.strangers):,} strangers ({evaluation.matched.strangers}) on "
        f"{evaluation.created_at:%d %B %Y}."
    )


def _cards(shown: Iterable[Card]) -> str:
    return f'<section class="cards">{"".join(_card(card) for card in shown)}</section>'


def _card(card: Card) -> str:
    return (
        f'<div class="card {card.tone}"><div class="title">{escape(card.title)}</div>'
        f'<div class="value">{escape(card.value)}</div>'
        f'<div class="range">{escape(card.range and f"95 % interval {card.range}")}</div>'
        f'<div class="meaning">{escape(card.meaning)}</div></div>'
    )


def _warnings(warnings: Iterable[str]) -> str:
    rows = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<ul class="warnings">{rows}</ul>' if rows else ""


def _plots(plots: Sequence[Plot]) -> str:
    panels = "".join(_panel(plot, wide=False) for plot in plots)
    return f'<h2>Plots</h2><div class="plots">{panels}</div>' if plots else ""


def _panel(plot: Plot, *, wide: bool) -> str:
    title, text = PLOT_TEXTS[plot.name]
    width = " wide" if wide else ""
    return (
        f'<div class="panel{width}"><h3>{escape(title)}</h3><p>{escape(text)}</p>'
        f'<img alt="{escape(title)}" src="{data_uri(plot.picture, "png")}"></div>'
    )


def _comparison(comparison: Comparison | None, plots: Sequence[Plot]) -> str:
    if comparison is None:
        return ""
    panel = "".join(_panel(plot, wide=True) for plot in plots if plot.name == "comparison")
    rows = "".join(
        _row(row, own=place == len(comparison.rows) - 1, fpir=comparison.fpir)
        for place, row in enumerate(comparison.rows)
    )
    at = "" if comparison.fpir is None else f" at {comparison.fpir * 100:g} % FPIR"
    return (
        f"<h2>What pays</h2><p>{escape(comparison.verdict())}</p>"
        f'<div class="plots">{panel}<div class="panel wide scroll"><table><thead><tr><th></th>'
        '<th class="number">Top-1</th><th class="number">AUROC</th><th class="number">OSCR</th>'
        f'<th class="number">TPIR{at}</th><th class="number">Gain</th><th class="number">'
        "FPIR reached</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def _row(row: Row, *, own: bool, fpir: float | None) -> str:
    figures = row.figures
    missed = figures[f"fnir_at_fpir_{fpir:g}"].value if fpir is not None else None
    tpir = "–" if missed is None else f"{(1 - missed) * 100:.1f} %"
    gain = pays = ""
    if row.gain is not None and row.gain.value is not None:
        low, high = row.gain.low or 0.0, row.gain.high or 0.0
        gain = f"{row.gain.value * 100:+.1f} ({low * 100:+.1f} to {high * 100:+.1f})"
        pays = '<span class="pays">pays</span>' if row.pays else "not beyond chance"
    cells = [number(figures[name]) for name in ("top_1", "auroc", "oscr")]
    return (
        f'<tr{" class=own" if own else ""}><td title="{escape(row.lever.summary)}">'
        f"{escape(row.lever.name)}</td>"
        + "".join(
            f'<td class="number">{escape(cell)}</td>'
            for cell in [*cells, tpir, gain, number(figures["fpir_reached"])]
        )
        + f"<td>{pays}</td></tr>"
    )


def _mistakes(page: Page) -> str:
    parts = [
        _tiles(
            "Most confused",
            "The picture on the left was taken for the class on the right.",
            page.confused,
            lambda tile: (
                f"<b>{escape(tile.mistake.other or '')}</b> taken for "
                f"<b>{escape(tile.mistake.label)}</b>"
            ),
        ),
        _tiles(
            "Classes that let most strangers in",
            "The stranger on the left got the label of the class on the right.",
            page.accepting,
            lambda tile: f"<b>{escape(tile.mistake.label)}</b> accepted {escape(tile.query_name)}",
        ),
        _tiles(
            "Classes that turn most of their own away",
            "The picture on the left was ranked right, but called unknown.",
            page.refusing,
            lambda tile: f"<b>{escape(tile.mistake.label)}</b> not recognised",
        ),
    ]
    return "".join(parts)


def _tiles(
    title: str, text: str, tiles: Sequence[ShownMistake], sentence: Callable[[ShownMistake], str]
) -> str:
    if not tiles:
        return ""
    shown = "".join(
        f'<div class="tile"><div class="pair">{_picture(tile.query, "query")}'
        f"{_picture(tile.enrolled, 'enrolled')}</div>{sentence(tile)}"
        f'<div class="count">{tile.mistake.count:,} of {tile.mistake.of:,}, similarity '
        f"{tile.mistake.similarity:.3f}</div></div>"
        for tile in tiles
    )
    heading = f'<h2>{escape(title)}</h2><p class="note">{escape(text)}</p>'
    return f'{heading}<div class="tiles">{shown}</div>'


def _picture(uri: str | None, caption: str) -> str:
    shown = (
        '<div class="none">no picture kept</div>'
        if uri is None
        else f'<img alt="{caption}" src="{uri}">'
    )
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _figures(evaluation: Evaluation) -> str:
    rows = []
    for title, names in GROUPS.items():
        rows.append(f'<tr class="group"><td colspan="4">{escape(title)}</td></tr>')
        rows += [_figure_row(evaluation, name) for name in names]
    return (
        '<h2>All figures</h2><div class="panel scroll figures"><table><thead><tr><th></th>'
        '<th class="number">Value</th><th>95 % interval</th><th class="number">'
        f"By similarity alone</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _figure_row(evaluation: Evaluation, name: str) -> str:
    figure = evaluation.figures[name]
    reference = evaluation.figures.get(f"{name}_by_similarity")
    alone = "" if reference is None else number(reference)
    return (
        f'<tr><td>{escape(FIGURE_NAMES[name])}</td><td class="number">{number(figure)}</td>'
        f'<td class="soft">{escape(span(figure))}</td><td class="number soft">{alone}</td></tr>'
    )


def _footer(evaluation: Evaluation) -> str:
    return (
        "<footer><p>Intervals are 95 % percentile bootstrap intervals, resampled by class. A rate "
        "of false positives is shown only where the strangers are at least three times its "
        "inverse. FPIR, FNIR and TPIR as in ISO/IEC 19795-1 and NIST FRTE 1:N; OSCR after Dhamija "
        "et al. 2018.</p>"
        f"<p>Backbone {escape(evaluation.backbone)}, projection {escape(evaluation.projection)}. "
        f"Thresholds: {escape(evaluation.calibration)}.</p></footer>"
    )
