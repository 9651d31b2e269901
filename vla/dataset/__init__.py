"""Demonstrations on disk: written as LeRobotDataset v3.0, read back in any version, cached for training."""
