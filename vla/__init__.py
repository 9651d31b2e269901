"""Everything the robot side and the model side share."""
