"""Pictures of depth maps, and their reconstruction in three dimensions.

Uses `files`.
"""
