"""What a planner's language model is taught from: sentences, tables told in words, talk about pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from policies.lesson_books import chats_of, meanings_of, talks_of
from policies.planner_config import PlannerTrainConfig
from policies.planner_stages import Course
from policies.talks import TalkBook
from vla.dataset.conversations import Conversation, conversation_of, picture_in, read_records
from vla.dataset.lessons import LessonText
from vla.dataset.sentences import Sentence
from vla.models.llava import scaled
from vla.models.scene import SceneEyes
from vla.models.talking import TalkingLlava
from vla.planner.sight import sight_words


def sentences_course(
    config: PlannerTrainConfig, tokenizer: PreTrainedTokenizerFast, sentences: list[list[Sentence]]
) -> Course:
    """Sentences with their meanings, folder by folder."""
    talks = [meanings_of(book, tokenizer) for book in sentences]
    back = config.held_back
    learned = TalkBook.joined([book[back:] for book in talks])
    return Course(learned, _named(config.sentences, [book[:back] for book in talks]), config.sentence_share)


def told_course(
    config: PlannerTrainConfig, tokenizer: PreTrainedTokenizerFast, told: list[list[LessonText]]
) -> Course:
    """Questions about tables that are told in words, folder by folder."""
    rng, back = np.random.default_rng(config.seed), config.held_back
    held_back = [talks_of(texts[:back], tokenizer, rng) for texts in told]
    learned = TalkBook.joined([talks_of(texts[back:], tokenizer, rng, config.talk_share) for texts in told])
    return Course(learned, _named(config.told, held_back), 1 - config.sentence_share)


def read_chats(folders: Sequence[str]) -> list[list[Conversation]]:
    """Conversations about pictures, folder by folder.

    Raises:
        DatasetError: a folder holds none.
    """
    return [read_records(Path(folder), conversation_of) for folder in folders]


def visual_course(
    config: PlannerTrainConfig,
    eyes: SceneEyes,
    tokenizer: PreTrainedTokenizerFast,
    visual: list[list[Conversation]],
    seeing: Callable[[int], None],
) -> list[Course]:
    """The conversations, with what the eyes see in their pictures; none where there are no folders.

    ``seeing`` is told how many of a folder's pictures have been looked at.
    """
    if not visual:
        return []
    talks: list[TalkBook] = []
    sights: list[NDArray[np.int16]] = []
    for folder, chats in zip(config.visual, visual, strict=True):
        pictures = {name: i for i, name in enumerate(dict.fromkeys(chat.image for chat in chats))}
        tokens, seen = _seen_in_files(eyes, Path(folder), list(pictures), seeing)
        which = [pictures[chat.image] for chat in chats]
        sights.append(tokens[which])
        words = [seen[i] for i in which]
        talks.append(chats_of([chat.turns for chat in chats], words, tokenizer, eyes.config.tokens))
    back = config.held_back
    named = _named(config.visual, [book[:back] for book in talks])
    learned = TalkBook.joined([book[back:] for book in talks])
    kept = {name: tokens[:back] for name, tokens in zip(named, sights, strict=True)}
    kept[""] = np.concatenate([tokens[back:] for tokens in sights])
    return [Course(learned, named, (1 - config.sentence_share) * config.visual_share, kept)]


@torch.inference_mode()
def _seen_in_files(
    eyes: SceneEyes, folder: Path, names: list[str], seeing: Callable[[int], None]
) -> tuple[NDArray[np.int16], list[str]]:
    """The eyes' tokens of some pictures, bfloat16 kept as int16, and what is seen in them in words."""
    size, tokens, seen = eyes.config.vision.image_size, [], []
    for name in names:
        cameras = TalkingLlava.cameras(picture_in(folder, name))
        images = torch.from_numpy(np.stack([scaled(picture, size) for picture in cameras]))[None]
        found, heat = eyes(images)
        tokens.append(found.bfloat16().view(torch.int16).numpy())
        seen.append(sight_words(eyes.believe(found, heat)))
        seeing(len(seen))
    return np.concatenate(tokens), seen


def _named(folders: Sequence[str], talks: Sequence[TalkBook]) -> dict[str, TalkBook]:
    return {Path(folder).name: book for folder, book in zip(folders, talks, strict=True)}
