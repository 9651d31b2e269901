"""The command line explains itself, and a mistake is one line with the valid choices and exit code 2."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_vlms
from typer.testing import CliRunner

from vla.cli import app
from vla.cli.checkpoints import digest, model_id, normalisation_digest, picture_size, resolve_checkpoint
from vla.cli.serve import ServeConfig
from vla.config import ConfigError, load
from vla.doctor import Finding

COMMANDS = ("run", "robot", "collect", "train", "eval", "serve", "dataset", "study", "ask", "doctor", "bench")


def call(*words: str):
    return CliRunner().invoke(app, list(words))


def test_help_names_every_command():
    shown = call("--help")
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert name in shown.output


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("dataset", "study", "doctor")])
def test_help_of_a_command_shows_an_example(command: str):
    shown = call(command, "--help")
    assert shown.exit_code == 0
    assert f"handily {command} " in shown.output


@pytest.mark.parametrize("command", ["run", "robot", "collect", "train", "eval", "serve", "bench"])
def test_every_shipped_configuration_fits_its_dataclass_and_can_be_shown(command: str):
    shown = call(command, "--show-config")
    assert shown.exit_code == 0, shown.output
    assert "seed:" in shown.output or command in ("serve", "bench")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "press the button", "sead=1"], ["sead=1", "did you mean 'seed'"]),
        (["run", "press the button", "pace=slow"], ["pace=slow", "realtime", "lockstep"]),
        (["run", "press the button", "seed=one"], ["seed", "'one'", "Integer"]),
        (["run", "press the button", "timeout_s=0"], ["timeout_s=0"]),
        (["run", "press the button", "plan_period_s=0"], ["plan_period_s=0"]),
        (["run", "press the button", "plan_looks=0"], ["plan_looks=0"]),
        (["run", "press the button", "scene=how_may"], ["scene=how_may", "did you mean 'how_many'"]),
        (["run", "press the button", "planner=langauge"], ["planner=langauge", "did you mean 'language'"]),
        (["serve", "planner=oracle"], ["planner=oracle", "language"]),
        (["run"], ["say what to do", "put the red block in the bowl"]),
        (["run", "seed=3"], ["say what to do"]),
        (["run", "press the button", "checkpoint=/nowhere"], ["/nowhere", "no checkpoint"]),
        (["collect", "task=jugle"], ["task=jugle", "press_button", "reach"]),
        (["collect", "task=reach,stak"], ["task=stak", "did you mean 'stack'"]),
        (["collect", "episodes=0"], ["episodes=0"]),
        (["collect", "noise=2"], ["noise=2.0", "0..1"]),
        (["collect", "seed=-1"], ["seed -1"]),
        (["collect", "stills=-1"], ["stills=-1"]),
        (["collect", "stills=600000"], ["600000", "500000"]),
        (["collect", "stills=5", "task=push"], ["task=push", "stills"]),
        (["collect", "out"], ["'out' is not key=value"]),
        (["eval", "renderer=vulkan"], ["renderer=vulkan", "egl", "raycast"]),
        (["bench", "device=tpu"], ["device=tpu", "cpu"]),
        (["run", "press the button", "renderer=egll"], ["renderer=egll", "did you mean 'egl'"]),
        (["eval", "axes=layot"], ["axes=layot", "did you mean 'layout'"]),
        (["eval", "seed=3"], ["seed 3", "1000000"]),
        (["eval", "resume=/nowhere"], ["resume=/nowhere", "episodes.jsonl"]),
        (["eval", "suite=tabeltop"], ["suite=tabeltop", "did you mean 'tabletop'", "planner", "composite"]),
        (["eval", "suite=composit"], ["suite=composit", "did you mean 'composite'", "tabletop"]),
        (["eval", "suite=composite", "planner=oracel"], ["planner=oracel", "did you mean 'oracle'"]),
        (["eval", "suite=composite", "disturb=quake"], ["disturb=quake", "knock", "remove", "close"]),
        (["eval", "suite=composite", "template=sorting"], ["template=sorting", "sort_corners"]),
        (["eval", "suite=composite", "recovery=pray"], ["recovery=pray", "home", "replan"]),
        (["eval", "suite=composite", "looks=0"], ["looks 0"]),
        (["eval", "suite=composite", "seed=3"], ["seed 3", "1000000"]),
        (["eval", "suite=composite", "checkpoint=/nowhere"], ["/nowhere", "no checkpoint"]),
        (["eval", "checkpoint=/nowhere"], ["/nowhere", "no checkpoint"]),
        (["eval", "suite=planner", "planner=oracel"], ["planner=oracel", "did you mean 'oracle'"]),
        (["eval", "suite=planner", "planner=prompted"], ["planner=prompted", "planner_model", "server"]),
        (["eval", "suite=composite", "planner=prompted"], ["planner=prompted", "planner_model"]),
        (["eval", "suite=planner", "template=sorting"], ["template=sorting", "sort_corners", "question"]),
        (["eval", "suite=planner", "axes=camera"], ["axes=camera", "paraphrase"]),
        (["eval", "suite=planner", "seed=3"], ["seed 3", "1000000"]),
        (["eval", "suite=planner", "episodes=0"], ["episodes=0"]),
        (["eval", "suite=planner", "execute=3"], ["'execute'"]),
        (["train", "policy=flw"], ["policy=flw", "did you mean 'flow'", "act", "diffusion"]),
        (["train", "train.policy=autoregressive"], ["'autoregressive'", "model.expert.bins", "it is 0"]),
        (["train", "policy=autoregressive", "train.model.expert.lanes=3"], ["lanes 3", "action, 4"]),
        (["train", "train.step=3"], ["train.step", "did you mean 'train.steps'"]),
        (["train", "train.steps=0"], ["steps 0"]),
        (["train", "data=/nowhere"], ["/nowhere"]),
        (["serve", "checkpoint=/nowhere"], ["/nowhere"]),
        (["bench", "seconds=-1", "checkpoint=none"], ["seconds=-1.0"]),
        (["bench", "policies", "rounds=0"], ["rounds=0"]),
        (["bench", "policies", "evaluated=[/nowhere]"], ["/nowhere", "no eval.json"]),
        (["bench", "policies", "evaluated=[a]", "checkpoint=b"], ["exclude each other"]),
        (["bench", "soak", "leave_out=[pigeon]"], ["'pigeon'", "stall_up"]),
        (["bench", "soak", "minutes=0"], ["minutes=0.0"]),
        (["study", "vision", "models=vgg"], ["models=vgg", "convnet", "hybrid"]),
        (["study", "vision", "models=distilled"], ["'convnet'", "teacher"]),
        (["study", "vision", "labels="], ["labels"]),
        (["study", "vision", "stepps=3"], ["did you mean 'steps'"]),
        (["study", "vision", "resolutions=70"], ["resolutions=[70]", "16 pixels"]),
        (["study", "vision", "data=/nowhere", "held_out=0"], ["held_out=0"]),
        (["doctor", "simm"], ["simm", "did you mean 'sim'", "serve"]),
        (["dataset", "info", "/nowhere"], ["/nowhere"]),
        (["dataset", "show", "/nowhere", "episodes=0"], ["episodes=0"]),
        (["dataset", "replay", "/nowhere", "tolerance=3"], ["did you mean 'tolerance_mm'"]),
    ],
)
def test_a_mistake_is_one_line_with_the_choices_and_exit_code_2(words: list[str], says: list[str]):
    done = call(*words)
    assert done.exit_code == 2, done.output
    lines = done.output.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("handily: ")
    for word in says:
        assert word in lines[0]


def test_planners_are_compared_in_a_table_and_leave_their_manifests_and_a_plot(tmp_path: Path):
    words = ["eval", "suite=planner", "planner=language,oracle", "episodes=2",
             "template=sequence,missing_button", f"out={tmp_path}"]  # fmt: skip
    done = call(*words)
    assert done.exit_code == 0, done.output
    for said in ("infeasible refused", "false refusals", "sequence", "24 plans"):
        assert said in done.output, done.output
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "eval_language.json", "eval_oracle.json", "templates.png",
    }  # fmt: skip
    settings = json.loads((folder / "eval_oracle.json").read_text())["settings"]
    assert (settings["planner"], settings["episodes"]) == ("oracle", 2)
    alone = call(*words, "planner=oracle", "axes=base")
    assert alone.exit_code == 0, alone.output
    (manifest,) = tmp_path.glob("*/eval.json")
    assert len(json.loads(manifest.read_text())["trials"]) == 6
    assert call("eval", "suite=planner", "--show-config").output.startswith("planner:")


def test_the_planner_that_comes_with_handily_plans_within_a_second(tmp_path: Path):
    done = call("eval", "suite=planner", "planner=llava", "template=press,missing_object", "episodes=3",
                "axes=base", f"out={tmp_path}")  # fmt: skip
    assert done.exit_code == 0, done.output
    (manifest,) = tmp_path.glob("*/eval.json")
    trials = json.loads(manifest.read_text())["trials"]
    assert [trial["valid"] for trial in trials] == [True] * 6
    assert statistics.median(trial["wall_s"] for trial in trials) < 1.0
    assert "a plan of llava takes 0." in done.output


def test_a_model_of_another_kind_is_asked_for_plans(tmp_path: Path):
    tiny_vlms.save("qwen2_5_vl", tmp_path / "model")
    done = call("eval", "suite=planner", "planner=prompted", f"planner_model={tmp_path / 'model'}",
                "template=press", "episodes=2", "axes=base", f"out={tmp_path / 'runs'}")  # fmt: skip
    assert done.exit_code == 0, done.output
    (manifest,) = tmp_path.glob("runs/*/eval.json")
    trials = json.loads(manifest.read_text())["trials"]
    assert [trial["got"] in ("steps", "cannot", "answer") for trial in trials] == [True] * 2


def test_goals_are_carried_out_and_leave_tables_a_plot_and_films(tmp_path: Path):
    words = ["eval", "suite=composite", "checkpoint=expert", "workers=1", "episodes=1", f"out={tmp_path}"]
    done = call(*words, "template=press,missing_object", "planner=oracle,language", "limit_s=8")
    assert done.exit_code == 0, done.output
    for said in (
        "goals reached",
        "refused, unmoved",
        "infeasible",
        "wrong plan",
        "press_button",
        "4 episodes",
    ):
        assert said in done.output, done.output
    (folder,) = tmp_path.iterdir()
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "contact_sheet.png", "episodes.jsonl", "eval.json", "failures", "failures.mp4", "kinds.png",
    }  # fmt: skip
    manifest = json.loads((folder / "eval.json").read_text())
    assert manifest["settings"]["planners"] == ["oracle", "language"]
    verdicts = {(e["planner"], e["template"]): e["success"] for e in manifest["episodes"]}
    assert verdicts["oracle", "press"]
    assert verdicts["oracle", "missing_object"]
    assert not verdicts["language", "missing_object"]
    again = call(
        *words, "template=press,missing_object", "planner=oracle,language", "limit_s=8", f"resume={folder}"
    )
    assert again.exit_code == 0, again.output
    assert call("eval", "suite=composite", "--show-config").output.startswith("planner:")


def test_the_study_of_vision_shows_its_keys_and_an_example():
    assert "seeds:" in call("study", "vision", "--show-config").output
    assert "handily study vision " in call("study", "vision", "--help").output


def test_an_unknown_command_is_exit_code_2():
    done = call("juggle")
    assert done.exit_code == 2
    assert "juggle" in done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["xyzzy the asdf"], ["xyzzy the asdf", "press the button", "how many stars"]),
        (["stack the red ball on the blue block", "scene=tower_two"], ["scene=tower_two", "red ball"]),
        (["make me a coffee", "scene=instructions"], ["make me a coffee", "press the button"]),
    ],
)
def test_nonsense_and_impossible_scenes_are_refused_before_anything_starts(
    tmp_path: Path, words: list[str], says: list[str]
):
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "about.json").write_text('{"spec": {"cameras": {"front": [32, 32]}}}')
    done = call("run", *words, f"checkpoint={tmp_path}", f"out={tmp_path / 'runs'}")
    assert done.exit_code == 2
    assert all(word in done.output for word in says), done.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "module", ["vla.cli", "vla.cli.run", "vla.cli.collect", "vla.cli.dataset", "sim.driver"]
)
def test_the_robot_side_starts_without_torch(module: str):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_the_doctor_prints_what_to_type_with_its_square_brackets(monkeypatch: pytest.MonkeyPatch):
    finding = Finding("extras", "red", "lib[1]", "pip install 'handily[sim]'")
    monkeypatch.setattr("vla.doctor.examine", lambda *_: [finding])
    done = call("doctor")
    assert done.exit_code == 1
    assert "lib[1]" in done.output
    assert "pip install 'handily[sim]'" in done.output


def test_help_loads_no_heavy_room():
    heavy = ("torch", "mujoco", "numpy", "hydra", "zmq", "pyarrow", "av")
    code = (
        "import sys\nfrom vla.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules and name != 'numpy'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_a_run_stands_for_its_newest_checkpoint(tmp_path: Path):
    for step in (1, 10, 9):
        folder = tmp_path / f"step_{step:08d}"
        folder.mkdir()
        (folder / "manifest.json").write_text(str(step))
    assert resolve_checkpoint(str(tmp_path)).name == "step_00000010"
    assert resolve_checkpoint(str(tmp_path / "step_00000009")).name == "step_00000009"


def test_digests_tell_checkpoints_apart(tmp_path: Path):
    (tmp_path / "manifest.json").write_text("a")
    first = digest(tmp_path)
    (tmp_path / "manifest.json").write_text("b")
    assert digest(tmp_path) != first
    assert model_id(tmp_path) == f"{tmp_path.name}@{digest(tmp_path)[:12]}"


@pytest.mark.parametrize("text", ["", "{}", '{"spec": {"cameras": {}}}', "[]"])
def test_a_checkpoint_that_does_not_say_its_pictures_is_refused(tmp_path: Path, text: str):
    (tmp_path / "about.json").write_text(text)
    with pytest.raises(ConfigError, match=r"about\.json"):
        picture_size(tmp_path)


def test_the_scales_of_a_checkpoint_have_a_digest(tmp_path: Path):
    (tmp_path / "about.json").write_text('{"normalisation": {"a": [1.0], "b": 2}, "step": 1}')
    first = normalisation_digest(tmp_path)
    (tmp_path / "about.json").write_text('{"step": 2, "normalisation": {"b": 2, "a": [1.0]}}')
    assert normalisation_digest(tmp_path) == first
    (tmp_path / "about.json").write_text('{"normalisation": {"a": [1.5], "b": 2}}')
    assert normalisation_digest(tmp_path) != first
    (tmp_path / "about.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"about\.json"):
        normalisation_digest(tmp_path)


@pytest.mark.parametrize(
    "word", ["max_batch=0", "heartbeat_s=0.0", "metrics_port=70000", "batch_window_s=-1.0"]
)
def test_a_server_setting_out_of_range_is_refused_by_name(word: str):
    with pytest.raises(ConfigError, match=word.split("=")[0]):
        load("serve", [word], ServeConfig)
