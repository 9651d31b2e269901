"""Batches drawn where the cache lies: the same samples, labels and changes as those drawn from the disk."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from policies.augmentation import AugmentConfig
from policies.batches import DISTURBANCE, Batch, BatchSource
from policies.resident import ResidentSource, lies_on
from policies.train import train
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.text import InstructionTokenizer

CPU = torch.device("cpu")
STILL = AugmentConfig(0, 0.0, 0.0, 0.0, 0.0, 0.0, 8, 0.0)


@pytest.fixture
def disturbed(cache: FrameCache) -> FrameCache:
    bumps = np.zeros((len(cache.state), 4), np.float32)
    bumps[5::11, 0] = 0.1
    return dataclasses.replace(cache, columns={**cache.columns, DISTURBANCE: bumps})


def sources(cache: FrameCache, robot: RobotSpec, **changes: Any) -> tuple[BatchSource, ResidentSource]:
    tokenizer = InstructionTokenizer.train(cache.tasks, 200)
    options: dict[str, Any] = {"chunk": 8, "families": ("reach",), "augment": None, "alternatives": 2}
    source = BatchSource(cache, np.arange(3, 9), robot, tokenizer, **options | changes)
    return source, ResidentSource(source, CPU)


def by_picture(batch: Batch) -> dict[bytes, int]:
    """Which sample shows which pictures; those of the toy's wrist camera are all different."""
    return {image.numpy().tobytes(): i for i, image in enumerate(batch.images[:, 1])}


def test_a_sample_has_the_same_numbers_words_and_labels(
    disturbed: FrameCache, robot: RobotSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, resident = sources(disturbed, robot)
    asked = np.array([0, 2, 1])  # the same questions of both
    texts = [[query["texts"][0] for query in queries] for queries in disturbed.queries]

    def ask(owner: Any, rng: Any) -> Any:
        return np.tile(asked, (len(owner), 1)), [texts[e][q] for e in owner for q in asked]

    monkeypatch.setattr(source, "_ask", ask)
    monkeypatch.setattr(resident, "_ask", lambda owner, draw: torch.from_numpy(ask(owner, None)[0]))
    ours, theirs = resident.batch([1], 256), source.batch([2], 256)
    known, compared = by_picture(theirs), 0
    for picture, i in by_picture(ours).items():
        if (j := known.get(picture)) is None:
            continue
        compared += 1
        for field in dataclasses.fields(ours):
            one, other = getattr(ours, field.name)[i], getattr(theirs, field.name)[j]
            if field.name in ("tokens", "mask"):  # padded further
                assert not one[:, other.shape[1] :].any()
                one = one[:, : other.shape[1]]
            torch.testing.assert_close(one, other, equal_nan=True, msg=field.name)
    assert compared > 50
    assert not ours.valid.all()


def test_alternatives_are_all_the_other_questions_in_some_order(cache: FrameCache, robot: RobotSpec) -> None:
    _, resident = sources(cache, robot)
    batch = resident.batch([3], 64)
    first = set()
    for places in batch.places[:, :, 0]:
        assert len({tuple(row) for row in places.tolist()}) == 3
        first.add(tuple(places[1].tolist()))
    assert len(first) > 6


def test_a_batch_follows_from_its_seed_and_held_out_pictures_stay_away(
    cache: FrameCache, robot: RobotSpec
) -> None:
    source, resident = sources(cache, robot, augment=AugmentConfig(cutout_px=8))
    one, again, other = resident.batch([1, 2], 32), resident.batch([1, 2], 32), resident.batch([1, 3], 32)
    for field in dataclasses.fields(one):
        torch.testing.assert_close(
            getattr(one, field.name), getattr(again, field.name), equal_nan=True, rtol=0, atol=0
        )
    assert not torch.equal(one.images, other.images)
    assert len(resident._images[0]) == len(source.pictures) < len(cache.frame_index_of)


def test_pictures_move_with_their_labels(cache: FrameCache, robot: RobotSpec) -> None:
    _, resident = sources(cache, robot, augment=dataclasses.replace(STILL, shift_px=4))
    batch, checked = resident.batch([0], 64), 0
    for i, uv in enumerate(batch.uv[:, 0, 0, 0]):
        u, v = (uv * 32).round().int().tolist()
        if 1 < u < 30 and 1 < v < 30:
            colour = batch.images[i, 0, v, u]
            assert int(colour.max()) - int(colour.min()) > 100
            checked += 1
    assert checked > 20


def test_rectangles_hide_as_many_pictures_as_asked(cache: FrameCache, robot: RobotSpec) -> None:
    source, plain = sources(cache, robot, augment=STILL)
    hiding = ResidentSource(source, CPU)
    hiding._augment = dataclasses.replace(STILL, cutout=0.5)
    changed = (plain.batch([0], 200).images != hiding.batch([0], 200).images).any(-1)
    hidden = changed.flatten(2).sum(-1)
    assert 0.4 < (hidden > 0).float().mean() < 0.6
    assert hidden.max() <= 64
    assert hidden[hidden > 0].float().mean() > 16


def test_light_is_drawn_within_its_bounds(cache: FrameCache, robot: RobotSpec) -> None:
    _, resident = sources(cache, robot, augment=AugmentConfig(cutout_px=8))
    light = resident.batch([0], 500).light
    gain, offset, noise = light[..., :3], light[..., 3:6] - 0.5 * (1 - light[..., :3]), light[..., 6]
    assert 0.7 < gain.min() < 0.85
    assert 1.15 < gain.max() < 1.3
    assert offset.abs().max() == pytest.approx(0.08, abs=0.005)
    assert noise.max() == pytest.approx(0.03, abs=0.002)


def test_words_come_in_every_form(cache: FrameCache, robot: RobotSpec) -> None:
    _, resident = sources(cache, robot, augment=AugmentConfig(cutout_px=8, words=0.5))
    tokens = resident.batch([0], 300).tokens[:, 0]
    assert len({tuple(row) for row in tokens.tolist()}) > 20


def test_fewer_questions_than_asked_for_come_twice(cache: FrameCache, robot: RobotSpec) -> None:
    few = dataclasses.replace(cache, queries=tuple(q[: 1 + e % 2] for e, q in enumerate(cache.queries)))
    _, resident = sources(few, robot)
    places = resident.batch([0], 64).places[:, :, 0]
    twice = (places[:, 1] == places[:, 2]).all(-1)
    assert twice.all()
    assert 0 < (places[:, 0] == places[:, 1]).all(-1).sum() < 64


def test_a_fixed_destination_has_a_place_and_no_pixel(cache: FrameCache, robot: RobotSpec) -> None:
    fixed = [[dict(q, point=[0.1, 0.2, 0.3]) for q in episode] for episode in cache.queries]
    _, resident = sources(dataclasses.replace(cache, queries=tuple(fixed)), robot)
    batch = resident.batch([0], 4)
    torch.testing.assert_close(batch.places[:, :, 1], torch.tensor([0.1, 0.2, 0.3]).expand(4, 3, 3))
    assert batch.uv[:, :, 1].isnan().all()


def test_a_run_on_resident_batches_goes_on_bit_for_bit(
    make_config: Any, cache: FrameCache, robot: RobotSpec, tmp_path: Path
) -> None:
    source, _ = sources(cache, robot)
    assert not lies_on("auto", source, CPU)
    assert lies_on("true", source, CPU)
    config = make_config(resident="true", steps=4)
    whole = train(config, cache, robot)
    half = whole.with_name(whole.name.replace("4", "2"))
    shutil.copytree(half, tmp_path / "parts" / half.name)
    parts = train(dataclasses.replace(config, output=str(tmp_path / "parts")), cache, robot)
    weights = [load_file(end / "model.safetensors") for end in (whole, parts)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
