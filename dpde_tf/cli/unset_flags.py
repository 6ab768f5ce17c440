"""Refuses flags that would have no effect."""

from absl import app, flags

from dpde_tf.cli.run_config import is_of_record


def check_unset(*names: str, needs: str) -> None:
    """Raises an app.UsageError if one of the flags is given, since it has no effect.

    A flag of the record that `--config` names is ignored instead: the command line may
    have changed what it needs.

    Args:
        *names: Names of the flags; a program may lack some of them.
        needs: What the flags need, for the message.
    """
    for name in names:
        if name not in flags.FLAGS or is_of_record(name):
            continue
        flag = flags.FLAGS[name]
        if flag.value != flag.default:
            raise app.UsageError(f"--{name} needs {needs}.")
