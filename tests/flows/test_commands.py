"""The commands as a reader of the README types them, on two episodes and a policy that has learned little."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
from PIL import Image

from vla.bridge.process import ServerProcess
from vla.dataset.reader import Dataset


def test_collect_writes_a_dataset_that_info_and_doctor_accept(handily, data: Path):
    assert len(Dataset.open(data).episodes) == 2
    info = handily("dataset", "info", str(data))
    assert info.returncode == 0, info.stderr
    assert "episodes" in info.stdout
    assert "observation.state" in info.stdout
    doctor = handily("dataset", "doctor", str(data))
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "Fit for training." in doctor.stdout


def test_collect_goes_on_where_it_stopped(handily, data: Path, tmp_path: Path):
    folder = tmp_path / "more"
    shutil.copytree(data, folder)
    more = handily(
        "collect", "task=reach,press_button", "episodes=3", f"out={folder}", "workers=1", "noise=0"
    )
    assert more.returncode == 0, more.stderr
    assert "1 episodes recorded" in more.stdout
    assert len(Dataset.open(folder).episodes) == 3


def test_show_draws_a_contact_sheet(handily, data: Path, tmp_path: Path):
    out = tmp_path / "sheet.png"
    shown = handily("dataset", "show", str(data), f"out={out}", "columns=3")
    assert shown.returncode == 0, shown.stderr
    assert Image.open(out).width > 3 * 128


def test_replay_repeats_an_undisturbed_episode(handily, data: Path):
    replay = handily("dataset", "replay", str(data), "episode=1")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert "success" in replay.stdout


def test_stills_are_drawn_once_and_train_beside_demonstrations(handily, data: Path, tiny, tmp_path: Path):
    folder = tmp_path / "stills"
    for _ in range(2):
        drawn = handily("collect", "stills=4", f"out={folder}", "workers=1")
        assert drawn.returncode == 0, drawn.stderr
        assert "holds 4 stills" in drawn.stdout
    sheet = tmp_path / "stills.png"
    shown = handily("dataset", "show", str(folder), f"out={sheet}", "columns=3")
    assert shown.returncode == 0, shown.stderr
    assert "4 of 4 stills" in shown.stdout
    assert Image.open(sheet).width > 3 * 128
    out = tmp_path / "run"
    more = ("train.steps=1", "train.stills_batch=2")
    done = handily("train", f"data={data}", f"stills={folder}", f"out={out}", *tiny, *more)
    assert done.returncode == 0, done.stderr
    cache = handily("train", f"data={data}", f"stills={data / 'cache'}", f"out={out}", *tiny)
    assert cache.returncode == 2
    assert "demonstrations' cache, not stills" in cache.stderr
    size = handily("train", f"data={data}", "train.model.vision.image_size=64", f"out={out}", *tiny)
    assert size.returncode == 2
    assert "128 px" in size.stderr
    missing = handily("train", f"data={data}", f"stills={tmp_path / 'none'}", f"out={out}", *tiny)
    assert missing.returncode == 2
    assert "holds no filled cache" in missing.stderr
    assert len(missing.stderr.strip().splitlines()) == 1


def test_train_resumes_from_its_own_checkpoint(handily, data: Path, checkpoint: Path, tiny, tmp_path: Path):
    folder = tmp_path / "again"
    shutil.copytree(checkpoint, folder)
    more = handily("train", f"data={data}", f"out={folder}", *tiny, "train.steps=4")
    assert more.returncode == 0, more.stderr
    assert "step 4/4" in more.stderr
    assert "step 3/4" not in more.stderr


def test_eval_leaves_a_manifest_that_others_can_rerun(handily, checkpoint: Path, tmp_path: Path):
    line = (
        "eval",
        f"checkpoint={checkpoint}",
        "task=press_button",
        "episodes=1",
        "workers=1",
        "execute=16",
        f"out={tmp_path}",
    )
    done = handily(*line)
    assert done.returncode == 0, done.stderr
    assert "press_button" in done.stdout
    manifest = json.loads(next(tmp_path.glob("*/eval.json")).read_text())
    assert manifest["settings"]["episodes"] == 1
    assert len(manifest["settings"]["digest"]) == 64
    assert len(manifest["episodes"]) == 1


def test_run_leaves_video_sheet_and_report_and_its_robot_side_never_loads_torch(
    checkpoint: Path, tmp_path: Path
):
    words = [
        "run",
        "press the button",
        f"checkpoint={checkpoint}",
        "pace=lockstep",
        "timeout_s=1",
        f"out={tmp_path}",
    ]
    script = (
        "import sys\n"
        "from vla.cli import app\n"
        "try:\n"
        f"    app({words!r})\n"
        "except SystemExit as end:\n"
        "    print('exit', end.code, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)
    assert "exit 1 False" in done.stdout, done.stdout + done.stderr
    folder = next(tmp_path.iterdir())
    report = json.loads((folder / "report.json").read_text())
    assert report["success"] is False
    assert report["reason"] == "timeout"
    assert report["plan"] == [{"step": "press the button", "status": "active"}]
    assert report["health"]["chunks"] > 0
    assert report["versions"]["torch"]
    assert len(report["model"]["digest"]) == 64
    with av.open(str(folder / "run.mp4")) as video:
        assert video.streams.video[0].frames in (report["health"]["ticks"], report["health"]["ticks"] - 1)
    assert Image.open(folder / "contact_sheet.png").width > 600


def test_ctrl_c_ends_a_run_with_130_and_loses_nothing(checkpoint: Path, tmp_path: Path):
    words = ["run", "press the button", f"checkpoint={checkpoint}", "timeout_s=100", f"out={tmp_path}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vla.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    # The first line of the view says that the arm is under way.
    assert "press the button" in process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip() == "handily: interrupted"
    folder = next(tmp_path.iterdir())
    assert json.loads((folder / "report.json").read_text())["reason"] == "stopped"
    assert (folder / "run.mp4").stat().st_size > 0


def test_run_uses_a_server_that_runs_already(handily, checkpoint: Path, tmp_path: Path):
    where = tmp_path / "endpoint"
    serve = ["serve", f"checkpoint={checkpoint}", "endpoint=tcp://127.0.0.1:0", f"announce={where}"]
    with ServerProcess([sys.executable, "-m", "vla.cli", *serve], where, tmp_path / "log") as server:
        line = ("run", "press the button", f"server={server.endpoint}", "pace=lockstep", "timeout_s=1")
        done = handily(*line, f"checkpoint={checkpoint}", f"out={tmp_path / 'runs'}")
        assert done.returncode == 1, done.stderr
        assert server.alive
    report = json.loads(next((tmp_path / "runs").glob("*/report.json")).read_text())
    assert report["health"]["chunks"] > 0
    assert report["model"]["server"] == server.endpoint
    assert not list((tmp_path / "runs").glob("*/serve.log"))
    refused = handily(*line, "faults=policy=slow:0.1")
    assert refused.returncode == 2
    assert "give policy faults to handily serve" in refused.stderr


def test_a_damaged_checkpoint_is_one_line_and_exit_2(handily, checkpoint: Path, tmp_path: Path):
    damage = "model.safetensors"
    step = next(checkpoint.glob("step_*"))
    broken = tmp_path / "broken"
    shutil.copytree(step, broken)
    file = broken / damage
    file.write_bytes(file.read_bytes()[:-40])
    done = handily("serve", f"checkpoint={broken}", "endpoint=tcp://127.0.0.1:0")
    assert done.returncode == 2, done.stderr
    assert damage in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_bench_measures_all_three(handily, checkpoint: Path):
    done = handily("bench", f"checkpoint={checkpoint}", "seconds=0.05")
    assert done.returncode == 0, done.stderr
    for word in ("control step", "bridge", "policy", "p95"):
        assert word in done.stdout


def test_policies_are_compared_by_what_a_chunk_costs_and_is_worth(handily, data: Path, tiny, tmp_path: Path):
    written = tmp_path / "tokens"
    words = ("policy=autoregressive", "train.model.expert.lanes=2", "train.steps=1", f"out={written}")
    done = handily("train", f"data={data}", *tiny, *words)
    assert done.returncode == 0, done.stderr
    line = ("eval", f"checkpoint={written}", "task=press_button", "episodes=1", "workers=1", "execute=16")
    done = handily(*line, f"out={tmp_path / 'evaluations'}")
    assert done.returncode == 0, done.stderr
    [played] = tmp_path.glob("evaluations/*/eval.json")
    done = handily("bench", "policies", f"evaluated=[{played.parent}]", "rounds=2", f"out={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "success" in done.stdout
    [told] = json.loads((tmp_path / "policies.json").read_text())["policies"]
    assert told["policy"] == "tokens"
    assert told["success"]["trials"] == 1
    assert told["chunk_p50_s"] > told["expert_p50_s"] > 0
    done = handily("bench", "policies", f"evaluated=[{played.parent},{played.parent}]")
    assert done.returncode == 2
    assert "it played 'tokens', as another" in done.stderr
    manifest = next(written.glob("step_*/manifest.json"))
    manifest.write_text(manifest.read_text() + "\n")
    done = handily("bench", "policies", f"evaluated=[{played.parent}]")
    assert done.returncode == 2
    assert "is not what was played there" in done.stderr
