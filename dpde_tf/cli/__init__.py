"""The command `dpde` and its programs: flags, one call, one line of output.

`main` picks the program; `config_flags` makes flags of the configurations.

Uses `data`, `runs`, `inference`, `evaluation` and the rest of the library.
"""
