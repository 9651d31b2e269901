"""Training of an image-text model: it learns, resumes to the bit, and never calls a truth false."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from policies.augmentation import AugmentConfig
from policies.clip import train_clip
from policies.clip_checkpoint import load_clip, read_clip
from policies.clip_config import CLIPProgress, CLIPTrainConfig
from policies.clip_data import CaptionedPictures, Subgoal, draw_batch
from policies.clip_evaluation import PromptedChoice, embed_all, probed, zero_shot
from policies.linear_probe import LinearProbe
from policies.manifest import CheckpointError
from vla.models.clip import CLIPConfig, probabilities
from vla.models.text import InstructionTokenizer, TextConfig
from vla.models.vit import ViTConfig

SIZE = 32
COLOURS = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200), "white": (230, 230, 230)}
NAMES = tuple(COLOURS)
WORDS = [*(f"a {name} wall" for name in NAMES), *(f"the floor is {name}" for name in NAMES)]
SMALL = CLIPTrainConfig(
    model=CLIPConfig(
        ViTConfig(image_size=SIZE, width=32, depth=1, heads=2, stem_width=16, cameras=1),
        TextConfig(vocabulary=100, max_tokens=12, width=32, depth=1, heads=2),
        width=32,
        hidden=32,
    ),
    augment=AugmentConfig(shift_px=1, noise=0.01, cutout=0.0, channel_gain=0.0),
    steps=240,
    batch_size=16,
    learning_rate=4e-3,
    warmup_steps=5,
    ema_decay=0.9,
    log_every=10,
    bf16="false",
    device="cpu",
    threads=1,
)


def rooms(count: int = 64, seed: int = 0) -> tuple[CaptionedPictures, np.ndarray]:
    """Pictures of a wall above a floor: 8 statements, two of which are true; and each one's two colours."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 4, (count, 2))
    values = np.array(list(COLOURS.values()), np.uint8)
    pictures = np.empty((count, SIZE, SIZE, 3), np.uint8)
    pictures[:, : SIZE // 2] = values[colours[:, 0]][:, None, None]
    pictures[:, SIZE // 2 :] = values[colours[:, 1]][:, None, None]
    true = np.zeros((count, 8), np.bool_)
    true[np.arange(count), colours[:, 0]] = true[np.arange(count), 4 + colours[:, 1]] = True
    packed = np.packbits(true, axis=1)
    goals = [
        tuple(Subgoal((f"paint the wall {name}",), bool(a == k)) for k, name in enumerate(NAMES))
        for a, _ in colours
    ]
    data = CaptionedPictures(
        pictures=[pictures[: count // 2], pictures[count // 2 :]],
        true=packed,
        possible=packed,
        kinds=np.repeat([0, 1], 4),
        word=lambda number, rng: WORDS[number],
        negatives=lambda number: [n for n in range(8) if n != number],
        subgoals=goals,
    )
    return data, colours


def tokenizer() -> InstructionTokenizer:
    goals = [f"{which}: paint the wall {name}" for name in NAMES for which in ("done", "not done")]
    return InstructionTokenizer.train([*WORDS, *goals], 100, 12)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CLIPProgress]]:
    reports: list[CLIPProgress] = []
    config = replace(SMALL, output=str(tmp_path_factory.mktemp("clip") / "run"))
    return train_clip(config, rooms()[0], tokenizer(), reports.append), reports


def test_the_loss_falls_and_new_pictures_are_recognised(trained: tuple[Path, list[CLIPProgress]]) -> None:
    folder, reports = trained
    assert reports[-1].losses["contrast"] < 0.5 * reports[0].losses["contrast"]
    assert reports[-1].losses["done"] < 0.5 * reports[0].losses["done"]
    model = load_clip(folder, "cpu")
    data, colours = rooms(40, seed=1)
    features = embed_all(model, np.concatenate(data.pictures), lambda done, total: None)
    for offset in (0, 4):
        prompts = {"one": [[text] for text in WORDS[offset : offset + 4]]}
        asked = [
            PromptedChoice(k, "colour", f"slot {offset}", prompts, int(colours[k, offset // 4]))
            for k in range(40)
        ]
        assert zero_shot(model, features, asked, "one").mean() > 0.75
    chances = probabilities(model, data.pictures[0][:3], model.embed_texts(WORDS))
    assert np.allclose(chances.sum(-1), 1)


def test_an_interrupted_run_goes_on_to_the_same_weights(
    trained: tuple[Path, list[CLIPProgress]], tmp_path: Path
) -> None:
    config = replace(SMALL, output=str(tmp_path / "run"), steps=20)
    whole = train_clip(replace(config, output=str(tmp_path / "whole")), rooms()[0], tokenizer())

    def stop(progress: CLIPProgress) -> None:
        signal.raise_signal(signal.SIGINT)

    train_clip(config, rooms()[0], tokenizer(), stop)
    assert read_clip(tmp_path / "run").step == 10
    parts = train_clip(config, rooms()[0], tokenizer())
    one, other = read_clip(whole).weights, read_clip(parts).weights
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_batch_follows_from_its_stream_alone_and_never_calls_a_truth_false() -> None:
    data, _ = rooms()

    def draw(seed: int):
        return draw_batch(data, np.random.default_rng(seed), 12, 2, 3, SMALL.augment)

    one, same, other = draw(1), draw(1), draw(2)
    assert one.captions == same.captions
    assert np.array_equal(one.images, same.images)
    assert one.captions != other.captions
    captions = np.array(one.captions).reshape(12, 2)
    negatives = np.array(one.negatives).reshape(12, 2, 3)
    floor = {text: i for i, text in enumerate(WORDS)}
    values = np.array(list(COLOURS.values()))
    for i in range(12):
        wall, ground = (
            int(np.abs(values - one.images[i][row, SIZE // 2]).sum(1).argmin()) for row in (2, SIZE - 3)
        )
        true = {wall, 4 + ground}
        assert {floor[text] for text in captions[i]} <= true
        for text in negatives[i][one.real[i]]:
            assert floor[text] not in true
        for j in range(12):
            for p in range(2):
                assert one.also_true[p, i, j] == (floor[captions[j, p]] in true)
    assert one.real.all()
    assert len(one.prompts) == 2 * len(one.asked) == 2 * len(one.done)
    assert 0 < one.done.sum() < len(one.done)


def test_pictures_without_facts_and_of_another_size_are_refused(tmp_path: Path) -> None:
    data, _ = rooms()
    with pytest.raises(ValueError, match="64 pictures, but facts of 63"):
        replace(data, true=data.true[1:])
    large = replace(SMALL, output=str(tmp_path), model=CLIPConfig())
    with pytest.raises(ValueError, match="pictures of 32 px"):
        train_clip(large, data, tokenizer())


def test_a_damaged_checkpoint_and_one_of_a_policy_are_refused(
    trained: tuple[Path, list[CLIPProgress]], tmp_path: Path
) -> None:
    copy = tmp_path / "step_00000240"
    copy.mkdir()
    for file in trained[0].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert read_clip(copy).step == 240
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(bytes(weights))
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        load_clip(copy)
    shipped = Path(__file__).parents[2] / "policies" / "checkpoints" / "tabletop"
    with pytest.raises(CheckpointError, match="format 1, an image-text model has"):
        load_clip(shipped)


def test_a_probe_finds_what_is_linear_and_needs_examples() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 6, generator=generator)
    labels = (features @ torch.randn(6, 3, generator=generator)).argmax(-1).numpy()
    probe = LinearProbe(features[:200], labels[:200], 3)
    assert (probe.predict(features[200:]) == labels[200:]).mean() > 0.9
    prompts = {"any": [["a"], ["b"], ["c"]]}
    asked = [PromptedChoice(k, "t", "slot", prompts, int(labels[k])) for k in range(300)]
    right, known = probed(features, asked[:200], features, asked[200:])
    assert known.all()
    assert right.mean() > 0.9
    right, known = probed(features, asked[:10], features, asked[200:])
    assert not known.any()
    assert not right.any()
