"""What users do with fal's own client, against a platform on loopback.

Arguments: the platform's port, and the folder of its `unruly` runners, whose calls are told what to do by their body.
Prints one line per check: its name, and `ok` or what went wrong.
"""

import asyncio
import pathlib
import sys
import time

import fal_client
import fal_client.client as module
import httpx

PORT = sys.argv[1]
LAB = pathlib.Path(sys.argv[2])
APP = "demo/lab"

module.RUN_URL_FORMAT = f"http://127.0.0.1:{PORT}/run/"
module.QUEUE_URL_FORMAT = f"http://127.0.0.1:{PORT}/queue/"
module.REALTIME_URL_FORMAT = f"ws://127.0.0.1:{PORT}/run/"
module.REST_URL = f"http://127.0.0.1:{PORT}/rest"
module.CDN_URL = f"http://127.0.0.1:{PORT}/cdn"

CLIENT = fal_client.SyncClient(key="id:secret")
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


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


def fails(status, call):
    try:
        call()
    except (fal_client.FalClientHTTPError, httpx.HTTPStatusError) as error:
        assert error.response.status_code == status, error.response.status_code
        return error
    raise AssertionError(f"no error, and {status} was wanted")


def is_done(handle):
    return lambda: isinstance(handle.status(), fal_client.Completed)


@check
def run():
    result = CLIENT.run(APP, arguments={"tag": "run"})
    assert result["method"] == "POST" and result["path"] == "/", result
    assert result["headers"]["content-type"] == "application/json", result


@check
def run_path():
    assert CLIENT.run(APP, arguments={}, path="/v2/turbo")["path"] == "/v2/turbo"
    assert CLIENT.run(f"{APP}/v3", arguments={})["path"] == "/v3"


@check
def run_async():
    result = asyncio.run(fal_client.AsyncClient(key="id:secret").run(APP, arguments={}))
    assert result["method"] == "POST", result


@check
def run_422():
    error = fails(422, lambda: CLIENT.run(APP, arguments={"status": 422, "body": '{"detail": "not so"}'}))
    assert "not so" in str(error), error


@check
def run_500():
    fails(500, lambda: CLIENT.run(APP, arguments={"status": 500, "body": '{"detail": "broken"}'}))


@check
def run_503():
    before = CLIENT.run(APP, arguments={})["pid"]
    # The client itself may ask again after a 503; each of its calls is one attempt on one runner.
    fails(503, lambda: CLIENT.run(APP, arguments={"status": 503, "body": "{}"}))
    until("another runner", lambda: CLIENT.run(APP, arguments={})["pid"] != before)


@check
def submit():
    handle = CLIENT.submit(APP, arguments={"body": '{"is": "mine"}'})
    assert handle.request_id in handle.response_url, handle
    assert handle.get() == {"is": "mine"}


@check
def status_in_queue():
    busy = CLIENT.submit(APP, arguments={"hold": "busy"})
    until("it runs", lambda: attempts(busy))
    first = CLIENT.submit(APP, arguments={})
    second = CLIENT.submit(APP, arguments={})
    assert first.status() == fal_client.Queued(position=0), first.status()
    assert second.status() == fal_client.Queued(position=1), second.status()
    release("busy")
    for handle in (busy, first, second):
        handle.get()


@check
def status_in_progress():
    handle = CLIENT.submit(APP, arguments={"hold": "progress", "print": "a line"})
    until("it runs", lambda: attempts(handle))
    assert isinstance(handle.status(), fal_client.InProgress)
    logs = until("the line", lambda: handle.status(with_logs=True).logs)
    assert logs[0]["message"] == "a line", logs
    release("progress")
    handle.get()


@check
def status_completed():
    handle = CLIENT.submit(APP, arguments={})
    until("it is done", is_done(handle))
    status = handle.status()
    assert status.metrics["inference_time"] >= 0, status
    assert status.logs is None, status
    assert CLIENT.status(APP, handle.request_id) == status


@check
def result():
    handle = CLIENT.submit(APP, arguments={"script": [{"status": 503}]}, path="/deep")
    found = CLIENT.result(APP, handle.request_id) if is_done(handle)() else handle.get()
    assert found["attempt"] == 2 and found["path"] == "/deep", found
    assert CLIENT.result(APP, handle.request_id) == found


@check
def result_async():
    async def go():
        client = fal_client.AsyncClient(key="id:secret")
        handle = await client.submit(APP, arguments={"body": "7"})
        return await handle.get()

    assert asyncio.run(go()) == 7


@check
def result_422():
    handle = CLIENT.submit(APP, arguments={"status": 422, "body": '{"detail": "not so"}'})
    assert "not so" in str(fails(422, handle.get))


@check
def result_500():
    handle = CLIENT.submit(APP, arguments={"status": 500, "body": "{}"})
    fails(500, handle.get)
    assert attempts(handle) == 1


@check
def iter_events():
    busy = CLIENT.submit(APP, arguments={"hold": "events busy"})
    until("it runs", lambda: attempts(busy))
    handle = CLIENT.submit(APP, arguments={"hold": "events"})
    kinds = []
    for event in handle.iter_events(interval=0.01):
        kind = type(event).__name__
        if kind not in kinds:
            kinds.append(kind)
        release("events" if kind == "InProgress" else "events busy")
    assert kinds == ["Queued", "InProgress", "Completed"], kinds


@check
def iter_events_logs():
    handle = CLIENT.submit(APP, arguments={"hold": "logs", "print": "first line"})
    seen = []
    for event in handle.iter_events(with_logs=True, interval=0.01):
        for line in getattr(event, "logs", None) or []:
            seen.append(line["message"])
            release("logs")
    assert "first line" in seen, seen


@check
def cancel_waiting():
    busy = CLIENT.submit(APP, arguments={"hold": "cancel busy"})
    until("it runs", lambda: attempts(busy))
    handle = CLIENT.submit(APP, arguments={})
    handle.cancel()
    until("it is done", is_done(handle))
    error = fails(499, handle.get)
    assert error.response.json()["error_type"] == "client_cancelled", error
    release("cancel busy")
    busy.get()
    assert attempts(handle) == 0


@check
def cancel_running():
    handle = CLIENT.submit(APP, arguments={"hold_cancel": True, "status": 499, "body": "{}"})
    until("it runs", lambda: attempts(handle))
    CLIENT.cancel(APP, handle.request_id)
    until("it is done", is_done(handle))
    fails(499, handle.get)


@check
def cancel_completed():
    handle = CLIENT.submit(APP, arguments={})
    handle.get()
    error = fails(400, handle.cancel)
    assert error.response.json()["status"] == "ALREADY_COMPLETED", error


@check
def subscribe():
    ids, updates = [], []
    result = CLIENT.subscribe(
        APP,
        arguments={"body": '{"so": "it is"}', "sleep_ms": 50},
        on_enqueue=ids.append,
        on_queue_update=updates.append,
        with_logs=True,
    )
    assert result == {"so": "it is"} and len(ids) == 1, (result, ids)
    assert isinstance(updates[-1], fal_client.Completed), updates


@check
def subscribe_async():
    client = fal_client.AsyncClient(key="id:secret")
    assert asyncio.run(client.subscribe(APP, arguments={"body": "[1]"})) == [1]


@check
def priority():
    busy = CLIENT.submit(APP, arguments={"hold": "priority"})
    until("it runs", lambda: attempts(busy))
    low = CLIENT.submit(APP, arguments={}, priority="low")
    normal = CLIENT.submit(APP, arguments={}, priority="normal")
    assert normal.status().position == 0 and low.status().position == 1
    release("priority")
    for handle in (busy, low, normal):
        handle.get()


@check
def start_timeout():
    busy = CLIENT.submit(APP, arguments={"hold": "deadline"})
    until("it runs", lambda: attempts(busy))
    handle = CLIENT.submit(APP, arguments={}, start_timeout=1.1)
    error = fails(504, handle.get)
    assert error.response.headers["x-fal-request-timeout-type"] == "user", error.response.headers
    release("deadline")
    busy.get()


@check
def unknown_id():
    unknown = "0190d1a2-0000-7000-8000-0000000000ff"
    for call in (CLIENT.status, CLIENT.result, CLIENT.cancel):
        fails(404, lambda: call(APP, unknown))
    handle = CLIENT.submit(APP, arguments={})
    handle.get()
    fails(404, lambda: CLIENT.result("demo/other", handle.request_id))
    fails(404, lambda: CLIENT.run("no/body", arguments={}))


def main():
    for function in CHECKS:
        try:
            function()
            outcome = "ok"
        except Exception as error:  # every kind of failure is a line
            outcome = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(function.__name__, outcome, flush=True)


main()
