"""Sentences on disk: all of them or a named fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vla.dataset.schema import DatasetError
from vla.dataset.sentences import FILE, Sentence, read_sentences, write_sentences

SAID = [Sentence("shut it", "close ."), Sentence("öffne die lade", "open .")]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_sentences(tmp_path / "new", SAID)
    assert read_sentences(tmp_path / "new") == SAID
    write_sentences(tmp_path / "new", SAID[:1])
    assert read_sentences(tmp_path / "new") == SAID[:1]


@pytest.mark.parametrize(
    "line", ["{", "null", "[1]", json.dumps({"said": "x"}), json.dumps({"said": "x", "meant": 3})]
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    write_sentences(tmp_path, SAID)
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text() + line + "\n")
    with pytest.raises(DatasetError, match=r"sentences\.jsonl: .* is no sentence"):
        read_sentences(tmp_path)


def test_a_folder_without_sentences_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="handily collect sentences=400000 out="):
        read_sentences(tmp_path)
    write_sentences(tmp_path, [])
    with pytest.raises(DatasetError, match="is empty"):
        read_sentences(tmp_path)
