"""Curves of ``handily study vision``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from policies.vision_cost import COSTED, Cost
from policies.vision_study import MODELS, Outcome
from vla.extras import needs
from vla.wilson import wilson_interval

_NAMES = {
    "convnet": "ConvNet (the teacher)",
    "plain": "plain ViT",
    "hybrid": "ViT, convolutional stem",
    "mae": "ViT, pre-trained by masking",
    "distilled": "ViT, distilled from the ConvNet",
}
_RATIOS = [2**k for k in range(9)]
_COLOURS = {"convnet": "C0", "plain": "C1", "hybrid": "C2", "mae": "C3", "distilled": "C4"}


def plot_labels(outcomes: Sequence[Outcome], chance: float, path: Path) -> None:
    """Accuracy against the number of labelled pictures: a curve per model, a dot per seed.

    Bars are 95 % Wilson intervals of the mean for as many trials as there are held-out pictures.
    """
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    for model in MODELS:
        mine = [outcome for outcome in outcomes if outcome.cell.model == model]
        if not mine:
            continue
        counts = sorted({outcome.cell.labels for outcome in mine})
        means, below, above = [], [], []
        for count in counts:
            rights = [outcome.right for outcome in mine if outcome.cell.labels == count]
            mean, trials = sum(rights) / len(rights), mine[0].trials
            low, high = wilson_interval(round(mean), trials)
            means.append(100 * mean / trials)
            below.append(100 * max(0.0, mean / trials - low))
            above.append(100 * max(0.0, high - mean / trials))
        colour, label = _COLOURS[model], _NAMES[model]
        axes.errorbar(counts, means, [below, above], color=colour, label=label, marker="o", capsize=3)
        dots = [(outcome.cell.labels, 100 * outcome.accuracy) for outcome in mine]
        axes.scatter(*zip(*dots, strict=True), s=10, color=colour, alpha=0.5)
    axes.axhline(100 * chance, color="grey", linestyle=":", label="always the most frequent")
    axes.set_xscale("log")
    counts = sorted({outcome.cell.labels for outcome in outcomes})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("labelled pictures")
    axes.set_ylabel("held-out things named rightly, % (95 % Wilson)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=110)


def plot_costs(costs: Sequence[Cost], path: Path) -> None:
    """Cost of one picture over that at the smallest resolution: counted on the left, timed on the right."""
    with needs("plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    counted, timed = figure.subplots(1, 2, sharey=True)
    for model in COSTED:
        mine = sorted((c for c in costs if c.model == model), key=lambda c: c.image_size)
        sizes, base = [c.image_size for c in mine], mine[0]
        colour, label = _COLOURS[model], _NAMES[model].split(" (")[0]
        counted.plot(sizes, [c.flops / base.flops for c in mine], marker="o", color=colour, label=label)
        timed.plot(sizes, [c.seconds / base.seconds for c in mine], marker="o", color=colour)
        if model == "plain":
            attention = [c.attention_flops / base.attention_flops for c in mine]
            counted.plot(sizes, attention, color="black", linestyle="--", label="its attention alone")
    for axes, what in ((counted, "operations"), (timed, "time of a forward pass")):
        first = min(c.image_size for c in costs)
        sizes = sorted({c.image_size for c in costs})
        area = [(size / first) ** 2 for size in sizes]
        axes.plot(sizes, area, color="grey", linestyle=":", label="area of the picture")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_yticks(_RATIOS, [str(ratio) for ratio in _RATIOS])
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlabel("height and width, px")
        axes.set_title(what)
        axes.grid(alpha=0.3)
    counted.set_ylabel(f"ratio to {min(c.image_size for c in costs)} px")
    counted.legend(fontsize=8)
    figure.savefig(path, dpi=110)
