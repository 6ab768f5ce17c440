"""Fusion of a predicted depth map with predicted gradients (Eqs. 5 and 6)."""
