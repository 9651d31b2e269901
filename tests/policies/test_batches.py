import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from policies.augmentation import AugmentConfig, Light, cut_out, draw_light, shift
from policies.batches import DISTURBANCE, BatchSource, foreseeable, split_episodes, stream
from policies.phrasing import FILLERS, PROTECTED, disturb
from sim.language import PLACES, RELATIONS, SHAPE_WORDS
from sim.objects import COLOURS
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.text import InstructionTokenizer

RED = np.array([220, 30, 30])


@pytest.fixture
def make_source(cache: FrameCache, robot: RobotSpec) -> Any:
    tokenizer = InstructionTokenizer.train(cache.tasks, 200)

    def make(**changes: Any) -> BatchSource:
        options: dict[str, Any] = {"chunk": 8, "families": ("reach",), "augment": None}
        return BatchSource(cache, np.arange(5), robot, tokenizer, **options | changes)

    return make


def test_a_batch_follows_from_its_seed(make_source: Any) -> None:
    source = make_source(augment=AugmentConfig())
    one, same, other = source.batch([0, 3], 8), source.batch([0, 3], 8), source.batch([0, 4], 8)
    for field in dataclasses.fields(one):
        torch.testing.assert_close(
            getattr(one, field.name), getattr(same, field.name), rtol=0, atol=0, equal_nan=True
        )
    assert not torch.equal(one.images, other.images)


@pytest.mark.parametrize("ahead", [0, 2])
def test_prefetching_changes_nothing(make_source: Any, ahead: int) -> None:
    source = make_source()
    batches = list(stream(source, [0], 2, 5, 4, ahead))
    assert [b.state.tolist() for b in batches] == [source.batch([0, s], 4).state.tolist() for s in (2, 3, 4)]


def test_an_error_while_drawing_reaches_the_caller(make_source: Any) -> None:
    with pytest.raises(ValueError, match="negative"):
        list(stream(make_source(), [0], -3, 0, 4, 2))


def test_labels_follow_a_shifted_picture(make_source: Any) -> None:
    config = AugmentConfig(shift_px=6, brightness=0, contrast=0, channel_gain=0, noise=0, cutout=0, words=0)
    batch = make_source(augment=config, alternatives=0).batch([1], 32)
    checked = 0
    for i in range(32):
        uv = batch.uv[i, 0, 0, 0]
        assert uv.tolist() in batch.things[i, :, 2:4].tolist()
        u, v = (uv * 32).round().int().tolist()
        if 1 < u < 30 and 1 < v < 30:
            colour = batch.images[i, 0, v, u].numpy()
            assert colour.max() - colour.min() > 100
            checked += 1
    assert checked > 20


def test_rows_past_the_end_repeat_the_last_action_and_are_marked(make_source: Any) -> None:
    batch = make_source().batch([2], 64)
    ends = ~batch.valid.all(-1)
    assert ends.any()
    for actions, valid in zip(batch.actions[ends], batch.valid[ends], strict=True):
        last = int(valid.sum()) - 1
        assert torch.equal(actions[last:], actions[last].expand(8 - last, -1))


def test_alternatives_are_other_questions_about_the_same_picture(make_source: Any) -> None:
    batch = make_source(alternatives=2).batch([3], 16)
    for places in batch.places[:, :, 0]:
        assert len({tuple(row) for row in places.tolist()}) == 3
    assert batch.done.isfinite().all()


def test_a_fixed_destination_has_a_place_and_no_pixel(make_source: Any, cache: FrameCache) -> None:
    queries = [[dict(q, point=[0.1, 0.2, 0.3]) for q in episode] for episode in cache.queries]
    source = make_source()
    source.queries = queries
    batch = source.batch([0], 4)
    torch.testing.assert_close(batch.places[:, :, 1], torch.tensor([0.1, 0.2, 0.3]).expand(4, 3, 3))
    assert batch.uv[:, :, 1].isnan().all()


def test_a_family_s_share_grows_with_the_root_of_its_frames(
    make_source: Any, cache: FrameCache, robot: RobotSpec
) -> None:
    queries = list(cache.queries)
    queries[0] = [dict(q, family="push") for q in queries[0]]
    lopsided = dataclasses.replace(cache, queries=tuple(queries))
    tokenizer = InstructionTokenizer.train(cache.tasks, 200)
    source = BatchSource(
        lopsided, np.arange(5), robot, tokenizer, chunk=8, families=("push", "reach"), augment=None
    )
    family = source.batch([0], 64).family[:, 0]
    push = source.owner[source.pictures] == 0
    assert push.mean() == pytest.approx(1 / 5)  # root 1 to root 4 is 1 to 2
    assert family.sum() == pytest.approx(64 * 2 / 3, abs=2)


def test_held_out_episodes_are_never_trained_on(cache: FrameCache) -> None:
    train, held_out = split_episodes(cache, 0.2)
    assert len(held_out) == 4
    assert not set(train) & set(held_out)
    assert len(train) + len(held_out) == 20


def test_the_split_called_test_is_left_alone(cache: FrameCache) -> None:
    marked = dataclasses.replace(cache, splits=("test",) * 10 + ("train",) * 10)
    train, held_out = split_episodes(marked, 0.2)
    assert min(train.min(), held_out.min()) == 10


def test_shifting_there_and_back_keeps_the_middle() -> None:
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    there, back = np.empty_like(image), np.empty_like(image)
    shift(image, 3, -2, there)
    assert np.array_equal(there[5, 8], image[7, 5])
    shift(there, -3, 2, back)
    assert np.array_equal(back[4:12, 4:12], image[4:12, 4:12])


def test_a_cutout_is_a_small_rectangle() -> None:
    image = np.full((32, 32, 3), 7, np.uint8)
    cut_out(image, np.random.default_rng(1), 8)
    changed = (image != 7).any(-1)
    assert 16 <= changed.sum() <= 64


def test_neutral_light_leaves_a_picture_alone() -> None:
    images = torch.randint(0, 256, (2, 2, 8, 8, 3), dtype=torch.uint8)
    still = AugmentConfig(brightness=0, contrast=0, channel_gain=0, noise=0)
    light = torch.from_numpy(draw_light(np.random.default_rng(0), 4, still)).view(2, 2, 7)
    torch.testing.assert_close(Light((8, 8))(images, light, torch.float32), images / 255)
    strong = torch.from_numpy(draw_light(np.random.default_rng(0), 4, AugmentConfig())).view(2, 2, 7)
    changed = Light((8, 8))(images, strong, torch.float32)
    assert (changed - images / 255).abs().mean() > 0.005
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_words_that_matter_survive_every_disturbance() -> None:
    rng = np.random.default_rng(0)
    text = "please carefully position the red block left of the blue bowl"
    versions = {disturb(text, rng, 0.8) for _ in range(200)}
    assert len(versions) > 10
    wanted = [word for word in text.split() if word in PROTECTED]
    for version in versions:
        # "can you" may come in front, and a can is a thing.
        kept = version.removeprefix("can you ")
        assert [word for word in kept.split() if word in PROTECTED] == wanted
    assert disturb(text, rng, 0.0) == text


def test_no_word_that_tells_things_and_places_apart_is_ever_disturbed() -> None:
    spoken = " ".join(
        [
            *COLOURS,
            *(
                phrase
                for table in (SHAPE_WORDS, PLACES, RELATIONS)
                for row in table.values()
                for phrase in row
            ),
        ]
    )
    words = set(spoken.replace("{}", "").split())
    assert len(words) > 40
    assert {word for word in words if len(word) > 4} <= PROTECTED | FILLERS


def test_rows_after_a_disturbance_are_not_learned(cache: FrameCache) -> None:
    offset = np.zeros((len(cache.state), 4), np.float32)
    offset[5, 0] = 0.02
    disturbed = dataclasses.replace(cache, columns={**cache.columns, DISTURBANCE: offset})
    frames, last = np.array([0, 3, 5, 6]), np.array([11, 11, 11, 11])
    valid = foreseeable(disturbed, frames, last, 8)
    # The disturbance acts after the action of row 5, so that action is still an answer to what was seen.
    assert valid.sum(1).tolist() == [6, 3, 1, 6]
    assert foreseeable(cache, frames, last, 8).sum(1).tolist() == [8, 8, 7, 6]
