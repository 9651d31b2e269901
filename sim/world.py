"""The simulated world: one compiled scene, reset to any task, stepped at the control rate, seen twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.layout import NoRoomError, Table, Thing
from sim.objects import COLOUR_NAMES, COLOURS, FIXTURES, KIND_INDEX, POOL, ROW, ROW_KIND, ROWS
from sim.randomise import Looks, Randomise
from sim.render import Renderer, open_renderer
from sim.robot import ARM_JOINTS, GAP_OPEN_M, HOME_Q, ToolKinematics, robot_spec
from sim.scene import DRAWER_DEPTH_M, SUBSTEPS, build_scene
from sim.tasks import TASKS, task_named
from sim.tasks.task import Task
from sim.truth import Query, Truth
from sim.wording import texts
from vla.contract import Observation, RobotSpec

import mujoco  # isort: skip  (sim.render chooses the GL backend before mujoco is first imported)

ENTITY_COLUMNS = ("kind", "colour", "x", "y", "z", "u_front", "v_front", "u_wrist", "v_wrist")
ALTERNATIVES = 8
WORDINGS = 16
OUT_OF_SIGHT = -9.0
_MAX_DRAWS = 200
START_TOOL_M = np.array([0.42, 0.0, 0.22])
"""Where the tool is when a scene of the plain setting begins."""
_PRESSED_M = 0.008


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drawn episode.

    Attributes:
        task: Task family.
        instruction: What the robot is told.
        seed: Seed that drew everything; the same seed and switches give the same scene.
        horizon: Control steps after which the episode has failed.
        switches: What was varied.
        queries: What is asked (first), then up to 8 other instructions that make sense in this scene.
        texts: Several wordings per query, same order.
    """

    task: str
    instruction: str
    seed: int
    horizon: int
    switches: Randomise
    queries: tuple[Query, ...]
    texts: tuple[tuple[str, ...], ...]


class World:
    """MuJoCo behind a few verbs. Not thread-safe; one per process is usual.

    Args:
        image_size: Height and width of the pictures in pixels.
        backend: "auto", "egl", "osmesa" or "raycast".
        render: False saves the renderer where only the true state is needed; ``observe`` then shows black.
    """

    def __init__(self, image_size: int = 128, backend: str = "auto", render: bool = True) -> None:
        self.spec: RobotSpec = robot_spec(image_size)
        self.model = build_scene(image_size)
        self.data = mujoco.MjData(self.model)
        self._kinematics = ToolKinematics(self.model)
        self._looks = Looks(self.model)
        self._renderer: Renderer | None = (
            open_renderer(self.model, self.spec.cameras, backend) if render else None
        )
        self._joints = np.array([self.model.joint(n).qposadr[0] for n in ARM_JOINTS])
        self._fingers = np.array([self.model.joint(f"finger_{s}").qposadr[0] for s in ("left", "right")])
        self._objects = [_Movable(self.model, i) for i in range(len(POOL))]
        self._owner = self._geom_owners()
        self._scenario: Scenario | None = None
        self._pressed = False
        self._steps = 0
        self._sent = np.zeros(4, np.float32)
        self._q_goal = np.array(HOME_Q)

    @property
    def scenario(self) -> Scenario:
        """The episode being played.

        Raises:
            RuntimeError: ``reset`` has not been called.
        """
        if self._scenario is None:
            raise RuntimeError("World.reset(task, seed) comes before anything else")
        return self._scenario

    @property
    def time_s(self) -> float:
        """Simulated time since the reset, in seconds; the robot's monotonic clock."""
        return self._steps * self.spec.dt_s

    def reset(
        self, task: str, seed: int, switches: Randomise | None = None, alternative: int = 0
    ) -> Scenario:
        """Draw and lay a scene.

        Args:
            task: Task family.
            seed: Draws everything.
            switches: What may vary; training's defaults when None.
            alternative: Ask for this one of the scene's queries instead of the first (the same scene with
                different words); it must be below ``len(scenario.queries)``.

        Raises:
            ValueError: the task is unknown or the alternative does not exist.
        """
        chosen, switches = task_named(task), switches or Randomise()
        words = np.random.default_rng([seed, 2])
        table, query = self._draw(chosen, seed, switches)
        others = [
            other
            for task_ in TASKS.values()
            for other in task_.alternatives(table)
            if (other.family, other.target, other.place) != (query.family, query.target, query.place)
        ]
        order = words.permutation(len(others))
        queries = (query, *_varied([others[i] for i in order]))
        if not 0 <= alternative < len(queries):
            raise ValueError(
                f"alternative {alternative} is outside 0..{len(queries) - 1} for {task!r}, seed {seed}"
            )
        if alternative:
            queries = (queries[alternative], *queries[:alternative], *queries[alternative + 1 :])
        wordings = tuple(tuple(texts(q, switches.paraphrase, words, WORDINGS)) for q in queries)
        horizon = task_named(queries[0].family).horizon
        self._lay(table, np.random.default_rng([seed, 1]), switches)
        self._scenario = Scenario(
            queries[0].family, wordings[0][0], seed, horizon, switches, queries, wordings
        )
        return self._scenario

    @staticmethod
    def _draw(task: Task, seed: int, switches: Randomise) -> tuple[Table, Query]:
        for attempt in range(_MAX_DRAWS):
            table = Table(switches, np.random.default_rng([seed, 0, attempt]))
            try:
                if task.cabinet_may_stand:
                    table.maybe_drawer()
                return table, task.lay(table)
            except NoRoomError:
                continue
        raise RuntimeError(f"no scene found for seed {seed} in {_MAX_DRAWS} draws")

    def _lay(self, table: Table, rng: np.random.Generator, switches: Randomise) -> None:
        model, data = self.model, self.data
        mujoco.mj_resetData(model, data)
        self._looks.apply(switches, rng)
        for i, movable in enumerate(self._objects):
            movable.place(model, data, table.things.get(i))
        parked = {"bowl": -0.9, "tray": -1.3, "zone": -1.6, "button": -1.9, "drawer": 0.9}
        for name in ("bowl", "tray", "zone", "button", "drawer"):
            body = model.body("cabinet" if name == "drawer" else name)
            x, y = table.fixtures.get(name, (-2.0, parked[name]))
            body.pos[:] = (x, y, 0.0)
        model.geom("button_cap").rgba[:3] = COLOURS[COLOUR_NAMES[table.button_colour]]
        model.geom("zone").rgba[:3] = np.random.default_rng(rng.integers(1 << 30)).uniform(0.35, 0.75, 3)
        data.joint("drawer").qpos[0] = table.drawer_open_m
        start = START_TOOL_M.copy()
        offset = rng.uniform([-0.08, -0.2, -0.06], [0.18, 0.2, 0.1])
        if switches.start:
            start += offset
        self._place_arm(start)
        self._present = np.array(
            [i in table.things for i in range(len(POOL))]
            + [name in table.fixtures for name in FIXTURES[:-1]]
            + ["drawer" in table.fixtures]
        )
        self._colours = np.array(
            [table.things[i].colour if i in table.things else -1 for i in range(len(POOL))]
            + [-1] * len(FIXTURES)
        )
        self._colours[ROW["button"]] = table.button_colour
        self._pressed, self._steps = False, 0
        self._step_physics(2 * SUBSTEPS)

    def pose_arm(self, tool_m: NDArray[np.float64], gap_m: float = GAP_OPEN_M) -> None:
        """Put the arm somewhere else at once, without time passing or anything being touched.

        Args:
            tool_m: Where the tool should be, shape (3,); the nearest reachable place is taken.
            gap_m: Distance between the fingers.
        """
        self._place_arm(tool_m, gap_m)
        mujoco.mj_forward(self.model, self.data)

    def _place_arm(self, tool_m: NDArray[np.float64], gap_m: float = GAP_OPEN_M) -> None:
        self._q_goal = self._kinematics.solve(tool_m, np.array(HOME_Q), 60)
        self.data.qpos[self._joints] = self._q_goal
        self.data.qpos[self._fingers] = gap_m / 2
        self.data.ctrl[:7], self.data.ctrl[7:9] = self._q_goal, gap_m / 2
        self._sent = np.array([*tool_m, gap_m], np.float32)

    def step(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Advance one control period; returns the action really sent, (4,), after range and rate limits."""
        limits = self.spec.action_max_step
        goal = np.clip(np.asarray(action, np.float32), self.spec.action_low, self.spec.action_high)
        sent = (self._sent + np.clip(goal - self._sent, -limits, limits)).astype(np.float32)
        q_goal = self._kinematics.solve(sent[:3].astype(np.float64), self._q_goal)
        before = self.data.ctrl.copy()
        after = np.concatenate([q_goal, np.full(2, sent[3] / 2)])
        for k in range(1, SUBSTEPS + 1):
            self.data.ctrl[:] = before + (after - before) * (k / SUBSTEPS)
            mujoco.mj_step(self.model, self.data)
        self._q_goal, self._sent = q_goal, sent
        self._after_physics()
        self._steps += 1
        return sent.copy()

    def hold(self) -> NDArray[np.float32]:
        """Advance one control period without a new target; returns the target that stands, shape (4,)."""
        return self.step(self._sent)

    def _step_physics(self, count: int) -> None:
        mujoco.mj_step(self.model, self.data, count)
        self._after_physics()

    def _after_physics(self) -> None:
        mujoco.mj_forward(self.model, self.data)
        if not self._pressed and self.data.joint("button").qpos[0] > _PRESSED_M:
            self.mark_pressed()

    def mark_pressed(self) -> None:
        """From now on the button counts as pressed, and its cap looks paler."""
        self._pressed = True
        cap = self.model.geom("button_cap").rgba
        cap[:3] = 0.45 + 0.55 * cap[:3]

    def proprioception(self) -> NDArray[np.float32]:
        """Joint angles, tool position and finger gap, shape (11,)."""
        q = self.data.qpos
        return np.concatenate(
            [q[self._joints], self.data.site("tool").xpos, [q[self._fingers].sum()]]
        ).astype(np.float32)

    def observe(self) -> Observation:
        """What the robot senses now."""
        return Observation(self.pictures(), self.proprioception(), self.time_s)

    def pictures(self) -> Mapping[str, NDArray[np.uint8]]:
        """What the cameras see now."""
        if self._renderer is None:
            return {name: np.zeros((*size, 3), np.uint8) for name, size in self.spec.cameras.items()}
        return self._renderer.render(self.data)

    def truth(self) -> Truth:
        """What only the simulator knows."""
        data = self.data
        position = np.full((ROWS, 3), np.nan)
        speed = np.zeros(ROWS)
        for i in np.flatnonzero(self._present[: len(POOL)]):
            body = self._objects[i].body
            position[i] = data.xpos[body]
            speed[i] = np.linalg.norm(data.cvel[body, 3:])
        for name in ("bowl", "tray", "zone"):
            position[ROW[name]] = data.body(name).xpos
        position[ROW["drawer"]] = data.geom("handle").xpos
        position[ROW["button"]] = data.geom("button_cap").xpos
        position[ROW["drawer_inside"]] = data.body("drawer").xpos + [0, DRAWER_DEPTH_M / 2, 0.025]
        position[~self._present] = np.nan
        return Truth(
            tool_m=data.site("tool").xpos.copy(),
            gap_m=float(data.qpos[self._fingers].sum()),
            position_m=position,
            speed_m_s=speed,
            held=self._held(),
            drawer_open_m=float(data.joint("drawer").qpos[0]),
            button_pressed=self._pressed,
        )

    def _held(self) -> int:
        left, right = set(), set()
        pads = {self.model.geom("pad_left").id: left, self.model.geom("pad_right").id: right}
        for pair in self.data.contact.geom[: self.data.ncon]:
            for pad, other in (pair, pair[::-1]):
                if pad in pads and self._owner[other] >= 0:
                    pads[pad].add(int(self._owner[other]))
        both = left & right
        return min(both) if both else -1

    def _geom_owners(self) -> NDArray[np.int64]:
        owner = np.full(self.model.ngeom, -1)
        for i, movable in enumerate(self._objects):
            owner[self.model.geom_bodyid == movable.body] = i
        return owner

    def success(self) -> bool:
        """True when the episode's instruction is fulfilled now."""
        return self.judge(self.scenario.queries[0])

    def judge(self, query: Query) -> bool:
        """True when ``query`` is fulfilled now."""
        return task_named(query.family).success(self.truth(), query)

    def entities(self, truth: Truth | None = None) -> NDArray[np.float32]:
        """Labels, shape (ROWS * 9,): per row the columns of :data:`ENTITY_COLUMNS`; kind 0 means absent.

        Positions in m in the robot frame; u, v are fractions of the picture's width and height, -9 when the
        entity is behind the camera.
        """
        table = np.zeros((ROWS, len(ENTITY_COLUMNS)), np.float32)
        table[:, 1], table[:, 5:] = -1, OUT_OF_SIGHT
        position = (truth or self.truth()).position_m
        for row in np.flatnonzero(self._present):
            table[row, :2] = KIND_INDEX[ROW_KIND[row]], self._colours[row]
            table[row, 2:5] = position[row]
            table[row, 5:7] = self._project("front", position[row])
            table[row, 7:9] = self._project("wrist", position[row])
        return table.reshape(-1)

    def _project(self, camera: str, point_m: NDArray[np.float64]) -> tuple[float, float]:
        view = self.data.camera(camera)
        x, y, z = view.xmat.reshape(3, 3).T @ (point_m - view.xpos)
        if z > -1e-3:
            return OUT_OF_SIGHT, OUT_OF_SIGHT
        half = np.tan(np.deg2rad(self.model.camera(camera).fovy[0]) / 2)
        return 0.5 + 0.5 * x / (-z * half), 0.5 - 0.5 * y / (-z * half)

    def done_labels(self, truth: Truth | None = None) -> NDArray[np.float32]:
        """1 or 0 per query of the scenario, -1 beyond the last, shape (1 + ALTERNATIVES,)."""
        truth = truth or self.truth()
        labels = np.full(1 + ALTERNATIVES, -1, np.float32)
        for i, query in enumerate(self.scenario.queries):
            labels[i] = task_named(query.family).success(truth, query)
        return labels

    def close(self) -> None:
        """Free the renderer; twice is fine."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Movable:
    """Addresses of one free body in the model."""

    def __init__(self, model: mujoco.MjModel, index: int) -> None:
        name = f"object_{index}"
        self.index, self.body = index, model.body(name).id
        self._qpos, geoms = model.joint(name).qposadr[0], np.flatnonzero(model.geom_bodyid == self.body)
        self._solid = geoms[model.geom_contype[geoms] > 0]
        self._coloured = [g for g in geoms if not model.geom(g).name.endswith("_hollow")]

    def place(self, model: mujoco.MjModel, data: mujoco.MjData, thing: Thing | None) -> None:
        """Put the body on the table, or park it weightless and untouchable under the floor."""
        present = thing is not None
        model.body_gravcomp[self.body] = 0.0 if present else 1.0
        model.geom_contype[self._solid] = model.geom_conaffinity[self._solid] = int(present)
        q = data.qpos[self._qpos : self._qpos + 7]
        if thing is None:
            q[:] = [0.1 * self.index, 0.0, -2.0, 1, 0, 0, 0]
            return
        yaw = thing.yaw_rad
        q[:] = [*thing.position_m, np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
        model.geom_rgba[self._coloured, :3] = thing.rgb


def _varied(queries: list[Query]) -> list[Query]:
    """Up to ALTERNATIVES queries, at most two of a family, in the given order."""
    count: dict[str, int] = {}
    kept = []
    for query in queries:
        count[query.family] = count.get(query.family, 0) + 1
        if count[query.family] <= 2:
            kept.append(query)
    return kept[:ALTERNATIVES]
