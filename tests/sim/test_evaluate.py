"""Evaluation: a function of its seeds, honest intervals, footage that plays, and a test of understanding."""

import json
import os
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from sim.diary import DIARY
from sim.episode import COUNTERFACTUAL, Job, Player
from sim.evaluate import Condition, EvalReport, evaluate
from sim.expert import ScriptedExpert
from sim.robot import robot_spec
from sim.seeds import EVALUATION_SEED
from vla.bridge.images import decode_image, encode_image
from vla.contract import ActionChunk, ContractError, Observation, Policy, Prefix, RobotSpec
from vla.wilson import wilson_interval

SIZE = 32


class Wanderer:
    """Acts by its seed and what it sees, and never succeeds at anything but luck."""

    def __init__(self, spec: RobotSpec, rows: int = 16) -> None:
        self.spec, self._rows = spec, rows
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        low, high = self.spec.action_low, self.spec.action_high
        low[2] = 0.2  # stays above everything
        share = 0.5 * self._rng.random((self._rows, 4)) + 0.5 * observation.images["front"].mean() / 255
        actions = low + (high - low) * share
        return ActionChunk(actions.astype(np.float32), self.spec.dt_s, observation.stamp_s)


def wander(rows: int = 16) -> Policy:
    return Wanderer(robot_spec(SIZE), rows)


class Doomed(Wanderer):
    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        os._exit(1)


def doomed() -> Policy:
    return Doomed(robot_spec(SIZE))


def wander_elsewhere() -> Policy:
    return Wanderer(
        RobotSpec("other", robot_spec().action, robot_spec().state, {"front": (SIZE, SIZE)}, 10.0)
    )


def test_more_workers_change_nothing_and_failures_are_filmed(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    settings = {"tasks": ("press_button", "reach"), "episodes": 1, "axes": ("base", "start")}
    one = evaluate(wander, **settings, workers=1, folder=tmp_path, progress=lambda *n: heard.append(n))
    two = evaluate(wander, **settings, workers=2)
    assert one == two
    assert heard == [(k, 4) for k in range(1, 5)]
    assert [(e.task, e.axis) for e in one.episodes] == [
        ("press_button", "base"), ("press_button", "start"), ("reach", "base"), ("reach", "start"),
    ]  # fmt: skip
    failed = [episode for episode in one.episodes if not episode.success]
    assert failed
    assert all(episode.steps == episode.horizon for episode in failed)
    assert len(list((tmp_path / "failures").glob("*.mp4"))) == len(failed)
    with av.open(str(tmp_path / "failures.mp4")) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(pictures) > 10
    assert np.ptp(pictures[0]) > 100
    assert (tmp_path / "contact_sheet.png").stat().st_size > 1000
    manifest = json.loads((tmp_path / "eval.json").read_text())
    assert EvalReport.from_dict(manifest).episodes == one.episodes
    assert manifest["settings"]["seed"] == EVALUATION_SEED
    assert "mujoco" in manifest["versions"]


def test_an_interrupted_evaluation_goes_on_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    settings = {"tasks": ("press_button", "reach"), "episodes": 2, "delays_s": (0.0, 0.3), "workers": 1}
    whole = evaluate(wander, **settings)

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(wander, **settings, folder=tmp_path, progress=interrupt)
    assert not (tmp_path / "eval.json").exists()
    assert len((tmp_path / DIARY).read_text().splitlines()) == 1 + 3
    with (tmp_path / DIARY).open("a") as diary:
        diary.write('{"index": 3, "epi')  # torn in the middle of a line
    heard: list[tuple[int, int]] = []
    resumed = evaluate(wander, **settings, folder=tmp_path, progress=lambda *n: heard.append(n))
    assert resumed.episodes == whole.episodes
    assert heard == [(k, 8) for k in range(4, 9)]
    assert (tmp_path / "contact_sheet.png").is_file()
    # A clip per failure, also where they differ in the delay alone, and those of the first turn among them.
    assert len(list((tmp_path / "failures").glob("*.mp4"))) == sum(not e.success for e in whole.episodes)
    with pytest.raises(ContractError, match=r"holds another evaluation: execute was 8 and is 4"):
        evaluate(wander, **settings, folder=tmp_path, execute=4)


def test_a_worker_that_is_killed_is_named() -> None:
    with pytest.raises(ContractError, match="a worker process was killed"):
        evaluate(doomed, tasks=("reach",), episodes=1, workers=1)


def test_the_expert_succeeds_and_does_what_other_words_say() -> None:
    player = Player(ScriptedExpert, execute=8, backend="auto")
    for axis in ("base", COUNTERFACTUAL):
        episode, shots = player.play(Job("pick_up", axis, EVALUATION_SEED + 2))
        assert episode.success
        assert episode.touched == episode.target
        assert shots == []
    player.close()


def test_a_counterfactual_is_the_same_scene_with_another_object_named() -> None:
    player = Player(partial(wander), execute=8, backend="auto")
    plain, shots = player.play(Job("put_in", "base", EVALUATION_SEED))
    other, other_shots = player.play(Job("put_in", COUNTERFACTUAL, EVALUATION_SEED))
    player.close()
    assert other.seed == plain.seed
    assert other.target != plain.target
    assert other.instruction != plain.instruction
    assert np.array_equal(shots[0].images["front"], other_shots[0].images["front"])
    assert not other.success or other.touched == other.target


def test_the_policy_is_asked_again_after_the_rows_that_are_executed() -> None:
    asked: list[float] = []

    class Noting(Wanderer):
        def act(
            self, observation: Observation, instruction: str, prefix: Prefix | None = None
        ) -> ActionChunk:
            asked.append(observation.stamp_s)
            return super().act(observation, instruction)

    for execute, rows, expected in ((8, 16, 8), (4, 16, 4), (8, 3, 3)):
        asked.clear()
        player = Player(lambda rows=rows: Noting(robot_spec(SIZE), rows), execute, "auto")
        player.play(Job("press_button", "base", EVALUATION_SEED))
        player.close()
        assert np.allclose(np.diff(asked), expected * 0.05)


def test_seeds_of_training_are_refused() -> None:
    with pytest.raises(ValueError, match=r"seed 999999 is below 1000000"):
        evaluate(wander, episodes=1, seed=EVALUATION_SEED - 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"suite": "kitchen"}, "suite 'kitchen' is not one of tabletop"),
        ({"tasks": ("fly",)}, "task 'fly' is not one of"),
        ({"axes": ("weather",)}, "axis 'weather' is not one of base, layout"),
        ({"episodes": 0}, "episodes 0"),
        ({"tasks": ()}, "tasks must name at least one"),
        ({"axes": ()}, "axes must name at least one"),
        ({"execute": 0}, "execute 0"),
    ],
)
def test_wrong_choices_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(wander, **wrong)  # pyright: ignore[reportArgumentType]


def test_a_policy_for_another_robot_is_refused_with_the_difference() -> None:
    with pytest.raises(ContractError, match=r"control_hz: 10\.0 here, 20\.0 there"):
        evaluate(wander_elsewhere, tasks=("reach",), episodes=1, workers=1)


def test_not_a_manifest() -> None:
    with pytest.raises(ContractError, match="episodes"):
        EvalReport.from_dict({"settings": {}})


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (0, 50), (1, 7), (25, 50), (49, 50), (50, 50)])
def test_the_wilson_interval_holds_the_rates_that_the_score_test_accepts(successes: int, trials: int) -> None:
    low, high = wilson_interval(successes, trials)
    rate = successes / trials
    assert 0 <= low <= rate <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:  # the bounds solve (rate - p)^2 = z^2 p (1 - p) / n
            assert (rate - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / trials, rel=1e-4)
    mirrored = wilson_interval(trials - successes, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_without_trials_nothing_is_known_and_more_trials_narrow_the_interval() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    widths = [high - low for low, high in (wilson_interval(n // 2, n) for n in (10, 50, 250))]
    assert widths == sorted(widths, reverse=True)
    with pytest.raises(ValueError, match="outside"):
        wilson_interval(3, 2)


class Watcher(Wanderer):
    """Notes what it is asked to go on from."""

    def __init__(self) -> None:
        super().__init__(robot_spec(SIZE))
        self.asked: list[tuple[float, Prefix | None]] = []

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        self.asked.append((observation.stamp_s, prefix))
        return super().act(observation, instruction, prefix)


@pytest.mark.parametrize(("delay_s", "frozen"), [(0.0, 0), (0.1, 2), (0.4, 8)])
def test_a_late_policy_is_told_what_will_have_been_done_when_it_answers(delay_s: float, frozen: int) -> None:
    watcher = Watcher()
    player = Player(lambda: watcher, execute=8, backend="auto")
    episode, _ = player.play(Job("reach", "base", EVALUATION_SEED, delay_s=delay_s))
    player.close()
    assert (episode.delay_s, episode.execution) == (delay_s, "rtc")
    (_, first), *others = watcher.asked
    assert first is None
    assert others
    assert {None if prefix is None else prefix.frozen for _, prefix in others} == {frozen}
    stamps = np.diff([stamp_s for stamp_s, _ in watcher.asked])
    np.testing.assert_allclose(stamps[1:], 0.4, atol=1e-9)


def test_standing_still_while_waiting_costs_the_delay() -> None:
    watcher = Watcher()
    player = Player(lambda: watcher, execute=8, backend="auto")
    player.play(Job("reach", "base", EVALUATION_SEED, execution="synchronous", delay_s=0.2))
    player.close()
    np.testing.assert_allclose(np.diff([s for s, _ in watcher.asked]), 0.4 + 0.2, atol=1e-9)
    assert all(prefix is None for _, prefix in watcher.asked)


def test_delays_and_ways_are_conditions_of_the_report() -> None:
    report = evaluate(
        wander, tasks=("reach",), episodes=1, workers=1, executions=("rtc", "synchronous"), delays_s=(0, 0.3)
    )
    assert len(report.episodes) == 4
    assert [(c.execution, c.delay_s) for c in report.conditions] == [
        ("rtc", 0.0), ("rtc", 0.3), ("synchronous", 0.0), ("synchronous", 0.3),
    ]  # fmt: skip
    assert report.overall(Condition(execution="synchronous", delay_s=0.3)).trials == 1
    assert EvalReport.from_dict(json.loads(json.dumps(report.to_dict()))).rates() == report.rates()


def test_unknown_ways_and_delays_are_refused() -> None:
    with pytest.raises(ValueError, match="'fast' is not one of rtc, asynchronous, synchronous, ensemble"):
        evaluate(wander, executions=("fast",))
    with pytest.raises(ValueError, match=r"delay_s 9\.0 is outside 0\.\.5"):
        evaluate(wander, delays_s=(9.0,))


class Looker(Wanderer):
    """Keeps the first picture that it sees."""

    def __init__(self) -> None:
        super().__init__(robot_spec(SIZE))
        self.seen: np.ndarray | None = None

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        if self.seen is None:
            self.seen = np.array(observation.images["front"])
        return super().act(observation, instruction, prefix)


def test_a_policy_sees_what_the_codec_leaves_of_a_picture() -> None:
    seen = {}
    for encoding in ("raw", "jpeg"):
        looker = Looker()
        player = Player(lambda looker=looker: looker, execute=8, backend="auto")
        episode, _ = player.play(Job("reach", "base", EVALUATION_SEED, images=encoding))
        player.close()
        assert episode.images == encoding
        seen[encoding] = looker.seen
    through = decode_image("x", encode_image(seen["raw"], "jpeg"), "jpeg", (SIZE, SIZE))
    assert np.array_equal(seen["jpeg"], through)
    assert not np.array_equal(seen["jpeg"], seen["raw"])
    with pytest.raises(ContractError, match="'gif' is not one of raw, jpeg, webp"):
        Job("reach", "base", EVALUATION_SEED, images="gif")
