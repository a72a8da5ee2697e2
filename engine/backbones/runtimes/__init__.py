"""What runs a network: torch anywhere, ONNX Runtime as the fast path on CPUs."""
