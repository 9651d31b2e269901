"""What a network is for: losses, samplers, scales, data, training, checkpoints."""
