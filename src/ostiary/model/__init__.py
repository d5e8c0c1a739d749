"""Policies as the proof and the deployer see them: names resolved, everything frozen."""
