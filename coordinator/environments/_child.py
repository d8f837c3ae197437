"""Runs a module as `python -m` does, in a process that ends with the one that started it.

``python _child.py PRCTL PARENT WRITTEN MEMORY PLACE MODULE ARGUMENT...``: with the standard library
alone, as any interpreter of the machine may run it. A module is looked for in PLACE first.
"""

import resource
import runpy
import sys

prctl, parent, written, memory, place, module, *arguments = sys.argv[1:]
if not runpy.run_path(prctl)["die_with_parent"](int(parent)):
    sys.exit(1)
for kind, value in ((resource.RLIMIT_FSIZE, int(written)), (resource.RLIMIT_DATA, int(memory))):
    hard = resource.getrlimit(kind)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (soft, hard))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if place:
    sys.path.insert(0, place)
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
