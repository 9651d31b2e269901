"""Scenes and records on disk: the same each time, finished after an interruption, seen in a sheet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sim.instruct import drawing
from sim.instruct.context import as_json, context_text, from_json
from sim.instruct.drawing import SceneSettings, draw_scenes, read_contexts
from sim.instruct.records import Record, counts, read_records, templated, write_records
from sim.instruct.sheet import talk_sheet
from sim.instruct.still_scenes import scenes_of_stills
from sim.randomise import Randomise
from sim.stills import StillSettings, draw_stills
from vla.contract import ContractError
from vla.dataset.schema import DatasetError

SMALL = 64
COUNT = 12


def settings(root: Path, seed: int = 0) -> SceneSettings:
    return SceneSettings(root, COUNT, seed, SMALL)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("vqa") / "some"
    assert list(draw_scenes(settings(root), workers=0)) == [0, COUNT]
    return root


def test_a_scene_has_a_picture_and_a_context(drawn: Path):
    contexts = read_contexts(drawn)
    assert [context["id"] for context in contexts] == [f"{k:06d}" for k in range(COUNT)]
    for context in contexts:
        with Image.open(drawn / context["image"]) as picture:
            assert picture.size == (SMALL, SMALL)
            assert np.asarray(picture).std() > 5
        scene = from_json(context["scene"])
        assert as_json(scene) == context["scene"]
        assert context_text(scene) == context["text"]
    assert not list(drawn.glob("block-*"))


def test_boxes_lie_around_what_they_name(drawn: Path):
    """In the box of a thing there is much of its colour, and none where the box is not."""
    hues = {"red": (0, 2), "green": (1, 0), "blue": (2, 0)}
    found = 0
    for context in read_contexts(drawn):
        scene = from_json(context["scene"])
        picture = np.asarray(Image.open(drawn / context["image"]).convert("RGB"), np.float64)
        for name, (left, top, right, bottom) in scene.boxes.items():
            assert 0 <= left <= right <= 1
            assert 0 <= top <= bottom <= 1
            colour, *_ = name.split()
            alone = [n for n in scene.boxes if n != name and n.split()[0] in (colour, "button", "zone")]
            if colour not in hues or alone or scene.state.inside("hand"):
                continue
            strong, weak = hues[colour]
            excess = picture[..., strong] - picture[..., weak]
            box = excess[
                int(top * SMALL) : int(bottom * SMALL) + 1, int(left * SMALL) : int(right * SMALL) + 1
            ]
            found += box.max() > 60
    assert found >= 3


def test_an_interrupted_run_goes_on_and_the_same_seeds_give_the_same(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drawing, "_BLOCK", 5)
    run = draw_scenes(settings(tmp_path / "again"), workers=0)
    assert [next(run), next(run)] == [0, 5]
    del run
    assert not (tmp_path / "again" / "contexts.jsonl").exists()
    assert list(draw_scenes(settings(tmp_path / "again"), workers=0)) == [5, 10, COUNT]
    assert read_contexts(tmp_path / "again") == read_contexts(drawn)
    for context in read_contexts(drawn):
        assert (drawn / context["image"]).read_bytes() == (tmp_path / "again" / context["image"]).read_bytes()
    assert list(draw_scenes(settings(tmp_path / "again"), workers=0)) == [COUNT]


def test_a_folder_of_something_else_is_left_alone(drawn: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match="other settings"):
        list(draw_scenes(settings(drawn, seed=1), workers=0))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not empty"):
        list(draw_scenes(settings(tmp_path), workers=0))
    with pytest.raises(DatasetError, match="handily vqa generate"):
        read_contexts(tmp_path)
    with pytest.raises(ContractError, match="seed -1"):
        settings(tmp_path, seed=-1)


def test_evaluation_draws_other_scenes(drawn: Path, tmp_path: Path):
    examined = SceneSettings(tmp_path / "test", 3, image_size=SMALL, evaluation=True)
    list(draw_scenes(examined, workers=0))
    seeds = [context["seed"] for context in read_contexts(tmp_path / "test")]
    assert min(seeds) >= 1_000_000
    assert not set(seeds) & {context["seed"] for context in read_contexts(drawn)}


def test_records_are_llavas(drawn: Path):
    records = [record for context in read_contexts(drawn) for record in templated(context)]
    assert {record.kind for record in records} == {"conversation", "description", "reasoning"}
    assert records == [record for context in read_contexts(drawn) for record in templated(context)]
    write_records(drawn, records)
    assert read_records(drawn) == records
    for line in (drawn / "data.jsonl").read_text().splitlines():
        data = json.loads(line)
        talk = data["conversations"]
        assert [part["from"] for part in talk] == ["human", "gpt"] * (len(talk) // 2)
        assert talk[0]["value"].startswith("<image>\n")
        assert all("<image>" not in part["value"] for part in talk[1:])
        assert (drawn / data["image"]).exists()
    assert len({record.id for record in records}) == len(records)
    assert sum(counts(records).values()) == sum(len(record.turns) for record in records)


def test_the_test_split_speaks_other_words(drawn: Path):
    spoken = [
        {
            turn.question
            for context in read_contexts(drawn)
            for r in templated(context, split)
            for turn in r.turns
        }
        for split in ("train", "test")
    ]
    assert not spoken[0] & spoken[1]


def test_a_damaged_record_is_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="holds no data"):
        read_records(tmp_path)
    (tmp_path / "data.jsonl").write_text('{"id": "1"}\n')
    with pytest.raises(DatasetError, match="line 1"):
        read_records(tmp_path)


def test_the_sheet_shows_pictures_beside_words(drawn: Path, tmp_path: Path):
    contexts = {context["image"]: context for context in read_contexts(drawn)}
    records = [record for context in list(contexts.values())[:2] for record in templated(context)]
    size = talk_sheet(drawn, records, contexts, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == size
        columns = np.asarray(sheet.convert("L"), np.float64)
    assert columns[:, :230].std() > 20
    assert columns[:, 250:].std() > 5
    with pytest.raises(DatasetError, match="at least one"):
        talk_sheet(drawn, [], contexts, tmp_path / "none.png")
    lost = Record("x", "images/nowhere.png", "description", records[1].turns)
    with pytest.raises(DatasetError, match="nowhere"):
        talk_sheet(drawn, [lost], contexts, tmp_path / "none.png")


def test_stills_are_told_where_everything_has_a_name(tmp_path: Path):
    plain = StillSettings(
        tmp_path / "stills", 8, image_size=SMALL, switches=Randomise(unnamed=False), tableaux=True
    )
    list(draw_stills(plain, workers=0))
    assert list(scenes_of_stills(tmp_path / "stills", tmp_path / "told"))[-1] == (8, 8)
    contexts = read_contexts(tmp_path / "told")
    assert len(contexts) == 8
    assert all(templated(context) for context in contexts)
    mixed = StillSettings(tmp_path / "mixed", 12, image_size=SMALL)
    list(draw_stills(mixed, workers=0))
    list(scenes_of_stills(tmp_path / "mixed", tmp_path / "fewer"))
    assert 0 < len(read_contexts(tmp_path / "fewer")) < 12
