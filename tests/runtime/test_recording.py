"""Only a recorded run reads back as one."""

import numpy as np
import pytest

from vla.dataset.writer import DatasetWriter
from vla.runtime.recording import read_recording
from vla.runtime.spool import RecordingError


def test_a_demonstration_is_not_a_recorded_run(tmp_path):
    feature = {"action": {"dtype": "float32", "shape": [2], "names": None}}
    writer = DatasetWriter.create_or_resume(tmp_path, feature, 20, "tiny")
    writer.add_episode({"action": np.zeros((5, 2), np.float32)}, "push the red block")
    writer.finish()
    with pytest.raises(RecordingError, match=r"episode 0 of .* is not a recorded run"):
        read_recording(tmp_path, 0, pictures=False)
    with pytest.raises(ValueError, match=r"episode 1 is outside 0\.\.0"):
        read_recording(tmp_path, 1, pictures=False)
