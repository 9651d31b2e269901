"""The planner's training, from lessons to a folder that plans: four stages, each gone on with if stopped.

1. *words*: the language model learns to plan and to answer about tables that are told in words.
2. *eyes*: object queries over the policy's frozen image tower, taught by the simulator's labels.
3. *projector*: eyes and language model stand still; what is seen is translated into words' embeddings.
4. *talk*: projector and language model learn from pictures (LLaVA's second stage, arXiv 2304.08485).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from policies.checkpoint import read_checkpoint
from policies.lesson_books import (
    SeenPictures,
    Talk,
    pad_id,
    read_texts,
    see_pictures,
    talks_of,
    tokenizer_of,
)
from policies.manifest import CheckpointError
from policies.planner_config import PlannerTrainConfig, StageProgress
from policies.planner_stages import EyesStage, TalkStage, freeze_but
from policies.stage_training import run_stage
from vla.dataset.lessons import LessonText
from vla.dataset.schema import DatasetError
from vla.models.llava import small_llava
from vla.models.scene import SceneEyes, SceneEyesConfig
from vla.models.words import SPECIAL

Report = Callable[[StageProgress], None]
_LOOK_BATCH = 100


def train_planner(config: PlannerTrainConfig, report: Report, seeing: Callable[[int], None]) -> Path:
    """Train, or go on.

    Args:
        config: The training.
        report: Told how a stage goes.
        seeing: Told how many pictures the image tower has looked at, before the first stage.

    Returns:
        The folder of the finished planner, which ``vla.models.talking.TalkingLlava.load`` reads.

    Raises:
        InterruptedStageError: Ctrl-C; the same call goes on.
        CheckpointError: a checkpoint is damaged or does not fit.
        DatasetError: a folder holds no lessons, or all of them are held back.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    output = Path(config.output)
    pictured, told = read_texts(config.lessons), read_texts(config.told)
    for folders, books in ((config.lessons, pictured), (config.told, told)):
        if all(len(book) <= config.held_back for book in books):
            sizes = ", ".join(f"{len(book)} in {folder}" for folder, book in zip(folders, books, strict=True))
            raise DatasetError(f"held_back={config.held_back} lessons of each folder leave none: {sizes}")
    tokenizer = _tokenizer(config, [text for folder in (*told, *pictured) for text in folder])
    vocabulary = tokenizer.get_vocab()
    eyes = eyes_around(config.eyes_from)
    model = small_llava(
        -(-len(vocabulary) // 64) * 64,
        {word: vocabulary[word] for word in SPECIAL},
        eyes.config,
        config.width,
        config.depth,
        config.heads,
        config.hidden,
    )

    def run(stage: EyesStage | TalkStage) -> None:
        if stage.config.steps:
            run_stage(stage, output / stage.name, config.log_every, config.check_every, report)

    freeze_but(model, [model.model.language_model])
    run(_words_stage(config, model, tokenizer, told))
    pictures = see_pictures(config.lessons, eyes, output / "seen", config.held_back, config.augment, seeing)
    learned, held_back = _parted([len(folder) for folder in pictured], config.held_back)
    run(EyesStage(eyes, config.eyes, pictures, learned, held_back, config.seed))
    model.model.vision_tower.eyes.load_state_dict(eyes.state_dict())
    _talk(config, model, tokenizer, pictured, pictures, (learned, held_back), run)
    return export_planner(model, tokenizer, output / "planner", {"train": asdict(config)})


def _tokenizer(config: PlannerTrainConfig, texts: list[LessonText]) -> PreTrainedTokenizerFast:
    """The run's tokenizer; made once, since more lessons may come."""
    folder = Path(config.output) / "tokenizer"
    if not all((folder / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")):
        tokenizer_of(texts, config.vocabulary).save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def _words_stage(
    config: PlannerTrainConfig,
    model: LlavaForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    told: list[list[LessonText]],
) -> TalkStage:
    rng = np.random.default_rng(config.seed)
    learned: list[Talk] = []
    held_back: dict[str, list[Talk]] = {}
    for folder, texts in zip(config.told, told, strict=True):
        talks = talks_of(texts, tokenizer, rng, config.talk_share)
        held_back[Path(folder).name] = talks[: config.held_back]
        learned += talks[config.held_back :]
    return TalkStage(
        "words",
        model,
        config.words,
        learned,
        dict(held_back),
        pad_id(tokenizer),
        config.seed,
        config.heard_weight,
    )


def _parted(sizes: list[int], held_back: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the pictures to learn from and of those held back, across folders."""
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    back = [np.arange(start, start + min(held_back, size)) for start, size in zip(starts, sizes, strict=True)]
    rest = [
        np.arange(start + min(held_back, size), start + size)
        for start, size in zip(starts, sizes, strict=True)
    ]
    return np.concatenate(rest), np.concatenate(back)


def _talk(
    config: PlannerTrainConfig,
    model: LlavaForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    pictured: list[list[LessonText]],
    pictures: SeenPictures,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
    run: Callable[[TalkStage], None],
) -> None:
    """LLaVA's two stages."""
    sights = look_through(model.model.vision_tower.eyes, pictures)
    texts = [text for folder in pictured for text in folder]
    count = model.config.image_seq_length
    talks = talks_of(texts, tokenizer, np.random.default_rng([config.seed, 1]), 1.0, count)
    learned, held_back = parts
    shown = {"": sights[learned], "pictures": sights[held_back]}
    known = [talks[i] for i in learned]
    back = {"pictures": [talks[i] for i in held_back]}
    projector, language = model.model.multi_modal_projector, model.model.language_model
    for name, stage, trained in (
        ("projector", config.projector, [projector]),
        ("talk", config.talk, [projector, language]),
    ):
        freeze_but(model, trained)
        pad, weight = pad_id(tokenizer), config.heard_weight
        run(TalkStage(name, model, stage, known, dict(back), pad, config.seed, weight, shown))


@torch.inference_mode()
def look_through(eyes: SceneEyes, pictures: SeenPictures) -> NDArray[np.int16]:
    """The eyes' tokens of every picture, bfloat16 kept as int16, (n, N, D)."""
    eyes.eval()
    found = []
    with torch.autocast("cpu", torch.bfloat16):
        for i in range(0, len(pictures.tokens), _LOOK_BATCH):
            tokens, _ = eyes.read(*pictures.look(slice(i, i + _LOOK_BATCH)))
            found.append(tokens.bfloat16().view(torch.int16).numpy())
    return np.concatenate(found)


def eyes_around(checkpoint: str) -> SceneEyes:
    """Fresh object queries around the image tower of a policy's checkpoint.

    Raises:
        CheckpointError: it is damaged, or its tower looks through one camera.
    """
    policy, prefix = read_checkpoint(checkpoint), "vision."
    vision = policy.config.model.vision
    if vision.cameras != 2:
        raise CheckpointError(f"{checkpoint}: its image tower looks through {vision.cameras} cameras, not 2")
    eyes = SceneEyes(SceneEyesConfig(vision=vision))
    eyes.vision.load_state_dict(
        {name[len(prefix) :]: tensor for name, tensor in policy.weights.items() if name.startswith(prefix)}
    )
    return eyes


def export_planner(
    model: LlavaForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    notes: dict[str, object],
) -> Path:
    """Write what plans, in half precision; returns the folder."""
    half = LlavaForConditionalGeneration(model.config)
    half.load_state_dict(model.state_dict())
    torch.nn.Module.to(half, torch.bfloat16)
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "notes.json").write_text(json.dumps(notes, indent=1, default=str) + "\n", encoding="utf-8")
    return folder
