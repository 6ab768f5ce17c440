"""The command `dpde`: depth from photographs, and the fusion for any network's depth.

    dpde predict photo.jpg              depth, fused depth and pictures of a photograph
    dpde app                            the same on a page in the browser
    dpde fuse --depth=maps --images=rgb --output=sharper    another network's depth
    dpde evaluate --predictions=out --records=data/records/nyu_depth_v2     scores
    dpde export --format=tflite --output=dpde.tflite    a file for other runtimes

`dpde COMMAND --help` lists the flags of a command.
"""

import difflib
import gc
import importlib
import sys

COMMANDS = {
    "predict": "Predicts depth, depth gradients and the fused depth of images.",
    "fuse": "Refines the depth maps of any network with depth gradients.",
    "app": "Shows depth of photographs on a page in the browser of this computer.",
    "evaluate": "Scores predicted depth of any network, under one or more protocols.",
    "export": "Exports networks, or the whole method, to SavedModel, TFLite or ONNX.",
}


def main() -> None:
    """Runs the command that the first argument names.

    Raises:
        SystemExit: With code 0 after the help, with 1 if there is no such command.
    """
    gc.freeze()  # The library stays; looking through it for garbage takes time.
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--version", "version"):
        from dpde_tf import __version__

        print(f"dpde_tf {__version__}")
        return
    if name not in COMMANDS:
        print(__doc__.strip())
        print("\nCommands:")
        for command, text in COMMANDS.items():
            print(f"  {command:<10} {text}")
        if name not in ("--help", "-h", "help"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            sys.exit(f"\nError: there is no command {name!r}.{hint}")
        return
    sys.argv[:2] = [f"{sys.argv[0]} {name}"]
    importlib.import_module(f"dpde_tf.cli.{name}").run()


if __name__ == "__main__":
    main()
