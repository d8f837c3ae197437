"""The shared vocabulary and the pure science of Bitgauge."""
