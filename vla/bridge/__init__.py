"""The wire between a robot and the model that moves it."""
