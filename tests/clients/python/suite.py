"""What users do with fal's own client, against a platform on loopback.

Arguments: the platform's URL, and the folder of its runners, whose calls are told what to do by their body. The key is in
the environment, and over TLS so is where the client goes.
Prints one line per check: its name, and `ok` or what went wrong.
"""

import os
import sys
import time
import traceback

import kit

import direct  # noqa: F401  each of these brings its checks
import queued  # noqa: F401
import sessions  # noqa: F401
import uploads  # noqa: F401
import keys  # noqa: F401
import sdk  # noqa: F401


def main():
    only = os.environ.get("SUITE_ONLY", "").split()
    for function in kit.CHECKS:
        if only and function.__name__ not in only:
            continue
        began = time.monotonic()
        try:
            function()
            outcome = "ok"
        except Exception as error:  # every kind of failure is a line
            place = traceback.extract_tb(error.__traceback__)
            lines = [f"{frame.name}:{frame.lineno}" for frame in place if frame.filename.startswith(os.path.dirname(__file__))]
            outcome = f"{type(error).__name__} at {' '.join(lines[-2:])}: {error}".replace("\n", " ")
        kit.tidy_up()
        print(function.__name__, outcome, flush=True)
        print(f"{function.__name__} took {time.monotonic() - began:.2f} s", file=sys.stderr, flush=True)


main()
