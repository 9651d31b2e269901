"""Questions about a picture: what can be meant is looked up in what is seen, the rest is talked about."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vla.models.talking import Look, TalkingLlava
from vla.models.vlm import AllowedNext
from vla.models.words import question_words
from vla.planner.grounding import settle
from vla.planner.meaning import Question
from vla.planner.meaning_text import meaning_next, meaning_or_unknown
from vla.planner.sayings import Answer
from vla.planner.seen_table import seen_table
from vla.planner.sight import seen_in

_WHICH = re.compile(r"\bor\b(?! not\b)", re.IGNORECASE)
"""Whoever asks "open or closed?" is not told "yes"."""


class SeeingLlava:
    """A :class:`vla.models.vlm.VisionLanguageModel` that understands a question before it answers.

    "How many stars are there?" means ``count every star``, which is counted among what the object queries
    see; "why can I not grasp the blue block?" means nothing that can be counted, and is left to the language
    model.

    Args:
        model: Looks, understands and talks.
    """

    def __init__(self, model: TalkingLlava) -> None:
        self._model = model

    @property
    def image_size(self) -> int:
        """Side in pixels of the square pictures that :meth:`look` wants."""
        return self._model.image_size

    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> Look:
        """See :meth:`vla.models.talking.TalkingLlava.look`."""
        return self._model.look(pictures)

    def answer(self, look: Look, question: str, max_words: int = 120) -> str:
        """Answer a question about a look.

        Raises:
            ContractError: the question is too long.
        """
        meaning = meaning_or_unknown(self._model.understand(question, meaning_next))
        if isinstance(meaning, Question):
            table = seen_table(seen_in(look.sighting))
            found = settle(meaning, table)
            condition = meaning.condition
            stands = condition is not None and condition.kind == "drawer" and "drawer" in table.state.fixtures
            if stands and _WHICH.search(question):
                return table.state.drawer
            if isinstance(found, Answer):
                return found.words
        return self._model.say(look, question_words(question), limit=max_words)

    def reply(
        self,
        image: NDArray[np.uint8],
        prompt: str,
        allowed: AllowedNext | None = None,
        max_words: int = 120,
    ) -> str:
        """See :class:`vla.models.vlm.VisionLanguageModel`."""
        if allowed is not None:
            return self._model.reply(image, prompt, allowed, max_words)
        return self.answer(self.look(self._model.cameras(image)), prompt, max_words)

    def score(self, image: NDArray[np.uint8], prompt: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """See :class:`vla.models.vlm.VisionLanguageModel`."""
        return self._model.score(image, prompt, choices)
