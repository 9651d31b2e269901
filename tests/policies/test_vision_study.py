"""The study's laws, on pictures of a made-up task: which quarter of the picture is lit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import policies.vision_study as room
from policies.vision_cells import Cell, read_outcomes
from policies.vision_study import MODELS, Study, StudyConfig, cells
from policies.vision_training import Budget, Pictures, batches, count_right, fit, labelled_rows
from vla.contract import ContractError
from vla.models.classifier import ClassifierConfig, ViTClassifier

NETWORK = ClassifierConfig(image_size=32, patch=8, width=16, depth=1, heads=2, stem_width=8, outputs=4)
BUDGET = Budget(steps=3, batch_size=4, warmup_steps=1)


def lit(count: int, seed: int) -> Pictures:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, (count, 40, 40, 3), dtype=np.uint8)
    classes = rng.integers(0, 2, count)
    for image, half in zip(images, classes, strict=True):
        image[20 * half : 20 * half + 20] += 150
    return Pictures(images, classes.astype(np.int64))


TRAIN, HELD_OUT = lit(40, 0), lit(20, 1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small are slowed down by a second thread, and a busy machine makes it worse."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    return StudyConfig(
        tmp_path / "study",
        labels=(8, 16),
        seeds=(0,),
        budget=BUDGET,
        pretraining=replace(BUDGET, steps=4),
        network=NETWORK,
        device="cpu",
    )


def study(config: StudyConfig, pictures: Pictures = TRAIN, held_out: Pictures = HELD_OUT) -> Study:
    return Study(config, pictures, held_out, 4, "made up")


def quiet(done: int, total: int) -> None:
    pass


def test_every_cell_is_trained_at_exactly_the_same_budget(
    config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[int, int, bool]] = []

    def counting(network, loss_of, data, budget, seed, on_step):
        pairs = list(data)
        seen = [len(images) for images, _ in pairs]
        taken.append((len(seen), sum(seen), budget is config.budget))
        return fit(network, loss_of, iter(pairs), budget, seed, on_step)

    monkeypatch.setattr(room, "fit", counting)
    outcomes = study(config).run(quiet)
    assert [outcome.cell for outcome in outcomes] == cells(config)
    assert {(outcome.steps, outcome.pictures) for outcome in outcomes} == {(3, 12)}
    assert Counter(taken) == {(3, 12, True): 10, (4, 16, False): 1}


def test_every_model_sees_the_same_pictures_and_none_but_the_labelled_ones() -> None:
    rows = labelled_rows(40, 8, seed=0)
    one, other = (list(batches(TRAIN, rows, 32, BUDGET, 0)) for _ in range(2))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))
    marked = replace(TRAIN, images=np.zeros_like(TRAIN.images), classes=np.full(40, -1))
    marked.classes[rows] = 1
    drawn = torch.cat([classes for _, classes in batches(marked, rows, 32, replace(BUDGET, steps=50), 0)])
    assert (drawn == 1).all()


def test_more_labels_contain_fewer_and_another_seed_draws_others() -> None:
    few, many = labelled_rows(40, 8, 0), labelled_rows(40, 16, 0)
    assert set(few) < set(many)
    assert len(set(many)) == 16
    assert set(few) != set(labelled_rows(40, 8, 1))


def test_a_finished_cell_is_not_trained_again(config: StudyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study(config).run(quiet)
    monkeypatch.setattr(room, "fit", None)
    told: list[tuple[int, int]] = []
    assert study(config).run(lambda done, total: told.append((done, total))) == first
    assert told == [(34, 34)]


def test_an_interrupted_study_ends_as_one_that_was_not(config: StudyConfig, tmp_path: Path) -> None:
    whole = study(replace(config, output=tmp_path / "whole")).run(quiet)

    def interrupt(done: int, total: int) -> None:
        if done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(config).run(interrupt)
    path = config.output / "cells.jsonl"
    finished = read_outcomes(path)
    assert list(finished) == cells(config)[: len(finished)]
    assert 0 < len(finished) < len(whole)
    # The kill may also have cut a line short.
    path.write_bytes(path.read_bytes() + b'{"cell": {"mod')
    resumed = study(config).run(quiet)
    same = [replace(outcome, seconds=0.0) for outcome in resumed]
    assert same == [replace(outcome, seconds=0.0) for outcome in whole]
    assert list(read_outcomes(path).values()) == resumed


def test_held_out_pictures_are_never_trained_on(config: StudyConfig) -> None:
    mixed = Pictures(HELD_OUT.images.copy(), HELD_OUT.classes)
    mixed.images[7] = TRAIN.images[30]
    with pytest.raises(ContractError, match="held-out picture 7 is also one to train on"):
        study(config, held_out=mixed)


def test_no_model_ever_uses_a_label_that_it_was_not_given(config: StudyConfig, tmp_path: Path) -> None:
    config = replace(config, labels=(8,))
    classes = 1 - TRAIN.classes
    rows = labelled_rows(40, 8, 0)
    classes[rows] = TRAIN.classes[rows]
    first = study(config).run(quiet)
    other = study(replace(config, output=tmp_path / "other"), Pictures(TRAIN.images, classes)).run(quiet)
    assert [(o.cell, o.loss, o.right) for o in other] == [(o.cell, o.loss, o.right) for o in first]


def test_pre_training_changes_where_the_transformer_begins(
    config: StudyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[torch.Tensor] = []

    def note(network, loss_of, data, budget, seed, on_step):
        if budget is config.budget:
            starts.append(network.get_parameter("encoder.patches.project.weight").detach().clone())
        return fit(network, loss_of, data, budget, seed, on_step)

    monkeypatch.setattr(room, "fit", note)
    study(replace(config, models=("plain", "mae"), labels=(8,))).run(quiet)
    assert starts[0].shape == starts[1].shape
    assert not torch.equal(starts[0], starts[1])


def test_enough_steps_teach_the_made_up_task() -> None:
    torch.manual_seed(0)
    budget, network = Budget(120, 16, learning_rate=3e-3, warmup_steps=5), ViTClassifier(NETWORK)
    data = batches(TRAIN, np.arange(40), 32, budget, 0)
    loss = fit(network, lambda x, y: cross_entropy(network(x)[0], y), data, budget, 0, lambda: None)
    assert loss < 0.3
    assert count_right(network, HELD_OUT, 32) >= 18
    assert not network.training


def test_bad_studies_are_refused_by_name(config: StudyConfig, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="'vgg' is not one of convnet, plain"):
        StudyConfig(tmp_path, models=("vgg",))
    with pytest.raises(ContractError, match="needs 'convnet', its teacher"):
        StudyConfig(tmp_path, models=("distilled",))
    with pytest.raises(ContractError, match="labels"):
        StudyConfig(tmp_path, labels=())
    with pytest.raises(ContractError, match="more than the 40 pictures"):
        study(replace(config, labels=(41,)))
    study(config)
    with pytest.raises(ContractError, match="holds a study of other settings"):
        study(replace(config, budget=replace(BUDGET, steps=4)))


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cells.jsonl"
    path.write_text('{"cell": 3}\n')
    with pytest.raises(ContractError, match=r"cells.jsonl line 1 is not a trained cell"):
        read_outcomes(path)


def test_cells_go_by_seed_then_labels_and_the_teacher_comes_first(config: StudyConfig) -> None:
    order = cells(replace(config, models=tuple(reversed(MODELS)), seeds=(3, 1)))
    assert order[0] == Cell("convnet", 8, 3)
    assert [cell.model for cell in order[:5]] == list(MODELS)
    assert [cell.seed for cell in order] == [3] * 10 + [1] * 10
