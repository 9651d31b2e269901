"""Eyes are taught what is in a picture: labels spell out a scene, and what has none teaches nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from policies.augmentation import AugmentConfig
from policies.eyes import PLACES, STATES, UNKNOWN, EyesLoss, augmented, errors, labels_of
from vla.models.scene import SceneEyes, SceneEyesConfig
from vla.models.vit import ViTConfig
from vla.planner.grammar import COLOURS, FIXTURES, NAMES, SHAPES
from vla.planner.seen import CONTAINERS, parse_seen

QUERIES = len(NAMES) + len(FIXTURES)
NOWHERE = np.full((1, QUERIES, 2), np.nan, np.float32)
TINY = SceneEyesConfig(ViTConfig(image_size=32, width=32, depth=1, heads=2, stem_width=16), depth=1)
SCENE = (
    "bowl 4 7 ; drawer ajar ; button pressed 9 9 ; red block table 12 3 ; green ball bowl ; "
    "blue star on red block ; yellow ball twice ; hand over red block ."
)


@pytest.fixture
def eyes() -> SceneEyes:
    torch.manual_seed(0)
    return SceneEyes(TINY)


def test_the_sizes_are_those_of_the_words() -> None:
    assert (TINY.colours, TINY.shapes, TINY.fixtures) == (len(COLOURS), len(SHAPES), len(FIXTURES))
    assert (TINY.places, TINY.states, TINY.queries) == (len(PLACES), len(STATES), QUERIES)
    assert set(PLACES) == {"table", *CONTAINERS, "on"}


def test_labels_of_a_known_scene() -> None:
    points = NOWHERE.copy()
    points[0, NAMES.index("red block")] = (0.5, 0.25)
    found = labels_of([parse_seen(SCENE)], points)
    at = {name: NAMES.index(name) for name in ("red block", "green ball", "blue star", "yellow ball")}
    assert {name: int(found.count[0, k]) for name, k in at.items()} == {
        "red block": 1, "green ball": 1, "blue star": 1, "yellow ball": 2,
    }  # fmt: skip
    assert (found.count[0] > 0).sum() == 4
    assert PLACES[found.place[0, at["red block"]]] == "table"
    assert PLACES[found.place[0, at["green ball"]]] == "bowl"
    assert PLACES[found.place[0, at["blue star"]]] == "on"
    assert COLOURS[found.base[0, at["blue star"]]] == "red"
    assert found.place[0, at["yellow ball"]] == UNKNOWN
    assert (found.place[0] != UNKNOWN).sum() == 3
    assert (found.base[0] != UNKNOWN).sum() == 1
    assert found.over[0].nonzero()[0].tolist() == [at["red block"]]
    states = {name: STATES[found.state[0, k]] for k, name in enumerate(FIXTURES)}
    assert states == dict.fromkeys(FIXTURES, "absent") | {"bowl": "there", "drawer": "ajar", "button": "open"}
    cells = {k: (int(found.column[0, k]), int(found.row[0, k])) for k in (found.column[0] >= 0).nonzero()[0]}
    assert cells == {
        at["red block"]: (12, 3),
        len(NAMES) + FIXTURES.index("bowl"): (4, 7),
        len(NAMES) + FIXTURES.index("button"): (9, 9),
    }
    assert np.isfinite(found.points).all(-1).sum() == 1
    assert found[np.array([0])].place.tolist() == found.place.tolist()


def test_a_pair_that_no_picture_shows_has_a_query(eyes: SceneEyes) -> None:
    """Queries are sums of a colour's and a shape's embedding: teaching others moves this one."""
    images = torch.randint(0, 256, (2, 2, 32, 32, 3), dtype=torch.uint8)
    tokens, heat = eyes(images)
    assert tokens.shape == (2, TINY.tokens, 32)
    assert heat.shape == (2, QUERIES, 16)
    seen = eyes.believe(tokens, heat)
    # The order of names: colours first, then shapes.
    queries = (eyes.colour + eyes.shape).flatten(0, 1)
    k = NAMES.index("green star")
    assert torch.equal(queries[k], eyes.colour[COLOURS.index("green"), 0] + eyes.shape[SHAPES.index("star")])
    seen.count[:, NAMES.index("green ball")].sum().backward()
    assert eyes.colour.grad is not None
    assert eyes.colour.grad[COLOURS.index("green")].abs().sum() > 0


def test_the_loss_falls_on_a_few_scenes(eyes: SceneEyes) -> None:
    scenes = [parse_seen(SCENE), parse_seen("nothing ."), parse_seen("cyan star tray ; tray 3 3 .")]
    rng = np.random.default_rng(0)
    labels = labels_of(scenes, rng.uniform(0, 1, (3, QUERIES, 2)))
    images = torch.from_numpy(rng.integers(0, 256, (3, 2, 32, 32, 3), np.uint8))
    light = torch.zeros(3, 2, 7)
    light[..., :3] = 1
    loss = EyesLoss(eyes)
    optimizer = torch.optim.AdamW(eyes.parameters(), 3e-3)
    totals = []
    for _ in range(60):
        losses = loss(images, light, labels)
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        totals.append({name: float(value.detach()) for name, value in losses.items()})
    assert totals[-1]["total"] < 0.3 * totals[0]["total"]
    with torch.no_grad():
        wrong = errors(eyes.believe(*eyes(images)), labels)
    assert set(wrong) == {"count", "place", "state", "over", "any"}
    assert not wrong["count"].any()
    assert not wrong["any"].any()


def test_what_is_not_labelled_teaches_nothing_and_what_is_not_finite_is_not_hidden(eyes: SceneEyes) -> None:
    labels = labels_of([parse_seen("nothing .")], NOWHERE)
    loss = EyesLoss(eyes)
    seen = eyes.believe(*eyes(torch.zeros(1, 2, 32, 32, 3, dtype=torch.uint8)))
    losses = loss.losses(seen, labels)
    assert all(float(losses[name].detach()) == 0 for name in ("place", "base", "column", "row", "heat"))
    losses["total"].backward()
    assert all(torch.isfinite(p.grad).all() for p in eyes.parameters() if p.grad is not None)
    seen.count.data[0, 0, 0] = float("nan")
    assert torch.isnan(loss.losses(seen, labels)["total"])


def test_a_point_outside_the_picture_is_no_label(eyes: SceneEyes) -> None:
    points = NOWHERE.copy()
    seen = eyes.believe(*eyes(torch.zeros(1, 2, 32, 32, 3, dtype=torch.uint8)))
    for outside in ((1.0, 0.5), (0.5, -0.01), (np.nan, 0.5)):
        points[0, 0] = outside
        assert (
            float(EyesLoss(eyes).losses(seen, labels_of([parse_seen("nothing .")], points))["heat"].detach())
            == 0
        )
    points[0, 0] = (0.99, 0.99)
    assert (
        float(EyesLoss(eyes).losses(seen, labels_of([parse_seen("nothing .")], points))["heat"].detach()) > 0
    )


def test_a_mistake_of_each_kind_is_counted_as_such(eyes: SceneEyes) -> None:
    labels = labels_of([parse_seen(SCENE)], NOWHERE)

    @torch.no_grad()
    def told(scene: str) -> dict[str, bool]:
        other = labels_of([parse_seen(scene)], NOWHERE)
        seen = eyes.believe(*eyes(torch.zeros(1, 2, 32, 32, 3, dtype=torch.uint8)))
        for name in ("count", "place", "base", "state"):
            logits, wanted = getattr(seen, name).data, getattr(other, name)
            logits.zero_()
            for (i, k), value in np.ndenumerate(np.where(wanted == UNKNOWN, 0, wanted)):
                logits[i, k, value] = 9
        seen.over.data.copy_(torch.from_numpy(other.over) * 2.0 - 1)
        return {name: bool(value[0]) for name, value in errors(seen, labels).items()}

    assert not any(told(SCENE).values())
    assert told(SCENE.replace("drawer ajar", "drawer open"))["state"]
    assert told(SCENE.replace("green ball bowl", "green ball tray"))["place"]
    assert told(SCENE.replace("on red block", "on cyan block"))["place"]
    assert told(SCENE.replace("yellow ball twice", "yellow ball tray"))["count"]
    over = told(SCENE.replace(" ; hand over red block", ""))
    assert over["over"]
    assert not over["any"]


def test_points_move_with_the_picture_and_the_wrist_may_be_dark() -> None:
    rng = np.random.default_rng(0)
    images = np.zeros((8, 2, 32, 32, 3), np.uint8)
    images[:, 0, 10, 20] = 255
    images[:, 1] = 77
    points = np.full((8, 1, 2), (20.5 / 32, 10.5 / 32), np.float32)
    config = AugmentConfig(shift_px=3, cutout=0.0)
    seen, where, light = augmented(images, points, rng, config, no_wrist=0.5)
    assert light.shape == (8, 2, 7)
    assert images[:, 0].max() == 255
    for picture, (u, v) in zip(seen[:, 0], where[:, 0], strict=True):
        assert picture[int(v * 32), int(u * 32)].min() == 255
    assert len(np.unique(where)) > 2
    assert {int(wrist.max()) for wrist in seen[:, 1]} == {0, 77}
