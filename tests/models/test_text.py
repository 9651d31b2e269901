from pathlib import Path

import numpy as np

from vla.models.text import InstructionTokenizer

TEXTS = ["put the red block in the bowl", "open the drawer", "stack the green block on the yellow block"]


def test_case_does_not_matter_and_words_do() -> None:
    tokenizer = InstructionTokenizer.train(TEXTS, 200)
    ids, mask = tokenizer(["Open the DRAWER", "open the drawer", "open the bowl"])
    assert mask[0].sum() == mask[1].sum()
    assert np.array_equal(ids[0], ids[1])
    assert not np.array_equal(ids[1], ids[2])


def test_an_unseen_word_is_spelled_not_lost() -> None:
    tokenizer = InstructionTokenizer.train(TEXTS, 200)
    ids, mask = tokenizer(["grab the zebra", "grab the quilt"])
    assert not np.array_equal(ids[0][mask[0]], ids[1][mask[1]])


def test_length_is_capped_and_never_zero() -> None:
    tokenizer = InstructionTokenizer.train(TEXTS, 200, max_tokens=6)
    assert tokenizer([" ".join(TEXTS)])[0].shape == (1, 6)
    assert tokenizer([""])[1].sum() == 1


def test_training_does_not_depend_on_order_and_survives_a_file(tmp_path: Path) -> None:
    one = InstructionTokenizer.train(TEXTS, 200)
    two = InstructionTokenizer.train(reversed(TEXTS), 200)
    assert one.to_json() == two.to_json()
    (tmp_path / "tokenizer.json").write_text(one.to_json())
    again = InstructionTokenizer.load(tmp_path / "tokenizer.json")
    assert np.array_equal(one(TEXTS)[0], again(TEXTS)[0])
    assert len(again) == len(one)
