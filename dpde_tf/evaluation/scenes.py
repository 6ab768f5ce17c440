"""Groups the images of a test set by scene, since images of a room are correlated."""

from collections.abc import Collection, Sequence

# Fewer scenes say nothing about how scores vary.
_FEWEST_SCENES = 20


def scene_numbers(
    names: Sequence[str], scored: Collection[str]
) -> dict[str, int] | None:
    """Returns the scene of each image, if the names of the images reveal it.

    NYU Depth v2 numbers its images in the order of recording, so that a run of
    consecutive numbers shows one room: its 654 test images are 124 runs.

    Args:
        names: Names of all images of the set, in order.
        scored: Those of the images whose scenes are asked for.

    Returns:
        Numbers from 0 by name; None if a name is not a number, or if the scored images
        are of fewer than 20 runs.
    """
    if not all(name.isdecimal() for name in names):
        return None
    scenes, scene, previous = {}, -1, None
    for name in names:
        if previous is None or int(name) != previous + 1:
            scene += 1
        scenes[name], previous = scene, int(name)
    scenes = {name: scenes[name] for name in scored}
    return scenes if len(set(scenes.values())) >= _FEWEST_SCENES else None
