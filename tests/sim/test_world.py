from __future__ import annotations

import numpy as np
import pytest

from sim.objects import COLOUR_NAMES, COLOURS, POOL
from sim.randomise import BASE
from sim.robot import HOME_Q, ToolKinematics, robot_spec
from sim.scene import build_scene
from sim.world import World


@pytest.fixture(scope="module")
def world():
    with World() as made:
        yield made


def test_forward_kinematics_is_the_pandas():
    kinematics = ToolKinematics(build_scene())
    position, rotation = kinematics.tool(np.array([0, 0, 0, -np.pi / 2, 0, np.pi / 2, np.pi / 4]))
    # Flange facts (0.554, 0, 0.732 at link 7) less flange, hand and finger lengths along the downward tool.
    assert np.allclose(position, [0.5545, 0.0, 0.7315 - 0.107 - 0.1234], atol=2e-3)
    assert np.allclose(rotation, np.diag([1, -1, -1]), atol=1e-6)


@pytest.mark.parametrize(
    "goal", [(0.35, -0.3, 0.02), (0.35, 0.3, 0.3), (0.66, -0.28, 0.02), (0.66, 0.28, 0.2)]
)
def test_inverse_kinematics_reaches_the_table(goal):
    kinematics = ToolKinematics(build_scene())
    q = kinematics.solve(np.array(goal), np.array(HOME_Q), 80)
    position, rotation = kinematics.tool(q)
    assert np.abs(position - goal).max() < 5e-4
    assert np.allclose(rotation, np.diag([1, -1, -1]), atol=5e-3)


def test_the_servo_follows_a_command(world):
    world.reset("reach", 1_000_000, BASE)
    goal = np.array([0.5, 0.1, 0.2, 0.03], np.float32)
    for _ in range(40):
        world.step(goal)
    sent = world.hold()
    assert np.allclose(sent, goal)
    truth = world.truth()
    assert np.abs(truth.tool_m - goal[:3]).max() < 2e-3
    assert truth.gap_m == pytest.approx(0.03, abs=2e-3)


def test_commands_are_limited_in_rate_and_range(world):
    world.reset("reach", 1_000_000, BASE)
    before = world.hold()
    sent = world.step(np.array([9.0, 9.0, 9.0, 9.0], np.float32))
    assert (np.abs(sent - before) <= world.spec.action_max_step + 1e-6).all()
    for _ in range(60):
        sent = world.step(np.array([9.0, 9.0, 9.0, 9.0], np.float32))
    assert (sent <= world.spec.action_high + 1e-6).all()


def test_labels_point_at_the_objects_in_both_pictures(world):
    hits = {"front": 0, "wrist": 0}
    for seed in range(8):
        world.reset("pick_up", 1_000_000 + seed, BASE)
        images = world.observe().images
        for row in world.entities().reshape(-1, 9)[: len(POOL)]:
            if row[0] == 0:
                continue
            for camera, u, v in (("front", row[5], row[6]), ("wrist", row[7], row[8])):
                if not (0.05 < u < 0.95 and 0.05 < v < 0.95):
                    continue
                pixel = images[camera][int(v * 128), int(u * 128)].astype(float) / 255
                rgb = np.array(COLOURS[COLOUR_NAMES[int(row[1])]])
                hits[camera] += 1 if _same_hue(pixel, rgb) else -1
    # Some objects hide behind the hand; most must show their colour where the label says.
    assert hits["front"] >= 15
    assert hits["wrist"] >= 8


def _same_hue(pixel: np.ndarray, rgb: np.ndarray) -> bool:
    a, b = pixel - pixel.mean(), rgb - rgb.mean()
    if np.linalg.norm(b) < 0.05:
        return bool(np.linalg.norm(a) < 0.1)
    return bool(a @ b > 0.9 * np.linalg.norm(a) * np.linalg.norm(b))


def test_same_seed_same_bytes(world):
    seen = []
    for _ in range(2):
        world.reset("stack", 1_000_007)
        for _ in range(5):
            world.step(np.array([0.5, 0.0, 0.1, 0.0], np.float32))
        seen.append(world.observe())
        world.reset("push", 3)
    assert np.array_equal(seen[0].state, seen[1].state)
    assert all(np.array_equal(seen[0].images[c], seen[1].images[c]) for c in seen[0].images)


def test_observations_fit_the_spec(world):
    world.reset("take_out", 5)
    world.observe().check(robot_spec())
    assert not world.success()


def test_the_button_lights_up_when_pressed(world):
    world.reset("press_button", 1_000_001, BASE)
    before = world.observe().images["front"].astype(int)
    cap = world.truth().position_m[14]
    for height in (0.1, 0.03, 0.02, 0.012):
        for _ in range(25):
            world.step(np.array([cap[0], cap[1], height, 0.0], np.float32))
    assert world.success()
    for _ in range(30):
        world.step(np.array([0.4, 0.0, 0.3, 0.0], np.float32))
    assert np.abs(world.observe().images["front"].astype(int) - before).max() > 40


def test_what_tells_shapes_apart_is_seen_and_not_felt(world):
    model = world.model
    cylinders, stars = 0, 0
    for seed in range(6):
        scenario = world.reset("pick_up", 1_000_000 + seed, BASE)
        row = scenario.queries[0].target
        body = model.body(f"object_{row}")
        colour = COLOURS[COLOUR_NAMES[int(world.entities().reshape(-1, 9)[row, 1])]]
        for i in range(body.geomadr[0], body.geomadr[0] + body.geomnum[0]):
            geom = model.geom(i)
            mark = "hollow" in geom.name or "points" in geom.name
            assert (geom.contype[0], geom.conaffinity[0]) == ((0, 0) if mark else (1, 1))
            assert np.allclose(geom.rgba[:3], colour, atol=1e-6) == ("hollow" not in geom.name)
        cylinders += POOL[row] == "cylinder"
        stars += POOL[row] == "star"
    assert min(cylinders, stars) > 0
    for i, shape in enumerate(POOL):
        assert model.body(f"object_{i}").mass[0] == pytest.approx(0.05 if shape == "ball" else 0.06)


def test_a_picture_does_not_depend_on_the_scenes_drawn_before_it():
    with World(32) as fresh, World(32) as used:
        for seed in range(3):
            used.reset("reach", seed)
            used.observe()
        pictures = []
        for world in (fresh, used):
            world.reset("push", 7)
            pictures.append(world.observe().images)
    assert all(np.array_equal(pictures[0][name], pictures[1][name]) for name in ("front", "wrist"))
