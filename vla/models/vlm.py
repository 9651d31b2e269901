"""What every vision-language model can do here, whoever made it and wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

AllowedNext: TypeAlias = Callable[[Sequence[str]], frozenset[str]]
"""A grammar of words: what may follow the words said so far; nothing may where all has been said."""


@runtime_checkable
class VisionLanguageModel(Protocol):
    """Looks at one picture, reads a prompt, and answers in words."""

    def reply(
        self,
        image: NDArray[np.uint8],
        prompt: str,
        allowed: AllowedNext | None = None,
        max_words: int = 120,
    ) -> str:
        """The most likely answer; the same arguments give the same one.

        Args:
            image: uint8 RGB, (H, W, 3).
            prompt: A question or a request, without any model's own marks.
            allowed: Keeps the answer inside a grammar of words, as far as the model can be kept. A server
                elsewhere may not let itself: whoever relies on the grammar parses what comes.
            max_words: An answer is cut off after so many; ``;``, ``:`` and ``.`` count under a grammar.
        """
        ...

    def score(self, image: NDArray[np.uint8], prompt: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """How likely each of some answers is.

        Args:
            image: uint8 RGB, (H, W, 3).
            prompt: A question.
            choices: Answers to compare, such as ``("yes", "no")``.

        Returns:
            Logarithms of probabilities, (len(choices),), or of weights in proportion to them; -inf for what
            the model would not say. A model without logits puts everything on the answer it gives.
        """
        ...
