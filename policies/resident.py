"""Training batches out of a cache that lies in a graphics card's memory, so that nothing waits for the bus.

The same samples as :mod:`policies.batches` draws, with the same changes to pictures, drawn on the card. Words
are disturbed beforehand: every phrasing in several forms, of which one is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.augmentation import AugmentConfig
from policies.batches import DISTURBANCE, DONE, Batch, BatchSource
from policies.phrasing import disturb

FORMS = 8
"""Forms of each phrasing where words are disturbed."""


@dataclass(frozen=True)
class _Words:
    """Every form of every phrasing, and which phrasings every query has.

    Attributes:
        tokens: (P, forms, L) ids.
        mask: (P, forms, L).
        phrasing: Rows of ``tokens``, the queries' one after another.
        first: Where each query's begin in ``phrasing``, (Q + 1,).
    """

    tokens: Tensor
    mask: Tensor
    phrasing: Tensor
    first: Tensor

    def draw(self, query: Tensor, draw: _Draw) -> tuple[Tensor, Tensor]:
        """Ids and mask, (B, M, L), of some phrasing of each query (B, M) in some form."""
        begin, end = self.first[query], self.first[query + 1]
        nth = torch.minimum(begin + (draw.uniform(*query.shape) * (end - begin)).long(), end - 1)
        form = draw.integers(0, self.tokens.shape[1], *query.shape)
        row = self.phrasing[nth].long()
        return self.tokens[row, form].long(), self.mask[row, form]


def lies_on(choice: str, source: BatchSource, device: torch.device) -> bool:
    """Resolve ``auto``, ``true`` or ``false``; ``auto`` means on a GPU twice as large as the pictures."""
    if choice != "auto":
        return choice == "true"
    if device.type != "cuda":
        return False
    pictures = sum(source.cache.images[name][0].nbytes for name in source.cameras) * len(source.pictures)
    # Not what is free at the moment: a run that goes on must draw as it drew before.
    return 2 * pictures < torch.cuda.get_device_properties(device).total_memory


class ResidentSource:
    """Draws the batches of a :class:`policies.batches.BatchSource` on a device.

    Args:
        source: What to draw from; its tables and pictures are copied to the device.
        device: Where to.
    """

    def __init__(self, source: BatchSource, device: torch.device) -> None:
        cache = source.cache
        self._device, self._augment, self._chunk = device, source.augment, source.chunk
        self._alternatives = source.alternatives
        # Only the pictures that may be drawn: held-out ones stay where they are.
        pictures = source.pictures
        self._images = [torch.from_numpy(cache.gather(name, pictures)).to(device) for name in source.cameras]
        queries = [len(asked) for asked in source.queries]
        self._share = self._table(source.share)
        self._frame = self._table(cache.frame_index_of[pictures])
        self._owner = self._table(source.owner[pictures])
        self._last = self._table(cache.bounds[1:] - 1)
        self._state = self._table(np.asarray(cache.state, np.float32))
        self._action = self._table(np.asarray(cache.action, np.float32))
        self._bumped = None
        if DISTURBANCE in cache.columns:
            self._bumped = self._table(np.logical_or.reduce(cache.columns[DISTURBANCE], axis=-1))
        self._entities = self._table(source.entities(np.arange(len(cache.state))))
        self._done = None
        if DONE in cache.columns:
            self._done = self._table(np.asarray(cache.columns[DONE], np.float32))
        self._queries = self._table(np.array(queries))
        self._most = max(*queries, 2) - 1
        self._offset = self._table(np.cumsum([0, *queries])[:-1])
        family, rows, points = _labels(source)
        self._family, self._rows, self._points = map(self._table, (family, rows, points))
        self._words = self._tokenised(source)

    def _table(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _tokenised(self, source: BatchSource) -> _Words:
        config, rng = self._augment, np.random.default_rng([0, 2])
        number: dict[str, int] = {}
        phrasing: list[int] = []
        first = [0]
        for queries in source.queries:
            for query in queries:
                texts = query["texts"] if config else query["texts"][:1]
                phrasing += [number.setdefault(text, len(number)) for text in texts]
                first.append(len(phrasing))
        forms = FORMS if config and config.words else 1
        chance = config.words if config else 0.0
        ids, mask = source.tokenizer([disturb(text, rng, chance) for text in number for _ in range(forms)])
        return _Words(
            self._table(ids.astype(np.int16)).unflatten(0, (-1, forms)),
            self._table(mask).unflatten(0, (-1, forms)),
            self._table(np.array(phrasing, np.int32)),
            self._table(np.array(first)),
        )

    def batch(self, seed: Sequence[int], size: int) -> Batch:
        """The batch that belongs to ``seed``; samples are spread evenly over the data."""
        generator = torch.Generator(self._device)
        generator.manual_seed(int(np.random.SeedSequence(list(seed)).generate_state(1, np.uint64)[0] >> 1))
        draw = _Draw(generator, self._device)
        spots = (torch.arange(size, device=self._device) + draw.uniform(size)) / size
        drawn = torch.searchsorted(self._share, spots.double(), right=True).clamp(max=len(self._share) - 1)
        return self._gather(drawn, draw)

    def _gather(self, drawn: Tensor, draw: _Draw) -> Batch:
        frames, owner = self._frame[drawn], self._owner[drawn]
        last = self._last[owner]
        rows = frames[:, None] + torch.arange(self._chunk, device=self._device)
        within = torch.minimum(rows, last[:, None])
        images, moved = self._look(drawn, draw)
        asked = self._ask(owner, draw)
        query = self._offset[owner][:, None] + asked
        tokens, mask = self._words.draw(query, draw)
        entities = self._entities[frames]
        places, uv = self._places(query, entities, moved)
        return Batch(
            images=images,
            light=draw.light(images.shape[:2], self._augment),
            state=self._state[frames],
            actions=self._action[within],
            valid=self._valid(rows, within, last),
            tokens=tokens,
            mask=mask,
            places=places,
            uv=uv,
            family=self._family[query],
            done=self._judged(frames, asked),
            things=torch.cat(
                [entities[:, :, :2], entities[:, :, 5:] + moved.flatten(1)[:, None]],
                dim=-1,
            ),
        )

    def _valid(self, rows: Tensor, within: Tensor, last: Tensor) -> Tensor:
        valid = rows <= last[:, None]
        if self._bumped is not None:
            before = self._bumped[within[:, :-1]].cumsum(-1) > 0
            valid[:, 1:] &= ~before
        return valid

    def _look(self, drawn: Tensor, draw: _Draw) -> tuple[Tensor, Tensor]:
        """Pictures (B, C, H, W, 3) and how far each was moved, (B, C, 2) in 0..1 of its size."""
        height, width = self._images[0].shape[1:3]
        shape = (len(drawn), len(self._images))
        config = self._augment
        reach = config.shift_px if config else 0
        offset = draw.integers(-reach, reach + 1, *shape, 2)
        y = (torch.arange(height, device=self._device) - offset[..., 1:]).clamp(0, height - 1)
        x = (torch.arange(width, device=self._device) - offset[..., :1]).clamp(0, width - 1)
        out = torch.stack(
            [
                store[drawn[:, None, None], y[:, c, :, None], x[:, c, None, :]]
                for c, store in enumerate(self._images)
            ],
            dim=1,
        )
        if config and config.cutout:
            out = self._hide(out, config, draw)
        return out, torch.stack([offset[..., 0] / width, offset[..., 1] / height], dim=-1)

    def _hide(self, images: Tensor, config: AugmentConfig, draw: _Draw) -> Tensor:
        """One rectangle of some pictures behind a random colour."""
        shape, (height, width) = images.shape[:2], images.shape[2:4]
        tall, wide = draw.integers(4, config.cutout_px + 1, 2, *shape)
        top = (draw.uniform(*shape) * (height - tall + 1)).long()
        left = (draw.uniform(*shape) * (width - wide + 1)).long()
        y, x = torch.arange(height, device=self._device), torch.arange(width, device=self._device)
        across = (y >= top[..., None]) & (y < (top + tall)[..., None])
        along = (x >= left[..., None]) & (x < (left + wide)[..., None])
        chosen = draw.uniform(*shape) < config.cutout
        hidden = across[..., :, None] & along[..., None, :] & chosen[..., None, None]
        colour = draw.integers(0, 256, *shape, 3).to(torch.uint8)
        return torch.where(hidden[..., None], colour[:, :, None, None], images)

    def _ask(self, owner: Tensor, draw: _Draw) -> Tensor:
        """Which queries to ask, (B, 1 + alternatives), the demonstrated one first."""
        others = (self._queries[owner] - 1)[:, None]
        if not self._alternatives:
            return torch.zeros_like(others)
        # The first so many of a random order; with fewer than that, some come twice.
        order = draw.uniform(len(owner), self._most)
        order = order.masked_fill(torch.arange(self._most, device=self._device) >= others, 2.0).argsort(-1)
        nth = torch.arange(self._alternatives, device=self._device) % others.clamp(min=1)
        asked = torch.where(others > 0, 1 + order.gather(1, nth), 0)
        return torch.cat([torch.zeros_like(others), asked], dim=1)

    def _places(self, query: Tensor, entities: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        cameras = len(self._images)
        rows = self._rows[query]
        batch = torch.arange(len(query), device=self._device)[:, None, None]
        if not entities.shape[1]:
            shape = (*rows.shape, 3 + 2 * cameras)
            found = entities.new_full(shape, torch.nan)
        else:
            found = entities[batch, rows.clamp(0, entities.shape[1] - 1)]
            there = (rows >= 0) & (rows < entities.shape[1]) & (found[..., 0] > 0)
            found = torch.where(there[..., None], found[..., 2:], torch.nan)
        places, uv = found[..., :3], found[..., 3:].unflatten(-1, (cameras, 2))
        point = self._points[query]
        fixed = (rows[..., 1] < 0) & point.isfinite().all(-1)
        second = torch.where(fixed[..., None], point, places[..., 1, :])
        return torch.stack([places[..., 0, :], second], dim=2), uv + moved[:, None, None]

    def _judged(self, frames: Tensor, asked: Tensor) -> Tensor:
        if self._done is None:
            return torch.full(asked.shape, torch.nan, device=self._device)
        known = self._done[frames]
        done = known.gather(1, asked.clamp(max=known.shape[1] - 1))
        return torch.where(asked < known.shape[1], done, torch.nan)


def _labels(source: BatchSource) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Family (Q,), rows of target and destination (Q, 2), and fixed destinations (Q, 3) of all queries."""
    every = [query for queries in source.queries for query in queries]
    family = [source.family_of(query) for query in every]
    rows = [[query.get("target", -1), query.get("destination", -1)] for query in every]
    points = [query.get("point") or [np.nan] * 3 for query in every]
    return np.array(family), np.array(rows), np.array(points, np.float32)


class _Draw:
    """Random draws on a device."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device

    def uniform(self, *shape: int) -> Tensor:
        """Floats in [0, 1)."""
        return torch.rand(shape, generator=self._generator, device=self._device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers in [low, high)."""
        return torch.randint(low, high, shape, generator=self._generator, device=self._device)

    def light(self, shape: Sequence[int], config: AugmentConfig | None) -> Tensor:
        """See :func:`policies.augmentation.draw_light`; (*shape, 7)."""
        if config is None:
            neutral = torch.tensor([1.0, 1, 1, 0, 0, 0, 0], device=self._device)
            return neutral.expand(*shape, 7)

        def half(size: float, width: int) -> Tensor:
            return size * (2 * self.uniform(*shape, width) - 1)

        gain = (1 + half(config.contrast, 1)) * (1 + half(config.channel_gain, 3))
        offset = half(config.brightness, 1) + 0.5 * (1 - gain)
        return torch.cat([gain, offset, config.noise * self.uniform(*shape, 1)], dim=-1)
