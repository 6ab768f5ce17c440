"""Runs programs, with a common handling of --help and of invalid flags."""

import functools
import logging
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from absl import app, flags
from absl import logging as absl_logging

from dpde_tf.cli.run_config import run_repeatable


class _HelpFlag(app.HelpFlag):
    """`--help`, which ends the program with exit code 0 instead of 1."""

    def parse(self, arg: str | bool) -> None:
        """Prints the help and ends the program, if the flag is set."""
        try:
            super().parse(arg)
        except SystemExit:
            sys.exit(0)


def run_main(main: Callable[[Sequence[str]], None], program: str | None = None) -> None:
    """Runs the main function of a program with the command line.

    `--help` has exit code 0. An app.UsageError ends the program with one line and exit
    code 1, and Ctrl-C with one line and exit code 130.

    Args:
        main: As for `app.run`; all flags are defined.
        program: Its name in `run.json`, if it writes one.
    """

    @functools.wraps(main)
    def checked(argv: Sequence[str]) -> None:
        try:
            main(argv)
        except app.UsageError as error:
            sys.exit(f"Error: {error}")
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            sys.exit(130)

    # Not the time, the thread and the line of code.
    plain = logging.Formatter("%(levelname)s: %(message)s")
    absl_logging.get_absl_handler().setFormatter(plain)
    app.define_help_flags()
    help_flag = _HelpFlag()
    help_flag.allow_override = True
    flags.DEFINE_flag(help_flag)
    if program is None:
        app.run(checked)
    else:
        run_repeatable(checked, program)


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
        main: Its main function, see `run_main`.
        define_flags: Defines its flags.
        *flag_modules: Modules whose flags are the program's, too.
        program: Its name in `run.json`, if it writes one.
    """
    define_flags()
    for owner in (module, *flag_modules):
        for flag in flags.FLAGS.get_key_flags_for_module(owner.__name__):
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    sys.modules["__main__"].__doc__ = module.__doc__
    run_main(main, program)
