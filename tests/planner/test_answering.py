"""Questions with a meaning are answered from what is seen, others by the language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
import tiny_planner
import torch
from numpy.typing import NDArray
from sightings import sighting_of

from vla.models.talking import Look, TalkingLlava
from vla.models.vlm import AllowedNext, VisionLanguageModel
from vla.planner.answering import SeeingLlava
from vla.planner.meaning_text import meaning_next

TABLE = "bowl 4 7 ; drawer open ; red star bowl ; blue star table 12 3 ."
PICTURE = np.zeros((8, 8, 3), np.uint8)


class Script:
    """Understands everything in one way, and says "so so" about anything else."""

    def __init__(self, meant: str) -> None:
        self._meant = meant

    def cameras(self, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        return [image]

    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> Look:
        return Look(TABLE, sighting_of(TABLE), torch.empty(0))

    def understand(self, sentence: str, allowed: AllowedNext) -> str:
        assert allowed is meaning_next
        return self._meant

    def say(self, look: Look, words: str, limit: int) -> str:
        assert words.startswith("[asks] ")
        return "so so"


@pytest.mark.parametrize(
    ("meant", "answer"),
    [
        ("count every star .", "two"),
        ("name any thing inside bowl .", "the red star"),
        ("where the blue star .", "on the table"),
        ("ask drawer closed .", "no"),
        ("where the green star .", "so so"),
        ("put the red star in tray .", "so so"),
        ("unknown .", "so so"),
        ("count every star plus every", "so so"),
    ],
)
def test_what_has_a_meaning_is_looked_up_and_the_rest_is_talked_about(meant: str, answer: str) -> None:
    model = SeeingLlava(cast(TalkingLlava, Script(meant)))
    assert model.reply(PICTURE, "well?") == answer


@pytest.mark.parametrize(
    ("meant", "answer"),
    [
        ("ask drawer closed .", "open"),
        ("ask drawer open .", "open"),
        ("ask some the red star inside bowl .", "yes"),
        ("where the blue star .", "on the table"),
    ],
)
def test_who_asks_which_of_two_is_not_told_yes(meant: str, answer: str) -> None:
    model = SeeingLlava(cast(TalkingLlava, Script(meant)))
    assert model.reply(PICTURE, "is it this or that?") == answer


def test_a_tiny_model_answers_weighs_and_stays_inside_a_grammar() -> None:
    talking = tiny_planner.talking()
    model = SeeingLlava(talking)
    assert isinstance(model, VisionLanguageModel)
    front, _ = tiny_planner.pictures()
    assert isinstance(model.reply(front, "is it done?"), str)
    assert model.reply(front, "tidy up", meaning_next) == talking.reply(front, "tidy up", meaning_next)
    choices = ("yes", "no")
    assert np.array_equal(model.score(front, "done?", choices), talking.score(front, "done?", choices))
