"""Words to tokens: a small byte-pair tokenizer trained on the instructions, and a transformer encoder."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn

from vla.models.attention import Block

PAD, UNKNOWN, START = "[pad]", "[unk]", "[start]"


@dataclass(frozen=True)
class TextConfig:
    """Sizes of :class:`TextEncoder`.

    Attributes:
        vocabulary: Rows of the embedding; at least the tokenizer's size.
        max_tokens: Longest instruction in tokens, the start token included; longer ones are cut.
        width: Token width D.
        depth: Transformer blocks.
        heads: Attention heads; must divide ``width``.
        ratio: Hidden width of a feed-forward over ``width``.
    """

    vocabulary: int = 800
    max_tokens: int = 32
    width: int = 128
    depth: int = 2
    heads: int = 4
    ratio: int = 2


class InstructionTokenizer:
    """Lower-cased byte-pair encoding with a start token, padding and a cap on the length."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary: int = 800, max_tokens: int = 32) -> InstructionTokenizer:
        """Learn the merges from ``texts``; every letter and digit is known even where no text holds it."""
        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[PAD, UNKNOWN, START],
            initial_alphabet=list(string.ascii_lowercase + string.digits + ".,?!'-"),
            show_progress=False,
        )
        tokenizer.train_from_iterator(sorted(set(texts)), trainer)
        return cls(tokenizer, max_tokens)

    @classmethod
    def load(cls, path: Path, max_tokens: int = 32) -> InstructionTokenizer:
        """Read a ``tokenizer.json``."""
        return cls(Tokenizer.from_str(path.read_text(encoding="utf-8")), max_tokens)

    def to_json(self) -> str:
        """The text of a ``tokenizer.json``."""
        return self._tokenizer.to_str(pretty=True)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def __call__(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Encode instructions.

        Args:
            texts: n instructions.

        Returns:
            Ids (n, L) padded with 0, and a mask (n, L) that is True on tokens; L is the longest
            instruction's length, at most ``max_tokens``, and at least 1 thanks to the start token.
        """
        start = self._tokenizer.token_to_id(START)
        rows = [[start, *self._tokenizer.encode(text).ids][: self.max_tokens] for text in texts]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros(ids.shape, np.bool_)
        for row, values in enumerate(rows):
            ids[row, : len(values)] = values
            mask[row, : len(values)] = True
        return ids, mask


class TextEncoder(nn.Module):
    """Embeds an instruction's tokens in the light of each other."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.position = nn.Parameter(torch.randn(config.max_tokens, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.ratio) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Ids (B, L) with a mask (B, L), True on tokens -> (B, L, D); rows off the mask are meaningless."""
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)
