"""A look is read once and stays as it is, whatever is said about it; what is said stays inside a grammar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_planner
import torch
from transformers import DynamicCache

from vla.contract import ContractError
from vla.models.llava import side_by_side
from vla.models.talking import Look, TalkingLlava
from vla.models.vlm import VisionLanguageModel
from vla.models.words import goal_words, question_words, reply_words, seen_words
from vla.planner.meaning_text import meaning_next

GOAL = goal_words("put the red block in the bowl")
QUESTION = question_words("is it done?")
CHOICES = ("yes", "no", "the red block", "on the tray in the drawer")


@pytest.fixture(scope="module")
def talking() -> TalkingLlava:
    return tiny_planner.talking()


@pytest.fixture(scope="module")
def look(talking: TalkingLlava) -> Look:
    return talking.look(tiny_planner.pictures())


def uncached(look: Look, words: str) -> torch.Tensor:
    """Log-probabilities of every next token of picture, sight and ``words``, without a cache, (L, V)."""
    model, tokenizer = tiny_planner.model(), tiny_planner.tokenizer()
    marks = tokenizer.get_vocab()
    sight = [marks["[start]"], *[marks["[picture]"]] * tiny_planner.EYES.tokens]
    ids = sight + tokens(seen_words(look.seen)) + tokens(words)
    images = [torch.from_numpy(picture)[None] for picture in tiny_planner.pictures()]
    with torch.inference_mode():
        out = model(input_ids=torch.tensor([ids]), pixel_values=side_by_side(images), use_cache=False)
    return out.logits[0].log_softmax(-1)


def weight(look: Look, choice: str) -> float:
    """Log-probability of an answer to the question, without a cache."""
    said = tokens(reply_words(choice))
    log = uncached(look, f"{QUESTION} {reply_words(choice)}")[-len(said) - 1 : -1]
    return float(log[range(len(said)), said].sum())


def tokens(words: str) -> list[int]:
    return list(tiny_planner.tokenizer()(words, add_special_tokens=False)["input_ids"])  # pyright: ignore[reportArgumentType]


def test_what_is_seen_is_said_by_looking(talking: TalkingLlava, look: Look) -> None:
    assert talking.look(tiny_planner.pictures()).seen == look.seen
    sights = {talking.look(tiny_planner.pictures(seed)).seen for seed in range(3)}
    assert len(sights) > 1
    assert "[" not in look.seen


def test_what_never_ends_is_ended(talking: TalkingLlava, monkeypatch: pytest.MonkeyPatch, look: Look) -> None:
    """What is said afterwards always follows a sight that is whole."""
    monkeypatch.setattr("vla.models.talking._LONGEST_SIGHT", 2)
    read: list[int] = []
    feed = talking._feed

    def watched(ids: Sequence[int], cache: DynamicCache) -> torch.Tensor:
        read.extend(ids)
        return feed(ids, cache)

    monkeypatch.setattr(talking, "_feed", watched)
    cut = talking.look(tiny_planner.pictures())
    assert look.seen.startswith(cut.seen)
    assert len(read) == 2
    assert read[-1:] == tokens("[end]")


def test_pictures_of_another_size_are_scaled(talking: TalkingLlava, look: Look) -> None:
    large = [np.kron(picture, np.ones((2, 2, 1), np.uint8)) for picture in tiny_planner.pictures()]
    flat = [np.full((40, 60, 3), 90, np.uint8)] * 2
    plain = [np.full((32, 32, 3), 90, np.uint8)] * 2
    assert isinstance(talking.look(large), Look)
    assert talking.look(flat).seen == talking.look(plain).seen


def test_the_language_model_reads_a_look_when_something_is_asked() -> None:
    table = "red block table 3 4 ."
    told = TalkingLlava(tiny_planner.model(), tiny_planner.tokenizer(), read=lambda sighting: table)
    look = told.look(tiny_planner.pictures())
    assert look.seen == table
    assert look.cache is None
    first, odds = told.say(look, QUESTION), told.weigh(look, QUESTION, CHOICES)
    assert look.cache is not None
    assert told.say(told.look(tiny_planner.pictures()), QUESTION) == first
    assert np.array_equal(told.weigh(told.look(tiny_planner.pictures()), QUESTION, CHOICES), odds)


def test_whatever_is_said_a_look_stays_as_it_is(talking: TalkingLlava, look: Look) -> None:
    assert look.cache is not None
    length = look.cache.get_seq_length()
    layers: list[Any] = list(look.cache.layers)
    keys = [layer.keys.clone() for layer in layers]
    plan, odds = talking.say(look, GOAL, meaning_next), talking.weigh(look, QUESTION, CHOICES)
    answer = talking.say(look, QUESTION)
    for _ in range(2):
        assert talking.say(look, GOAL, meaning_next) == plan
        assert talking.say(look, QUESTION) == answer
        assert np.array_equal(talking.weigh(look, QUESTION, CHOICES), odds)
    assert look.cache.get_seq_length() == length
    assert all(torch.equal(layer.keys, key) for layer, key in zip(layers, keys, strict=True))
    fresh = talking.look(tiny_planner.pictures())
    assert np.array_equal(talking.weigh(fresh, QUESTION, CHOICES), odds)
    assert talking.say(fresh, GOAL, meaning_next) == plan


def test_a_grammar_that_breaks_leaves_the_look_as_it_is(talking: TalkingLlava, look: Look) -> None:
    assert look.cache is not None
    length = look.cache.get_seq_length()

    def broken(said: object) -> frozenset[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talking.say(look, GOAL, broken)
    assert look.cache.get_seq_length() == length


def test_weights_are_the_sums_of_log_probabilities_without_a_cache(talking: TalkingLlava, look: Look) -> None:
    odds = talking.weigh(look, QUESTION, CHOICES)
    assert odds == pytest.approx([weight(look, choice) for choice in CHOICES], abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_random_weights_say_nothing_outside_the_grammar(seed: int) -> None:
    talking = tiny_planner.talking(seed)
    look = talking.look(tiny_planner.pictures(seed))
    for goal in ("tidy up", "is the drawer open?"):
        meaning_next(talking.say(look, goal_words(goal), meaning_next).split())
        meaning_next(talking.understand(goal, meaning_next).split())


def test_inside_a_grammar_the_likeliest_word_is_said(talking: TalkingLlava, look: Look) -> None:
    words = ("red", "blue", "green", "tray", "bowl")

    def one_of(said: Sequence[str]) -> frozenset[str]:
        return frozenset(words) if not said else frozenset()

    log = uncached(look, QUESTION)[-1]
    likeliest = max(words, key=lambda word: float(log[tokens(word)]))
    assert talking.say(look, QUESTION, one_of) == likeliest


def test_a_word_that_is_no_token_is_refused_by_name(talking: TalkingLlava, look: Look) -> None:
    def foreign(said: object) -> frozenset[str]:
        return frozenset({"red", "zwetschgenkuchen"})

    with pytest.raises(ContractError, match="no token for the word 'zwetschgenkuchen'"):
        talking.say(look, GOAL, foreign)


def test_asking_too_much_at_once_is_refused(talking: TalkingLlava, look: Look) -> None:
    endless = goal_words("put the red block in the bowl and " * 200)
    for ask in (
        lambda: talking.say(look, endless, meaning_next),
        lambda: talking.weigh(look, endless, CHOICES),
        lambda: talking.understand("put the red block in the bowl and " * 200, meaning_next),
    ):
        with pytest.raises(ContractError, match="are asked at once; at most 512"):
            ask()


def test_it_is_a_vision_language_model(talking: TalkingLlava) -> None:
    assert isinstance(talking, VisionLanguageModel)
    front, wrist = tiny_planner.pictures()
    both = np.concatenate([front, wrist], axis=1)
    look = talking.look([front, wrist])
    assert talking.reply(both, "tidy up", meaning_next) == talking.say(
        look, question_words("tidy up"), meaning_next
    )
    assert talking.reply(both, "Is it done?") == talking.say(look, QUESTION, limit=120)
    assert np.array_equal(talking.score(both, "is it done?", CHOICES), talking.weigh(look, QUESTION, CHOICES))
    alone = talking.look([front, np.zeros_like(front)])
    assert np.array_equal(
        talking.score(front, "is it done?", CHOICES), talking.weigh(alone, QUESTION, CHOICES)
    )
    assert len(talking.reply(front, "is it done?", max_words=3).split()) <= 3


def test_it_comes_back_from_disk(talking: TalkingLlava, look: Look, tmp_path: Path) -> None:
    tiny_planner.model().save_pretrained(tmp_path)
    tiny_planner.tokenizer().save_pretrained(tmp_path)
    again = TalkingLlava.load(tmp_path)
    seen = again.look(tiny_planner.pictures())
    assert seen.seen == look.seen
    assert np.allclose(
        again.weigh(seen, QUESTION, CHOICES), talking.weigh(look, QUESTION, CHOICES), atol=1e-5
    )


def test_a_foreign_or_a_damaged_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="holds no planner's model: FileNotFoundError"):
        TalkingLlava.load(tmp_path)
    for text, why in (
        ("{", "holds no planner's model"),
        ("[]", "holds no planner's model"),
        (
            '{"vision_config": {"model_type": "clip_vision_model"}}',
            "eyes of type 'clip_vision_model', not 'handily",
        ),
        ('{"vision_config": {"model_type": "handily_scene"}}', "holds no whole model"),
    ):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ContractError, match=why) as told:
            TalkingLlava.load(tmp_path)
        assert str(tmp_path) in str(told.value)


def test_a_folder_that_lacks_weights_is_not_filled_up_with_noise(tmp_path: Path) -> None:
    model = tiny_planner.model()
    weights = {name: tensor for name, tensor in model.state_dict().items() if "projector" not in name}
    model.save_pretrained(tmp_path, state_dict=weights)
    with pytest.raises(ContractError, match="holds no whole model"):
        TalkingLlava.load(tmp_path)  # no tokenizer either
    tiny_planner.tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ContractError, match=r"the planner's model lacks .*projector"):
        TalkingLlava.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ContractError, match="holds no whole model"):
        TalkingLlava.load(tmp_path)
