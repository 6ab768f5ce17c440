"""Running a program whose flags are defined in a module of the library."""

import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from absl import app, flags

from dpde_tf.cli.run_config import run_repeatable


def run_program(
    module: ModuleType,
    main: Callable[[Sequence[str]], None],
    define_flags: Callable[[], None],
    *flag_modules: ModuleType,
    program: str | None = None,
) -> None:
    """Defines the flags of a program and runs it with the command line.

    `--help` shows the docstring of the module and its flags, whatever started it.

    Args:
        module: The module of the program.
        main: Its main function, for `app.run`.
        define_flags: Defines its flags.
        *flag_modules: Modules whose flags are the program's, too.
        program: Its name in `run.json`, if it writes one.
    """
    define_flags()
    for owner in (module, *flag_modules):
        for flag in flags.FLAGS.get_key_flags_for_module(owner.__name__):
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    sys.modules["__main__"].__doc__ = module.__doc__
    if program is None:
        app.run(main)
    else:
        run_repeatable(main, program)
