"""The MuJoCo world: scenes, tasks, scripted experts, rendering, collection and evaluation of episodes."""
