#!/usr/bin/env python3
"""rrbench's driver with scenarios of our own: more-scenarios.py RRBENCH_DIR SCENARIOS.json driver arguments...
SCENARIOS.json maps a name to [groups, phases, rrtest options]."""
import json, sys

directory, scenarios = sys.argv[1], sys.argv[2]
sys.argv[1:3] = []
sys.path.insert(0, directory)
import run  # noqa: E402

run.SCENARIOS.update(json.load(open(scenarios)))
sys.exit(run.main())
