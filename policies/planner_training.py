"""The planner's training, from lessons to a folder that plans: four stages, each gone on with if stopped.

1. *words*: the language model learns what sentences mean, and to answer about tables told in words.
2. *eyes*: object queries over the policy's image tower, and that tower with them, taught by the simulator's
   labels.
3. *projector*: eyes and language model stand still; what is seen is translated into words' embeddings.
4. *talk*: projector and language model learn from pictures (LLaVA's second stage, arXiv 2304.08485), and
   go on hearing sentences.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from policies.borrowing import eyes_of
from policies.checkpoint import read_checkpoint
from policies.lesson_books import (
    Pictures,
    pad_id,
    read_pictures,
    read_sayings,
    read_texts,
    talks_of,
    tokenizer_of,
)
from policies.low_rank import add_adapters, merge_adapters
from policies.manifest import CheckpointError
from policies.planner_config import PlannerTrainConfig, StageProgress
from policies.planner_courses import read_chats, sentences_course, told_course, visual_course
from policies.planner_stages import Course, EyesStage, TalkStage, freeze_but
from policies.stage_training import run_stage
from vla.dataset.lessons import LessonText
from vla.dataset.schema import DatasetError
from vla.dataset.sentences import Sentence
from vla.models.llava import load_small_llava, small_llava
from vla.models.scene import SceneEyes, SceneEyesConfig
from vla.models.words import SPECIAL
from vla.planner.meaning_text import meaning_vocabulary

Report = Callable[[StageProgress], None]
_LOOK_BATCH = 100


def train_planner(config: PlannerTrainConfig, report: Report, seeing: Callable[[int], None]) -> Path:
    """Train, or go on.

    Args:
        config: The training.
        report: Told how a stage goes.
        seeing: Told how many pictures the eyes have looked at, before they are talked about.

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
    sentences, visual = read_sayings(config.sentences), read_chats(config.visual)
    for folders, books in (
        (config.lessons, pictured),
        (config.told, told),
        (config.sentences, sentences),
        *([(config.visual, visual)] if visual else []),
    ):
        if all(len(book) <= config.held_back for book in books):
            sizes = ", ".join(f"{len(book)} in {folder}" for folder, book in zip(folders, books, strict=True))
            raise DatasetError(f"held_back={config.held_back} of each folder leave none: {sizes}")
    start = load_small_llava(config.start_from) if config.start_from else None
    talks = itertools.chain(*told, *pictured)
    tokenizer = start[1] if start else _tokenizer(config, talks, itertools.chain(*sentences))
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
    if start:
        begin_with(start, model, eyes)

    def run(stage: EyesStage | TalkStage) -> None:
        if stage.config.steps:
            run_stage(stage, output / stage.name, config.log_every, config.check_every, report)

    freeze_but(model, [model.model.language_model])
    meanings = sentences_course(config, tokenizer, sentences)
    tables = told_course(config, tokenizer, told)
    lessons = pad_id(tokenizer), config.seed, config.heard_weight
    run(TalkStage("words", model, config.words, (meanings, tables), *lessons, config.hidden_share))
    pictures = read_pictures(config.lessons, eyes.config.vision.image_size)
    parts = _parted([len(folder) for folder in pictured], config.held_back)
    run(EyesStage(eyes, config.eyes, pictures, parts, config.augment, config.seed))
    model.model.vision_tower.eyes.load_state_dict(eyes.state_dict())
    if config.projector.steps or config.talk.steps:
        sights = look_through(eyes, pictures, seeing)
        chats = visual_course(config, eyes, tokenizer, visual, seeing) if config.talk.steps else []
        _talk(config, model, tokenizer, pictured, sights, parts, (meanings, *chats), run)
    return export_planner(model, tokenizer, output / "planner", {"train": asdict(config)})


def _tokenizer(
    config: PlannerTrainConfig, texts: Iterable[LessonText], sentences: Iterable[Sentence]
) -> PreTrainedTokenizerFast:
    """The run's tokenizer; made once, since more lessons may come."""
    folder = Path(config.output) / "tokenizer"
    if not all((folder / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")):
        tokenizer_of(texts, sentences, config.vocabulary).save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def begin_with(
    start: tuple[LlavaForConditionalGeneration, PreTrainedTokenizerFast],
    model: LlavaForConditionalGeneration,
    eyes: SceneEyes,
) -> None:
    """Take over another planner's weights, whose words are kept.

    Args:
        start: The other planner's model and tokenizer.
        model: Takes over what is not the eyes', too.
        eyes: Take over the other's.

    Raises:
        CheckpointError: its sizes are others, or it does not know the words of meanings.
    """
    other, tokenizer = start
    if unknown := sorted(word for word in meaning_vocabulary() if len(tokenizer.tokenize(word)) > 1):
        raise CheckpointError(f"{other.name_or_path} does not know the words {', '.join(unknown[:5])}")
    try:
        model.load_state_dict(other.state_dict())
        eyes.load_state_dict(other.model.vision_tower.eyes.state_dict())
    except RuntimeError as error:
        raise CheckpointError(f"{other.name_or_path} does not fit: {error}") from error


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
    sights: NDArray[np.int16],
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
    others: Sequence[Course],
    run: Callable[[TalkStage], None],
) -> None:
    """LLaVA's two stages; the second learns from other courses, too."""
    texts = [text for folder in pictured for text in folder]
    count = model.config.image_seq_length
    talks = talks_of(texts, tokenizer, np.random.default_rng([config.seed, 1]), 1.0, count)
    learned, held_back = parts
    seen = Course(
        talks.take(learned),
        {"pictures": talks.take(held_back)},
        (1 - config.sentence_share) * (1 - config.visual_share if config.visual else 1),
        {"": sights[learned], "pictures": sights[held_back]},
    )
    projector, language = model.model.multi_modal_projector, model.model.language_model
    lessons = pad_id(tokenizer), config.seed, config.heard_weight
    freeze_but(model, [projector])
    run(TalkStage("projector", model, config.projector, (replace(seen, share=1.0),), *lessons))
    freeze_but(model, [projector, language])
    if config.lora_rank:
        add_adapters(language, config.lora_rank)
    run(TalkStage("talk", model, config.talk, (seen, *others), *lessons, config.hidden_share))
    if config.lora_rank:
        merge_adapters(language)


@torch.inference_mode()
def look_through(eyes: SceneEyes, pictures: Pictures, seeing: Callable[[int], None]) -> NDArray[np.int16]:
    """The eyes' tokens of every picture, bfloat16 kept as int16, (n, N, D); ``seeing`` is told how many."""
    eyes.eval()
    found = []
    with torch.autocast("cpu", torch.bfloat16):
        for i in range(0, len(pictures.images), _LOOK_BATCH):
            tokens, _ = eyes(torch.from_numpy(pictures.images[i : i + _LOOK_BATCH]))
            found.append(tokens.bfloat16().view(torch.int16).numpy())
            seeing(i + len(tokens))
    return np.concatenate(found)


def eyes_around(checkpoint: str) -> SceneEyes:
    """A planner's eyes, or fresh object queries around the image tower of a policy's checkpoint.

    Raises:
        CheckpointError: the policy's checkpoint is damaged, or its tower looks through one camera.
        ContractError: the folder of a planner holds none.
    """
    if (eyes := eyes_of(checkpoint)) is not None:
        return eyes
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
