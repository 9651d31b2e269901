"""The real ``lerobot`` package opens what we write.

It needs an environment of its own (its pins differ from ours), whose interpreter is named by
HANDILY_LEROBOT_PYTHON or lies at ~/.cache/handily/lerobot-venv/bin/python.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from vla.dataset.reader import Dataset

PYTHON = Path(
    os.environ.get("HANDILY_LEROBOT_PYTHON", Path.home() / ".cache/handily/lerobot-venv/bin/python")
)
SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
try:
    import torchvision
except RuntimeError:
    # A torchvision without its compiled operators; its video reader on PyAV is plain Python and needs
    # none of them, but the import wants this operator to be declared.
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from lerobot.datasets.lerobot_dataset import LeRobotDataset

root, out = sys.argv[1:]
dataset = LeRobotDataset("local/five", root=root, video_backend="pyav")
windows = LeRobotDataset(
    "local/five", root=root, video_backend="pyav", episodes=[3], delta_timestamps={"action": [0.0, 0.05, 0.1]}
)
result = {
    "frames": len(dataset), "episodes": dataset.num_episodes, "fps": dataset.fps,
    "window": windows[20]["action"].tolist(), "pad": windows[20]["action_is_pad"].tolist(),
    "tasks": dataset.meta.tasks["task_index"].to_dict(),
    "q99": dataset.meta.stats["action"]["q99"].tolist(), "items": [],
}
for index in (0, 11, 12, 48, 49, 85):
    item = dataset[index]
    shades = {camera: item["observation.images." + camera] for camera in ("front", "wrist")}
    result["items"].append({
        "index": int(item["index"]), "task": item["task"], "action": item["action"].tolist(),
        "grasped": bool(item["grasped"]),
        "images": {k: (v.permute(1, 2, 0) * 255).round().int().tolist() for k, v in shades.items()},
    })
json.dump(result, open(out, "w"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason=f"lerobot's own environment is absent: no {PYTHON}")
def test_lerobot_reads_the_very_same_dataset(dataset_root, tmp_path):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    command = [str(PYTHON), "-c", SCRIPT, str(dataset_root), str(tmp_path / "result.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((tmp_path / "result.json").read_text())
    ours = Dataset.open(dataset_root)
    assert (result["frames"], result["episodes"], result["fps"]) == (86, 5, 20)
    assert result["tasks"] == {task: i for i, task in enumerate(ours.tasks)}
    arrays = [ours.episode(i) for i in range(5)]
    every = {name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]}
    tasks = [episode.tasks[0] for episode in ours.episodes for _ in range(episode.length)]
    for item in result["items"]:
        index = item["index"]
        assert item["task"] == tasks[index]
        np.testing.assert_allclose(item["action"], every["action"][index], atol=1e-6)
        assert item["grasped"] == every["grasped"][index, 0]
        for camera, image in item["images"].items():
            mine = every[f"observation.images.{camera}"][index].astype(int)
            # Two releases of the same decoder may round colours differently, never by more than this.
            assert np.abs(np.array(image) - mine).max() <= 3
    np.testing.assert_allclose(result["window"], arrays[3]["action"][[20, 20, 20]], atol=1e-6)
    assert result["pad"] == [False, True, True]
    np.testing.assert_allclose(result["q99"], np.quantile(every["action"], 0.99, axis=0), atol=1e-6)
