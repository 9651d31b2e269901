"""Words of a small language model: how a talk is laid out, and a tokenizer for it.

A talk about one table is one line. The picture's tokens come first, then what is seen in it, in words; then
questions, each with what is said to it::

    [start] [picture]... [sees] bowl 4 7 ; red block table 9 3 . [end]
    [asks] is the bowl empty ? [says] yes . [end]

Since the picture comes before everything else, it is read once for all that is said about it, and a language
model that has only ever read tables in words already knows what to do with what it sees. What a sentence
means is a line of its own, before anybody has looked::

    [start] [goal] get me the red cube in the drawer [says] put the red block inside drawer in table . [end]
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from vla.contract import ContractError

PAD, UNKNOWN, START, PICTURE = "[pad]", "[unk]", "[start]", "[picture]"
SEES, GOAL, ASKS, SAYS, END = "[sees]", "[goal]", "[asks]", "[says]", "[end]"
SPECIAL: Final = (PAD, UNKNOWN, START, PICTURE, SEES, GOAL, ASKS, SAYS, END)


def spaced(text: str) -> str:
    """Lower case, accents dropped, every punctuation mark a word of its own.

    Brackets are left out, so that nobody can say one of the :data:`SPECIAL` words.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).lower())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z]+|[0-9]+|[^\sa-z0-9\[\]]", letters))


def seen_words(seen: str) -> str:
    """What is seen, laid out."""
    return f"{SEES} {spaced(seen)} {END}"


def goal_words(goal: str) -> str:
    """A sentence, laid out up to where its meaning begins."""
    return f"{GOAL} {spaced(goal)} {SAYS}"


def question_words(question: str) -> str:
    """A question, laid out up to where the answer begins."""
    return f"{ASKS} {spaced(question)} {SAYS}"


def reply_words(reply: str) -> str:
    """What is said, laid out."""
    return f"{spaced(reply)} {END}"


def train_tokenizer(texts: Iterable[str], words: Iterable[str], size: int = 2048) -> PreTrainedTokenizerFast:
    """Learn a byte-pair tokenizer in which frequent words are one token each, the same one every time.

    Args:
        texts: Talks, spaced.
        words: Words that must be one token each, whatever their frequency.
        size: Largest vocabulary.

    Raises:
        ContractError: so small a vocabulary has no room for all of ``words``.
    """
    words = list(words)
    # Words are told apart by a mark before them, not by a suffix: suffixed letters get their ids in the order
    # of a hash table, which differs from run to run.
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    plain = [normalizers.NFKD(), normalizers.Lowercase(), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(plain)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'-:;"
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=list(letters),
        show_progress=False,
    )
    must = [word for word in words for _ in range(10_000)]
    tokenizer.train_from_iterator([*texts, *must], trainer)
    if pieces := sorted(word for word in set(words) if len(tokenizer.encode(word).ids) != 1):
        lost = ", ".join(pieces[:5])
        raise ContractError(f"a vocabulary of {size} has no room for a token of its own for {lost}")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, bos_token=START, eos_token=END
    )
