"""The planner's training: from lessons to a planner, the same however often it is interrupted."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import LlavaForConditionalGeneration

from policies import planner_stages
from policies.augmentation import AugmentConfig
from policies.checkpoint import list_checkpoints, read_checkpoint
from policies.lesson_books import meanings_of, pad_id, read_pictures
from policies.manifest import CheckpointError
from policies.planner_config import PlannerTrainConfig, StageConfig, StageProgress
from policies.planner_stages import Course, TalkStage
from policies.planner_training import train_planner
from policies.stage_training import InterruptedStageError
from vla.conformance import check_planner
from vla.contract import ContractError, Observation
from vla.dataset.conversations import DATA, IMAGE
from vla.dataset.schema import DatasetError
from vla.dataset.sentences import Sentence, write_sentences
from vla.models.llava import embedded, load_small_llava
from vla.models.talking import TalkingLlava
from vla.models.words import train_tokenizer
from vla.planner.grammar import NAMES
from vla.planner.llava import LlavaPlanner

STAGES = ("words", "eyes", "projector", "talk")
STEPS = 3


def sentences(root: Path) -> Path:
    """Twelve ways of asking for twelve things."""
    write_sentences(root, [Sentence(f"get me the {name}", f"hold the {name} .") for name in NAMES[:12]])
    return root


@pytest.fixture(scope="module")
def config(
    tmp_path_factory: pytest.TempPathFactory, trained: Path, make_lessons: Callable[..., Path]
) -> PlannerTrainConfig:
    root = tmp_path_factory.mktemp("school")
    stage = StageConfig(STEPS, 4, 1e-2, 1, ema_decay=0.5)
    return PlannerTrainConfig(
        lessons=(str(make_lessons(root / "pictures", 12)),),
        told=(str(make_lessons(root / "told", 12, pictures=False, seed=1)),),
        sentences=(str(sentences(root / "sentences")),),
        output=str(root / "run"),
        eyes_from=str(trained),
        threads=1,
        held_back=4,
        log_every=1,
        check_every=2,
        vocabulary=700,
        width=32,
        depth=1,
        heads=2,
        hidden=32,
        talk_share=0.5,
        augment=AugmentConfig(cutout_px=8),
        **dict.fromkeys(STAGES, stage),
    )


@pytest.fixture(scope="module")
def told() -> list[StageProgress]:
    return []


@pytest.fixture(scope="module")
def planner(config: PlannerTrainConfig, told: list[StageProgress]) -> Path:
    return train_planner(config, told.append, lambda _: None)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def last(config: PlannerTrainConfig, stage: str) -> dict[str, torch.Tensor]:
    """The averaged weights that a stage ended with."""
    return weights_of(list_checkpoints(Path(config.output) / stage)[-1])


def test_lessons_become_a_planner(planner: Path, config: PlannerTrainConfig) -> None:
    assert planner == Path(config.output) / "planner"
    made = LlavaPlanner(TalkingLlava.load(planner))
    images = {name: np.full((32, 32, 3), 120, np.uint8) for name in ("front", "wrist")}
    check_planner(made, "store the red block", Observation(images, np.zeros(3, np.float32), 0.0))
    assert {tensor.dtype for tensor in weights_of(planner).values()} == {torch.bfloat16}


def test_it_tells_how_every_stage_goes(planner: Path, told: list[StageProgress]) -> None:
    assert list(dict.fromkeys(progress.stage for progress in told)) == list(STAGES)
    for stage in STAGES:
        progress = [p for p in told if p.stage == stage]
        assert [p.step for p in progress] == [1, 2, 3]
        assert [bool(p.checked) for p in progress] == [False, True, True]
        assert all("total" in p.losses and p.samples_per_s > 0 and p.left_s >= 0 for p in progress)
        assert progress[-1].left_s == 0
        assert all(0 <= value <= 1 for value in progress[-1].checked.values())
    for stage, checked in (
        ("words", {"exact told", "exact sentences"}),
        ("projector", {"exact pictures"}),
        ("talk", {"exact pictures", "exact sentences"}),
    ):
        assert {name for p in told if p.stage == stage for name in p.checked} == checked


def test_a_stage_changes_what_it_trains_and_nothing_else(planner: Path, config: PlannerTrainConfig) -> None:
    tower = "model.vision_tower.eyes."
    projector = "model.multi_modal_projector."
    language = "model.language_model."
    words, bridged, talked = (last(config, stage) for stage in ("words", "projector", "talk"))
    eyes = last(config, "eyes")

    def changed(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], prefix: str) -> bool:
        names = [name for name in one if name.startswith(prefix)]
        assert names
        return not all(torch.equal(one[name], other[name]) for name in names)

    assert not changed(words, bridged, language)
    assert changed(words, bridged, projector)
    assert changed(bridged, talked, language)
    assert changed(bridged, talked, projector)
    assert not changed(bridged, talked, tower)
    seen = {tower + name: tensor for name, tensor in eyes.items()}
    assert not changed(seen, bridged, tower)
    assert changed(words, bridged, tower)  # the eyes are taught after the words
    assert changed(eyes, read_checkpoint(config.eyes_from).weights, "vision.")
    shipped = weights_of(planner)["multi_modal_projector.linear_1.weight"]
    assert torch.equal(shipped, talked[f"{projector}linear_1.weight"].bfloat16())


def test_interrupted_at_every_stage_it_ends_with_the_same_weights(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    again = replace(config, output=str(tmp_path / "run"))
    stopped: list[str] = []

    def stop(progress: StageProgress) -> None:
        if progress.step == 1 and progress.stage not in stopped:
            stopped.append(progress.stage)
            signal.raise_signal(signal.SIGINT)

    for _ in STAGES:
        with pytest.raises(InterruptedStageError):
            train_planner(again, stop, lambda _: None)
    folder = train_planner(again, stop, lambda _: None)
    assert stopped == list(STAGES)
    wanted, found = weights_of(planner), weights_of(folder)
    assert wanted.keys() == found.keys()
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []


def test_stopped_between_looking_and_talking_it_sees_the_same(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    again = replace(config, output=str(tmp_path / "run"))
    looked: list[int] = []

    def look_away(done: int) -> None:
        looked.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_planner(again, lambda _: None, look_away)
    folder = train_planner(again, lambda _: None, lambda _: None)
    assert looked == [12]
    wanted, found = weights_of(planner), weights_of(folder)
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []


def test_eyes_may_be_those_of_another_planner(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    still = replace(config.eyes, steps=0)
    output = str(tmp_path / "run")
    again = replace(config, output=output, eyes_from=str(planner), eyes=still, words=still, talk=still)
    found, before = weights_of(train_planner(again, lambda _: None, lambda _: None)), weights_of(planner)
    names = [name for name in before if ".eyes." in name]
    assert names
    assert all(torch.equal(found[name], before[name]) for name in names)
    assert any(not torch.equal(found[name], before[name]) for name in before if name not in names)


def test_adapters_change_the_maps_by_as_little_as_their_rank_and_nothing_else(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    shutil.copytree(config.output, tmp_path / "run", ignore=shutil.ignore_patterns("talk", "planner"))
    narrow = replace(config, output=str(tmp_path / "run"), lora_rank=2)
    stopped: list[int] = []

    def stop(progress: StageProgress) -> None:
        stopped.append(progress.step)
        if len(stopped) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedStageError):
        train_planner(narrow, stop, lambda _: None)
    folder = train_planner(narrow, stop, lambda _: None)
    assert stopped[0] == 1
    found = weights_of(folder)
    assert found.keys() == weights_of(planner).keys()
    embedding = last(config, "words")["model.language_model.embed_tokens.weight"]
    assert torch.equal(found["language_model.model.embed_tokens.weight"], embedding.bfloat16())
    talked = last(narrow, "talk")
    maps = [name for name in talked if name.endswith("lora_B.default.weight")]
    assert len(maps) == 7
    for name in maps:
        assert talked[name].abs().max() > 0
        stem = name.removesuffix(".lora_B.default.weight")
        before = last(config, "words")[f"{stem}.weight"]
        merged = before + 2.0 * talked[name] @ talked[f"{stem}.lora_A.default.weight"]
        kept = found[stem.replace("model.language_model.", "language_model.model.") + ".weight"]
        torch.testing.assert_close(kept, merged.bfloat16(), rtol=1e-2, atol=1e-3)
        assert torch.linalg.matrix_rank(merged - before, atol=1e-6) <= 2


@pytest.mark.parametrize("hidden_share", [0.0, 1.0])
def test_a_share_of_its_own_words_is_hidden_while_it_learns_and_none_when_it_is_checked(
    planner: Path, monkeypatch: pytest.MonkeyPatch, hidden_share: float
) -> None:
    model, tokenizer = load_small_llava(str(planner))
    book = meanings_of([Sentence("get me a cup", "hold the red block .")] * 4, tokenizer)
    said, pad = {int(i) for i in book[0].ids[book[0].said]}, pad_id(tokenizer)
    shown: list[torch.Tensor] = []

    def looked_at(model: LlavaForConditionalGeneration, ids: torch.Tensor, sights: None) -> torch.Tensor:
        shown.append(ids)
        return embedded(model, ids, sights)

    monkeypatch.setattr(planner_stages, "embedded", looked_at)
    course = Course(book, {"more": book})
    stage = TalkStage("words", model, StageConfig(1, 4, 1e-3, 1), (course,), pad, 0, 0.1, hidden_share)
    stage.losses(0)
    stage.check()
    learned, checked = (sum(int((ids == i).sum()) for i in said) for ids in shown)
    assert checked == 4 * int(book[0].said.sum())
    assert learned == (0 if hidden_share else checked)


def test_conversations_about_pictures_are_learned_from_too(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    shutil.copytree(config.output, tmp_path / "run", ignore=shutil.ignore_patterns("talk", "planner"))
    root = tmp_path / "chats"
    write_chats(root, [f"{k % 3}.png" for k in range(9)])
    run = str(tmp_path / "run")
    more = replace(config, output=run, visual=(str(root),), visual_share=1.0, sentence_share=0.0)
    told: list[StageProgress] = []
    seen: list[int] = []
    folder = train_planner(more, told.append, seen.append)
    assert seen[-3:] == [1, 2, 3]
    assert {name for p in told for name in p.checked} == {"exact chats"}
    before, after = weights_of(planner), weights_of(folder)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    write_chats(root, ["0.png"] * 4)
    with pytest.raises(DatasetError, match=r"held_back=4 of each folder leave none: 4 in .*chats"):
        train_planner(more, lambda _: None, lambda _: None)


def write_chats(root: Path, images: list[str]) -> None:
    """A conversation about each of some grey pictures."""
    root.mkdir(exist_ok=True)
    talk = [("human", IMAGE + "what is it?"), ("gpt", "it is grey."), ("human", "sure?"), ("gpt", "yes.")]
    lines = []
    for k, name in enumerate(images):
        Image.fromarray(np.full((40, 40, 3), 50 * k % 256, np.uint8)).save(root / name)
        lines.append({"image": name, "conversations": [{"from": who, "value": said} for who, said in talk]})
    (root / DATA).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_pictures_of_another_size_are_refused(config: PlannerTrainConfig) -> None:
    with pytest.raises(DatasetError, match=r"pictures of 32x32 pixels, not 64x64"):
        read_pictures(config.lessons, 64)


def test_what_is_finished_is_taken_over(planner: Path, config: PlannerTrainConfig) -> None:
    before = (planner / "model.safetensors").read_bytes()
    told: list[StageProgress] = []
    train_planner(config, told.append, lambda _: None)
    assert told == []
    assert (planner / "model.safetensors").read_bytes() == before


def test_a_run_of_other_sizes_is_not_gone_on_with(planner: Path, config: PlannerTrainConfig) -> None:
    with pytest.raises(CheckpointError, match="does not fit the network"):
        train_planner(replace(config, width=64), lambda _: None, lambda _: None)


def test_too_few_lessons_are_refused_by_number(config: PlannerTrainConfig, tmp_path: Path) -> None:
    few = replace(config, output=str(tmp_path / "run"), held_back=12)
    with pytest.raises(DatasetError, match=r"held_back=12 of each folder leave none: 12 in .*pictures"):
        train_planner(few, lambda _: None, lambda _: None)
    with pytest.raises(DatasetError, match="holds no lessons"):
        train_planner(replace(few, told=(str(tmp_path / "nowhere"),)), lambda _: None, lambda _: None)


def test_without_anything_held_back_nothing_is_checked(config: PlannerTrainConfig, tmp_path: Path) -> None:
    told: list[StageProgress] = []
    quick = replace(config, output=str(tmp_path / "run"), held_back=0, eyes=replace(config.eyes, steps=0))
    train_planner(quick, told.append, lambda _: None)
    assert {progress.stage for progress in told} == {"words", "projector", "talk"}
    assert not any(progress.checked for progress in told)


def test_a_run_may_begin_with_another_planners_weights(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    stages = {name: replace(getattr(config, name), steps=0) for name in STAGES}
    again = replace(config, output=str(tmp_path / "run"), start_from=str(planner), seed=9, **stages)
    folder = train_planner(again, lambda _: None, lambda _: None)
    wanted, found = weights_of(planner), weights_of(folder)
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    assert (planner / "tokenizer.json").read_text() == (folder / "tokenizer.json").read_text()
    wider = replace(again, output=str(tmp_path / "wider"), width=64)
    with pytest.raises(CheckpointError, match="does not fit"):
        train_planner(wider, lambda _: None, lambda _: None)
    lost = replace(again, output=str(tmp_path / "lost"), start_from=str(tmp_path / "nowhere"))
    with pytest.raises(ContractError, match="holds no planner's model"):
        train_planner(lost, lambda _: None, lambda _: None)


def test_a_planner_that_does_not_know_the_words_of_meanings_is_not_begun_with(
    planner: Path, config: PlannerTrainConfig, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(planner, old)
    words = train_tokenizer(["get me that"], ["thing"], 300)
    words.save_pretrained(old)
    with pytest.raises(CheckpointError, match=r"old does not know the words .*"):
        train_planner(replace(config, start_from=str(old)), lambda _: None, lambda _: None)
