"""The command line: one file per verb, and what turns words, environment and a file into the arguments of one function.

Knows terminals: flags, help, colours, line editing, Ctrl-C, exit codes. Refuses to know models, tensors or HTTP: a
verb opens an engine or a server and shows what it says. Nothing heavy is imported before the verb that needs it runs,
so that `--help` answers at once; the command table (`table.py`) is the only place that names the verbs.
"""

from sampan.cli.main import main

__all__ = ["main"]
