"""Still scenes: many tables, each seen once, with words and labels but without motion.

A demonstration shows one table a hundred times over, a still shows it once: for the price of one
demonstration the eyes meet forty tables. Telling things apart, finding them to the millimetre and
understanding sentences is learned from tables, not from motion. The result is a filled
:class:`vla.dataset.frames.FrameCache` in which every still is an episode of one row.

Still number k always comes from the same seed, and finished blocks are kept, so an interrupted run goes on
where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.blocks import spread
from sim.collect import LABELS, query_record
from sim.facts import SCENE_LABEL, scene_label
from sim.randomise import Randomise
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from sim.tableaux import TableauWorld, random_pose
from sim.tasks import TASKS
from sim.world import World
from vla.contract import ContractError
from vla.dataset.frames import allocate, column_file, image_file
from vla.dataset.schema import ACTION, STATE, DatasetError, read_json, robot_features, write_text

_BLOCK = 50
_FIRST_SEED = EVALUATION_SEED // 2
_WIDTHS = LABELS | {"label.scene": SCENE_LABEL}
_COLUMNS = (STATE, ACTION, "label.entities", "label.done", "label.scene")


@dataclass(frozen=True, slots=True)
class StillSettings:
    """What a folder of stills is a function of.

    Attributes:
        root: The folder.
        count: Stills in all; still k is laid by task family ``k % 11``.
        seed: Added to the first scene's seed.
        image_size: Picture side in pixels.
        switches: What may vary.
        tableaux: Whether some instructions have been carried out already (:mod:`sim.tableaux`).
        evaluation: Whether the scenes are from the seeds of evaluation, which no training ever sees.
    """

    root: Path
    count: int
    seed: int = 0
    image_size: int = 128
    switches: Randomise = field(default_factory=Randomise)
    tableaux: bool = False
    evaluation: bool = False

    def __post_init__(self) -> None:
        room = EVALUATION_SEED - _FIRST_SEED
        if self.count < 1 or self.seed < 0 or self.seed + self.count > room:
            raise ContractError(
                f"stills: seed {self.seed} + count {self.count} must lie in 1..{room}, with seed >= 0"
            )


def draw_stills(settings: StillSettings, workers: int = 1) -> Iterator[int]:
    """Draw what is missing; yields how many stills are on disk, then makes the folder a filled cache.

    Args:
        settings: The stills.
        workers: Processes; 0 draws in this one.

    Raises:
        DatasetError: the folder holds something else, or stills of other settings.
    """
    root = settings.root
    if (root / "cache.json").exists():
        _check_same(settings, read_json(root / "cache.json")["fingerprint"])
        yield settings.count
        return
    _prepare(settings)
    missing = [block for block in _blocks(settings) if not _note(root, block).exists()]
    done = settings.count - sum(len(block) for block in missing)
    yield done
    for block in spread(partial(_draw, settings), missing, workers):
        done += len(block)
        yield done
    _finish(settings)


def _blocks(settings: StillSettings) -> list[range]:
    return [range(k, min(k + _BLOCK, settings.count)) for k in range(0, settings.count, _BLOCK)]


def _note(root: Path, block: range) -> Path:
    return root / f"block-{block.start:06d}.json"


def _fingerprint(settings: StillSettings) -> str:
    known = {**asdict(settings), "root": ""}
    # Left out where they are off, as in stills drawn before there were such switches.
    for name in ("tableaux", "evaluation"):
        if not known[name]:
            del known[name]
    return json.dumps(known, sort_keys=True, default=str)


def _check_same(settings: StillSettings, fingerprint: str) -> None:
    if fingerprint != _fingerprint(settings):
        raise DatasetError(
            f"{settings.root} holds stills of other settings: {fingerprint}; give these a folder of their own"
        )


def _prepare(settings: StillSettings) -> None:
    root, spec = settings.root, robot_spec(settings.image_size)
    building = root / "building.json"
    if building.exists():
        return _check_same(settings, read_json(building)["fingerprint"])
    root.mkdir(parents=True, exist_ok=True)
    if any(path.suffix != ".npy" for path in root.iterdir()):
        raise DatasetError(f"{root} is not empty and holds no stills; give them a folder of their own")
    widths = {STATE: len(spec.state), ACTION: len(spec.action), **_WIDTHS}
    columns = {name: ("float32", widths[name]) for name in _COLUMNS}
    cameras = {name: (size[0], size[1]) for name, size in spec.cameras.items()}
    allocate(root, cameras, columns, pictures=settings.count, rows=settings.count)
    np.save(root / "frame_index_of.npy", np.arange(settings.count))
    write_text(building, json.dumps({"fingerprint": _fingerprint(settings)}))


def _finish(settings: StillSettings) -> None:
    root, spec = settings.root, robot_spec(settings.image_size)
    notes = [note for block in _blocks(settings) for note in read_json(_note(root, block))["stills"]]
    about = {
        "fingerprint": _fingerprint(settings),
        "fps": spec.control_hz,
        "stride": 1,
        "cameras": list(spec.cameras),
        "columns": list(_COLUMNS),
        "bounds": list(range(settings.count + 1)),
        "tasks": [note["queries"][0]["texts"][0] for note in notes],
        "queries": [note["queries"] for note in notes],
        "splits": ["train"] * settings.count,
        "features": robot_features(spec, {name: _WIDTHS[name] for name in _COLUMNS if name in _WIDTHS}),
    }
    write_text(root / "cache.json", json.dumps(about))
    for block in _blocks(settings):
        _note(root, block).unlink()
    (root / "building.json").unlink()


_world: World | None = None


def _draw(settings: StillSettings, block: range) -> range:
    """Fill one block's rows. The note comes last: rows without a note are drawn again."""
    global _world
    kind = TableauWorld if settings.tableaux else World
    if type(_world) is not kind or _world.spec != robot_spec(settings.image_size):
        _world = kind(settings.image_size)
    world, root = _world, settings.root
    images = {name: np.load(root / image_file(name), mmap_mode="r+") for name in world.spec.cameras}
    columns = {name: np.load(root / column_file(name), mmap_mode="r+") for name in _COLUMNS}
    notes: list[dict[str, Any]] = []
    for k in block:
        seed = (EVALUATION_SEED if settings.evaluation else _FIRST_SEED) + settings.seed + k
        scenario = world.reset(tuple(TASKS)[k % len(TASKS)], seed, settings.switches)
        rng = np.random.default_rng([seed, 4])
        if isinstance(world, TableauWorld):
            tool_m, gap_m = world.pose(rng)
        else:
            tool_m, gap_m = random_pose(rng)
            world.pose_arm(tool_m, gap_m)
        observation, truth = world.observe(), world.truth()
        for name, image in observation.images.items():
            images[name][k] = image
        columns[STATE][k], columns[ACTION][k] = observation.state, [*tool_m, gap_m]
        columns["label.entities"][k], columns["label.done"][k] = (
            world.entities(truth),
            world.done_labels(truth),
        )
        columns["label.scene"][k] = scene_label(truth)
        queries = zip(scenario.queries, scenario.texts, strict=True)
        notes.append({"queries": [query_record(query, texts) for query, texts in queries]})
    for array in (*images.values(), *columns.values()):
        array.flush()
    write_text(_note(root, block), json.dumps({"stills": notes}))
    return block
