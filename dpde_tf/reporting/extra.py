"""Libraries of the extra `report`, which only the report and its curves need."""

import importlib
from types import ModuleType


def import_extra(module: str) -> ModuleType:
    """Returns a module of a library that the extra installs.

    Args:
        module: Name of the module.

    Returns:
        The module.

    Raises:
        ValueError: If the library is not installed; the message names the command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"The library {module.partition('.')[0]} is missing. Run "
            '`pip install "dpde_tf[report]"`.'
        ) from error
