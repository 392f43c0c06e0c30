"""What makes flow runs units of systemd; the first argument is the module whose turn it is."""

import importlib
import sys

importlib.import_module(sys.argv[1]).main(*sys.argv[2:])
