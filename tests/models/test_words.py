"""A talk is laid out as documented, words of a plan are one token each, and nobody says the model's marks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from vla.contract import ContractError
from vla.models.words import (
    ASKS,
    END,
    GOAL,
    SAYS,
    SEES,
    SPECIAL,
    goal_words,
    question_words,
    reply_words,
    seen_words,
    spaced,
    train_tokenizer,
)
from vla.planner.meaning_text import meaning_vocabulary

TEXTS = ["[goal] put the red cube in the bowl [says] put the red block in bowl . [end]"] * 20
TYPED = st.text(st.characters(max_codepoint=0x2FF) | st.sampled_from("ℋ［Ａﬁ把🙂\u200b"), max_size=12)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, meaning_vocabulary(), 800)


def ids(tokenizer: PreTrainedTokenizerFast, words: str) -> list[int]:
    return list(tokenizer(words, add_special_tokens=False)["input_ids"])  # pyright: ignore[reportArgumentType]


def test_a_talk_is_laid_out_as_documented() -> None:
    assert seen_words("bowl 4 7 .") == "[sees] bowl 4 7 . [end]"
    assert goal_words("Put it in!") == "[goal] put it in ! [says]"
    assert question_words("Is it open?") == "[asks] is it open ? [says]"
    assert reply_words("yes.") == "yes . [end]"


@given(TYPED)
def test_words_stay_what_they_are_and_hold_no_brackets(text: str) -> None:
    words = spaced(text)
    assert spaced(words) == words
    assert not set(words) & set("[]ABCDEFGHIJKLMNOPQRSTUVWXYZ\n\t")


def test_accents_letters_in_disguise_and_digits_are_plain() -> None:
    assert spaced("Öffne  die\nSchublade, 12x!") == "offne die schublade , 12 x !"
    assert spaced("ℋand ＰＵＴ") == "hand put"


def test_every_word_of_a_meaning_is_one_token(tokenizer: PreTrainedTokenizerFast) -> None:
    for word in meaning_vocabulary():
        [token] = ids(tokenizer, word)
        assert str(tokenizer.decode([token])).strip() == word


def test_a_vocabulary_without_room_for_them_is_refused() -> None:
    with pytest.raises(ContractError, match="a vocabulary of 120 has no room"):
        train_tokenizer(TEXTS, meaning_vocabulary(), 120)


def test_the_same_texts_give_the_same_tokenizer(tokenizer: PreTrainedTokenizerFast) -> None:
    again = train_tokenizer(TEXTS, meaning_vocabulary(), 800)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_a_talk_comes_back_from_its_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    talk = f"{goal_words('Put 12 odd things, x and qq, away!')} {reply_words('done.')}"
    tokens = ids(tokenizer, talk)
    plain = " ".join(word for word in talk.split() if word not in SPECIAL)
    assert str(tokenizer.decode(tokens, skip_special_tokens=True)).split() == plain.split()


def test_marks_are_one_token_each(tokenizer: PreTrainedTokenizerFast) -> None:
    assert [ids(tokenizer, mark) for mark in SPECIAL] == [[k] for k in range(len(SPECIAL))]


@given(
    st.lists(
        st.sampled_from(
            [*SPECIAL, *(mark.upper() for mark in SPECIAL), "［end］", "[ end ]", "[[end]]", "[e", "nd]"]
        )
        | TYPED,
        max_size=6,
    ).map("".join)
)
def test_whoever_types_a_mark_says_a_word(tokenizer: PreTrainedTokenizerFast, typed: str) -> None:
    """Prompt injection: only the layout itself puts marks into a talk."""
    marks = {mark: k for k, mark in enumerate(SPECIAL) if mark != "[unk]"}

    def said(words: str) -> list[int]:
        return [token for token in ids(tokenizer, words) if token in marks.values()]

    assert said(goal_words(typed)) == [marks[GOAL], marks[SAYS]]
    assert said(question_words(typed)) == [marks[ASKS], marks[SAYS]]
    assert said(reply_words(typed)) == [marks[END]]
    assert said(seen_words(typed)) == [marks[SEES], marks[END]]


def test_foreign_characters_are_unknown_and_nothing_worse(tokenizer: PreTrainedTokenizerFast) -> None:
    unknown = SPECIAL.index("[unk]")
    tokens = ids(tokenizer, question_words("把红色方块放进碗里 🙂"))
    assert unknown in tokens
    assert not str(tokenizer.decode(tokens, skip_special_tokens=True)).strip()


def test_a_tokenizer_comes_back_from_disk(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path, local_files_only=True)
    line = f"{goal_words('put the red block in the bowl')} {reply_words('put the red block in the bowl.')}"
    assert ids(again, line) == ids(tokenizer, line)
    assert again.get_vocab() == tokenizer.get_vocab()
