"""Teaching the planner's eyes: the simulator's labels, spelled out from what can be seen in each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from policies.augmentation import AugmentConfig, Light, cut_out, draw_light, shift
from vla.models.scene import SceneEyes, Sighting
from vla.planner.grammar import COLOURS, FIXTURES, NAMES
from vla.planner.seen import Seen, SeenThing
from vla.planner.sight import PLACES, STATES

UNKNOWN = -100
"""Label that no loss counts."""


@dataclass(frozen=True)
class Labels:
    """What each query should believe; :data:`UNKNOWN` where there is nothing to say.

    Attributes:
        count, place, base, over: (n, names), int64; ``over`` is 0 or 1.
        state: (n, fixtures), int64.
        column, row: (n, queries), int64.
        points: (n, queries, 2) in 0..1 of the first camera's picture, NaN for none.
    """

    count: NDArray[np.int64]
    place: NDArray[np.int64]
    base: NDArray[np.int64]
    over: NDArray[np.int64]
    state: NDArray[np.int64]
    column: NDArray[np.int64]
    row: NDArray[np.int64]
    points: NDArray[np.float32]

    def __getitem__(self, picked: NDArray[np.int64] | slice) -> Labels:
        return Labels(*(getattr(self, name)[picked] for name in self.__dataclass_fields__))


def labels_of(scenes: Sequence[Seen], points: NDArray[np.floating]) -> Labels:
    """Spell out the labels of some scenes."""
    size, names, fixtures = len(scenes), len(NAMES), len(FIXTURES)
    found = Labels(
        count=np.zeros((size, names), np.int64),
        place=np.full((size, names), UNKNOWN),
        base=np.full((size, names), UNKNOWN),
        over=np.zeros((size, names), np.int64),
        state=np.zeros((size, fixtures), np.int64),
        column=np.full((size, names + fixtures), UNKNOWN),
        row=np.full((size, names + fixtures), UNKNOWN),
        points=np.asarray(points, np.float32),
    )
    for i, scene in enumerate(scenes):
        _label_fixtures(found, i, scene)
        for thing in scene.things:
            _label_thing(found, i, thing)
        if scene.over:
            found.over[i, NAMES.index(scene.over)] = 1
    return found


def _label_fixtures(found: Labels, i: int, scene: Seen) -> None:
    for k, name in enumerate(FIXTURES):
        if name not in scene.fixtures:
            continue
        words = (
            scene.drawer if name == "drawer" else "open" if scene.pressed and name == "button" else "there"
        )
        found.state[i, k] = STATES.index(words)
        if (cell := scene.fixtures[name]) is not None:
            found.column[i, len(NAMES) + k], found.row[i, len(NAMES) + k] = cell


def _label_thing(found: Labels, i: int, thing: SeenThing) -> None:
    k = NAMES.index(thing.name)
    found.count[i, k] = 2 if thing.twin else 1
    if thing.twin:
        return
    on = thing.place in NAMES
    found.place[i, k] = PLACES.index("on" if on else thing.place)
    if on:
        found.base[i, k] = COLOURS.index(thing.place.split()[0])
    if thing.cell is not None:
        found.column[i, k], found.row[i, k] = thing.cell


class EyesLoss(nn.Module):
    """Cross-entropies of everything that is labelled."""

    def __init__(self, network: SceneEyes) -> None:
        super().__init__()
        self.network = network
        size = network.config.vision.image_size
        self._light = Light((size, size))

    def forward(self, images: Tensor, light: Tensor, labels: Labels) -> dict[str, Tensor]:
        """Losses in nats by name; ``total`` is what is minimised.

        Args:
            images: uint8 (B, C, H, W, 3).
            light: (B, C, 7), see :func:`policies.augmentation.draw_light`.
            labels: Of the B scenes.
        """
        tokens, heat = self.network(self._light(images, light, torch.float32))
        return self.losses(self.network.believe(tokens, heat), labels)

    def losses(self, seen: Sighting, labels: Labels) -> dict[str, Tensor]:
        """See :meth:`forward`; for what has been seen already."""

        def of(values: NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(values).to(seen.heat.device)

        def classes(logits: Tensor, values: NDArray[np.int64]) -> Tensor:
            if (values == UNKNOWN).all():
                return logits.sum() * 0
            return cross_entropy(logits.flatten(0, -2), of(values).flatten(), ignore_index=UNKNOWN)

        losses = {
            "count": classes(seen.count, labels.count),
            "place": classes(seen.place, labels.place),
            "base": classes(seen.base, labels.base),
            "state": classes(seen.state, labels.state),
            "over": binary_cross_entropy_with_logits(seen.over, of(labels.over).float()),
            "column": classes(seen.column, labels.column),
            "row": classes(seen.row, labels.row),
            "heat": classes(seen.heat, self._cells(labels)),
        }
        weights = {"count": 8.0, "place": 2.0, "over": 4.0, "state": 2.0, "heat": 0.5}
        total = sum(weights.get(name, 1.0) * loss for name, loss in losses.items())
        assert isinstance(total, Tensor)
        return {"total": total, **losses}

    def _cells(self, labels: Labels) -> NDArray[np.int64]:
        """The heatmap's cell in which each point lies, (n, queries)."""
        grid = self.network.config.vision.grid
        points = labels.points
        inside = np.isfinite(points).all(-1) & (points >= 0).all(-1) & (points < 1).all(-1)
        cells = np.full(points.shape[:-1], UNKNOWN)
        u, v = (points[inside] * grid).astype(np.int64).T
        cells[inside] = v * grid + u
        return cells


def augmented(
    images: NDArray[np.uint8],
    points: NDArray[np.float32],
    rng: np.random.Generator,
    config: AugmentConfig,
    no_wrist: float = 0.1,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Vary pictures.

    Args:
        images: (n, C, H, W, 3).
        points: (n, Q, 2), in 0..1 of the first camera's picture.
        rng: Draws everything.
        config: How strongly.
        no_wrist: Chance that only the first camera's picture is shown, the others black.

    Returns:
        Pictures, points, and light (n, C, 7) to be applied on the device.
    """
    size = images.shape[2]
    out = np.empty_like(images)
    points = points.copy()
    for i in range(len(images)):
        for camera in range(images.shape[1]):
            dx, dy = (int(d) for d in rng.integers(-config.shift_px, config.shift_px + 1, 2))
            shift(images[i, camera], dx, dy, out[i, camera])
            if camera == 0:
                points[i] += np.array([dx, dy], np.float32) / size
        if rng.random() < config.cutout / 2:
            cut_out(out[i, 1], rng, config.cutout_px)
        if rng.random() < no_wrist:
            out[i, 1:] = 0
    light = draw_light(rng, images.shape[0] * images.shape[1], config)
    return out, points, light.reshape(*images.shape[:2], 7)


def errors(seen: Sighting, labels: Labels) -> dict[str, NDArray[np.bool_]]:
    """Per scene, whether anything of a kind is wrong.

    Returns:
        ``count`` (what is there), ``place`` (in or on what), ``state`` (of fixtures), ``any`` of these; each
        (n,).
    """

    def wrong(logits: Tensor, values: NDArray[np.int64]) -> NDArray[np.bool_]:
        guess = logits.argmax(-1).cpu().numpy()
        return ((guess != values) & (values != UNKNOWN)).any(-1)

    count = wrong(seen.count, labels.count)
    place = wrong(seen.place, labels.place) | wrong(seen.base, labels.base)
    state = wrong(seen.state, labels.state)
    over = ((seen.over.cpu().numpy() > 0) != (labels.over > 0)).any(-1)
    return {"count": count, "place": place, "state": state, "over": over, "any": count | place | state}
