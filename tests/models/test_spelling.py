"""Whatever the tokenizer, what is decoded stays inside the grammar, and all of the grammar can be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from vla.models.spelling import Spelled, Speller, SpellingError, TokenTexts, render
from vla.planner.grammar import ANSWERS, STEPS, allowed_next, parse, tokens, vocabulary

CORPUS = [*STEPS, *ANSWERS, *sorted(vocabulary()), "done. cannot: because there is no red ball; answer:"]
SAID = (
    "open the drawer; take the red ball out of the drawer.",
    "done.",
    "cannot: because there is no red ball.",
    "answer: on the orange block.",
)


def byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet))
    return made


def sentencepiece() -> Tokenizer:
    """As Llama's and Gemma's: spaces are marked, foreign letters fall back to bytes."""
    made = Tokenizer(models.BPE(byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    # Without a pre-tokenizer pieces grow across words, as "▁the▁" here: such a token must not be used.
    made.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>"]))
    return made


def word_pieces() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(cleanup=False)
    made.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=["<unk>"]))
    return made


def whole_words() -> Tokenizer:
    words = sorted({word for text in (*CORPUS, *SAID) for word in tokens(text)})
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["<unk>", *words])}, "<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "byte-level": byte_level,
    "sentencepiece": sentencepiece,
    "word pieces": word_pieces,
    "whole words": whole_words,
}


@pytest.fixture(scope="module", params=list(KINDS))
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return PreTrainedTokenizerFast(tokenizer_object=KINDS[request.param](), unk_token="<unk>")


@pytest.fixture(scope="module")
def speller(tokenizer: Any) -> Speller:
    return Speller(TokenTexts(tokenizer), allowed_next)


@pytest.mark.parametrize("seed", range(20))
def test_any_way_through_the_tokens_is_a_sentence_of_the_grammar(
    tokenizer: Any, speller: Speller, seed: int
) -> None:
    rng, spelled, ids = np.random.default_rng(seed), Spelled(), list[int]()
    while choices := speller.next_tokens(spelled):
        ids.append(int(rng.choice(choices)))
        spelled = speller.after(spelled, ids[-1])
        assert len(ids) < 2000
    text = render(speller.words(spelled))
    assert render(tokens(text)) == text
    # The tokens themselves say the same as the words that the speller has read in them.
    behind = tokenizer.encode("a", add_special_tokens=False)
    said = tokenizer.decode([*behind, *ids], clean_up_tokenization_spaces=False)
    assert parse(said.removeprefix("a").strip()) == parse(text)


@pytest.mark.parametrize("text", SAID)
def test_a_sentence_is_said_in_the_tokenizers_own_tokens(tokenizer: Any, speller: Speller, text: str) -> None:
    spelled = Spelled()
    for token in _within_words(tokenizer, text):
        assert token in speller.next_tokens(spelled), (text, spelled)
        spelled = speller.after(spelled, token)
    assert render(speller.words(spelled)) == text
    assert speller.next_tokens(spelled) == ()


def _within_words(tokenizer: Any, text: str) -> list[int]:
    """The tokens of each word by itself, with its space, as a tokenizer that parts words gives them."""
    anchor = tokenizer.encode("a", add_special_tokens=False)
    ids: list[int] = []
    for word in tokens(text):
        piece = f"a {word}" if word.isalpha() else f"a{word}"
        found = tokenizer.encode(piece, add_special_tokens=False)
        assert found[: len(anchor)] == anchor
        ids += found[len(anchor) :]
    return ids


def test_a_word_is_spelled_out_once_however_often_it_is_asked_for(tokenizer: Any) -> None:
    asked: list[tuple[str, ...]] = []

    def counted(words: Sequence[str]) -> frozenset[str]:
        asked.append(tuple(words))
        return allowed_next(words)

    speller = Speller(TokenTexts(tokenizer), counted)
    first = speller.next_tokens(Spelled())
    often = len(asked)
    assert speller.next_tokens(Spelled()) == first
    assert len(asked) == often


def test_a_token_that_leads_nowhere_is_not_offered() -> None:
    made = Tokenizer(
        models.WordLevel({"<unk>": 0, "a": 1, "r": 2, "red": 3, "b": 4, "lue": 5, "gr": 6}, "<unk>")
    )
    made.decoder = decoders.Fuse()
    speller = Speller(
        TokenTexts(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")),
        lambda words: frozenset() if words else frozenset({"red", "blue", "green"}),
    )
    assert speller.next_tokens(Spelled()) == (3, 4)  # "r" and "gr" would have nothing to go on with
    assert speller.next_tokens(speller.after(Spelled(), 4)) == (5,)


def test_words_without_tokens_are_named() -> None:
    made = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, "<unk>"))
    texts = TokenTexts(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>"))
    with pytest.raises(SpellingError, match=r"no tokens for .*answer"):
        Speller(texts, lambda words: frozenset({"answer"})).next_tokens(Spelled())
