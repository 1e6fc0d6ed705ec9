"""What the checks share: the client, set up for this platform, and ways to look and to wait."""

import json
import os
import pathlib
import sys
import time

import fal_client
import fal_client.client as module
import httpx

BASE = sys.argv[1]
LAB = pathlib.Path(sys.argv[2])
KEYED = os.environ.get("SUITE_KEYED") == "1"
APP = "demo/lab"
SDK = "demo/sdk"
SOCKETS = BASE.replace("http", "ws", 1)
UNKNOWN = "0190d1a2-0000-7000-8000-0000000000ff"

if BASE.startswith("https"):
    # The environment alone has sent the client here. What it does for files cannot be sent anywhere in that way.
    assert module.RUN_URL_FORMAT == f"{BASE}/run/", module.RUN_URL_FORMAT
    assert module.QUEUE_URL_FORMAT == f"{BASE}/queue/", module.QUEUE_URL_FORMAT
    assert module.REALTIME_URL_FORMAT == f"{SOCKETS}/run/", module.REALTIME_URL_FORMAT
else:
    module.RUN_URL_FORMAT = f"{BASE}/run/"
    module.QUEUE_URL_FORMAT = f"{BASE}/queue/"
    module.REALTIME_URL_FORMAT = f"{SOCKETS}/run/"
module.REST_URL = f"{BASE}/rest"
module.CDN_URL = f"{BASE}/cdn"

CLIENT = fal_client.SyncClient()
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def keyed(function):
    """A check that says something only where keys are asked for."""
    return check(function) if KEYED else function


def release(name):
    (LAB / name).write_text("")


def until(what, look, limit=30):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


def attempts(handle):
    path = LAB / "requests" / handle.request_id
    return len(path.read_text().splitlines()) if path.exists() else 0


def calls(tag):
    """What reached a runner under this tag."""
    lines = [json.loads(line) for line in (LAB / "calls").read_text().splitlines() if line.endswith("}")]
    return [line for line in lines if line.get("tag") == tag]


def is_alive(pid):
    try:
        return "Z" not in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def fails(status, call):
    """The error of a call that has to fail with this status."""
    try:
        found = call()
    except (fal_client.FalClientHTTPError, httpx.HTTPStatusError) as error:
        assert error.response.status_code == status, f"{error.response.status_code}: {error.response.text}"
        assert error.response.headers["x-fal-request-id"], "every answer has an id"
        return error
    raise AssertionError(f"no error but {found}, and {status} was wanted")


def raises(kind, call):
    try:
        found = call()
    except kind as error:
        return error
    raise AssertionError(f"no error but {found}, and {kind.__name__} was wanted")


def is_done(handle):
    return lambda: isinstance(handle.status(), fal_client.Completed)


HELD = set()


def tidy_up():
    """After a check: whatever it left waiting goes on, so that one failure is one failure."""
    for name in HELD:
        release(name)


def busy(name, app=APP):
    """A request that keeps the only runner until `name` is released."""
    HELD.add(name)
    handle = CLIENT.submit(app, arguments={"hold": name})
    until("it runs", lambda: attempts(handle))
    return handle
