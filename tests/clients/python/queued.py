"""The queue: every state of a request, its events, its end, and what callers may say about it."""

import asyncio
import http.server
import json
import queue
import threading

import fal_client
from direct import answers
from kit import (
    APP,
    BASE,
    CLIENT,
    LAB,
    UNKNOWN,
    attempts,
    busy,
    calls,
    check,
    fails,
    is_alive,
    is_done,
    raises,
    release,
    until,
)


@check
def submit():
    handle = CLIENT.submit(APP, arguments={"body": '{"is": "mine"}'})
    own = f"{BASE}/queue/{APP}/requests/{handle.request_id}"
    assert handle.response_url == own, handle.response_url
    assert handle.status_url == f"{own}/status" and handle.cancel_url == f"{own}/cancel", handle
    assert handle.get() == {"is": "mine"}


@check
def submit_path():
    found = CLIENT.submit(APP, arguments={}, path="/deep/er").get()
    assert found["path"] == "/deep/er" and found["method"] == "POST", found
    assert CLIENT.submit(f"{APP}/nested", arguments={}).get()["path"] == "/nested"


@check
def submit_headers():
    sent = {"x-app-fal-mine": "arrives", "x-fal-caller-user-id": "somebody-else"}
    handle = CLIENT.submit(APP, arguments={}, headers=sent, priority="low", hint="a", start_timeout=30)
    seen = handle.get()["headers"]
    assert seen["x-app-fal-mine"] == "arrives", seen
    assert seen.get("x-fal-caller-user-id") != "somebody-else", seen
    for consumed in ("x-fal-request-timeout", "x-fal-runner-hint", "x-fal-queue-priority", "authorization"):
        assert consumed not in seen, seen


@check
def submit_unknown_app():
    fails(404, lambda: CLIENT.submit("no/body", arguments={}))


@check
def submit_async():
    async def go():
        client = fal_client.AsyncClient()
        handle = await client.submit(APP, arguments={"body": "7"})
        status = await handle.status()
        assert isinstance(status, fal_client.Queued | fal_client.InProgress | fal_client.Completed)
        return await handle.get(), await client.result(APP, handle.request_id)

    assert asyncio.run(go()) == (7, 7)


@check
def status_in_queue():
    first_of_all = busy("busy")
    first = CLIENT.submit(APP, arguments={})
    second = CLIENT.submit(APP, arguments={})
    assert first.status() == fal_client.Queued(position=0), first.status()
    assert second.status() == fal_client.Queued(position=1), second.status()
    assert second.status(with_logs=True) == fal_client.Queued(position=1)
    release("busy")
    for handle in (first_of_all, first, second):
        handle.get()


@check
def status_in_progress():
    handle = CLIENT.submit(APP, arguments={"hold": "progress", "print": "a line"})
    until("it runs", lambda: attempts(handle))
    assert handle.status() == fal_client.InProgress(logs=None)
    logs = until("the line", lambda: handle.status(with_logs=True).logs)
    assert logs[0]["message"] == "a line" and logs[0]["timestamp"], logs
    release("progress")
    handle.get()


@check
def status_completed():
    handle = CLIENT.submit(APP, arguments={})
    until("it is done", is_done(handle))
    status = handle.status()
    assert status.metrics["inference_time"] >= 0, status
    assert status.logs is None and status.error is None and status.error_type is None, status
    assert CLIENT.status(APP, handle.request_id) == status


@check
def status_of_a_failure():
    handle = CLIENT.submit(APP, arguments={"crash": "kill"}, headers={"x-fal-no-retry": "1"})
    until("it is done", is_done(handle))
    status = handle.status()
    assert status.error_type == "runner_disconnected" and status.error, status


@check
def status_logs():
    handle = CLIENT.submit(APP, arguments={"print": "out loud", "print_error": "to the side"})
    handle.get()
    lines = until("both lines", lambda: len(handle.status(with_logs=True).logs) == 2 and handle.status(with_logs=True).logs)
    assert {line["message"] for line in lines} == {"out loud", "to the side"}, lines


@check
def unknown_id():
    for call in (CLIENT.status, CLIENT.result, CLIENT.cancel):
        fails(404, lambda: call(APP, UNKNOWN))
        fails(404, lambda: call(APP, "not-an-id"))


@check
def id_of_another_app():
    handle = CLIENT.submit(APP, arguments={})
    handle.get()
    for call in (CLIENT.status, CLIENT.result, CLIENT.cancel):
        fails(404, lambda: call("demo/many", handle.request_id))


@check
def get_handle():
    made = CLIENT.submit(APP, arguments={"body": '"here"'}, path="/x")
    found = CLIENT.get_handle(f"{APP}/x", made.request_id)
    assert found.get() == "here" and found.response_url == made.response_url, found


@check
def result():
    handle = CLIENT.submit(APP, arguments={"script": [{"status": 503}]}, path="/deep")
    found = handle.get()
    assert found["attempt"] == 2 and found["path"] == "/deep", found
    assert CLIENT.result(APP, handle.request_id) == found


@check
def result_422():
    body = {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": {}}]}
    handle = CLIENT.submit(APP, arguments=answers(422, body))
    error = fails(422, handle.get)
    assert error.response.json() == body and attempts(handle) == 1, error
    assert error.response.headers["x-fal-request-id"] == handle.request_id


@check
def result_500():
    handle = CLIENT.submit(APP, arguments=answers(500, {"detail": "broken"}))
    assert fails(500, handle.get).message == "broken"
    assert attempts(handle) == 1


@check
def result_503_to_the_last():
    handle = CLIENT.submit(APP, arguments=answers(503, {"detail": "GPU error"}))
    assert fails(503, handle.get).message == "GPU error"
    assert attempts(handle) == 11, "the first and ten more"


@check
def result_504_goes_again():
    handle = CLIENT.submit(APP, arguments={"script": [answers(504, {}), answers(504, {})]})
    assert handle.get()["attempt"] == 3


@check
def result_crash_goes_again():
    handle = CLIENT.submit(APP, arguments={"script": [{"crash": "kill"}, {"crash": "abort"}]})
    assert handle.get()["attempt"] == 3


@check
def result_429_goes_again():
    handle = CLIENT.submit(APP, arguments={"script": [{"status": 429, "body": "{}"}]})
    assert handle.get()["attempt"] == 2


@check
def no_retry():
    handle = CLIENT.submit(APP, arguments=answers(503, {"detail": "once"}), headers={"x-fal-no-retry": "1"})
    assert fails(503, handle.get).message == "once" and attempts(handle) == 1


@check
def needs_retry():
    told = {"status": 422, "body": "{}", "headers": {"x-fal-needs-retry": "1"}}
    handle = CLIENT.submit(APP, arguments={"script": [told]})
    assert handle.get()["attempt"] == 2
    told = answers(503, {"detail": "no more"})
    told["headers"]["x-fal-needs-retry"] = "0"
    handle = CLIENT.submit(APP, arguments=told)
    fails(503, handle.get)
    assert attempts(handle) == 1


@check
def iter_events():
    first = busy("events busy")
    handle = CLIENT.submit(APP, arguments={"hold": "events"})
    kinds = []
    for event in handle.iter_events(interval=0.01):
        kind = type(event).__name__
        if kind not in kinds:
            kinds.append(kind)
        release("events" if kind == "InProgress" else "events busy")
    assert kinds == ["Queued", "InProgress", "Completed"], kinds
    first.get()


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
def iter_events_async():
    async def go():
        client = fal_client.AsyncClient()
        handle = await client.submit(APP, arguments={"sleep_ms": 50})
        return [type(event).__name__ async for event in handle.iter_events(interval=0.01)]

    assert asyncio.run(go())[-1] == "Completed"


@check
def cancel_waiting():
    first = busy("cancel busy")
    handle = CLIENT.submit(APP, arguments={})
    handle.cancel()
    until("it is done", is_done(handle))
    error = fails(499, handle.get)
    assert error.error_type == "client_cancelled" and error.response.json()["detail"], error
    release("cancel busy")
    first.get()
    assert attempts(handle) == 0


@check
def cancel_running():
    told = answers(499, {"detail": "stopped"}, hold_cancel=True)
    handle = CLIENT.submit(APP, arguments=told)
    until("it runs", lambda: attempts(handle))
    CLIENT.cancel(APP, handle.request_id)
    until("it is done", is_done(handle))
    assert fails(499, handle.get).message == "stopped"
    assert attempts(handle) == 1


@check
def cancel_running_in_vain():
    # An app that does not listen runs on, and its result counts.
    handle = CLIENT.submit(APP, arguments={"hold": "deaf", "body": '"done anyhow"'})
    until("it runs", lambda: attempts(handle))
    handle.cancel()
    release("deaf")
    assert handle.get() == "done anyhow"


@check
def cancel_completed():
    handle = CLIENT.submit(APP, arguments={})
    handle.get()
    error = fails(400, handle.cancel)
    assert error.response.json()["status"] == "ALREADY_COMPLETED", error
    assert fails(404, lambda: CLIENT.cancel(APP, UNKNOWN)).response.json()["status"] == "NOT_FOUND"


@check
def cancel_async():
    async def go():
        client = fal_client.AsyncClient()
        handle = await client.submit(APP, arguments={})
        await handle.cancel()
        async for _ in handle.iter_events(interval=0.01):
            pass
        await handle.get()

    first = busy("cancel async")
    fails(499, lambda: asyncio.run(go()))
    release("cancel async")
    first.get()


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
def subscribe_logs():
    seen = []

    def look(event):
        for line in getattr(event, "logs", None) or []:
            seen.append(line["message"])
            release("subscribe logs")

    told = {"print": "while it runs", "hold": "subscribe logs", "body": "1"}
    assert CLIENT.subscribe(APP, arguments=told, on_queue_update=look, with_logs=True, interval=0.01) == 1
    assert "while it runs" in seen, seen


@check
def subscribe_async():
    async def go():
        client = fal_client.AsyncClient()
        updates = []
        found = await client.subscribe(APP, arguments={"body": "[1]"}, on_queue_update=updates.append)
        assert isinstance(updates[-1], fal_client.Completed), updates
        return found

    assert asyncio.run(go()) == [1]


@check
def subscribe_422():
    call = lambda: CLIENT.subscribe(APP, arguments=answers(422, {"detail": "not so"}))
    assert fails(422, call).message == "not so"


@check
def subscribe_client_timeout():
    ids = []
    told = answers(499, {}, hold_cancel=True)
    call = lambda: CLIENT.subscribe(APP, arguments=told, client_timeout=1.2, on_enqueue=ids.append)
    error = raises(fal_client.FalClientTimeoutError, call)
    assert error.request_id == ids[0], error
    handle = CLIENT.get_handle(APP, ids[0])
    until("its cancel is over", is_done(handle))
    assert (LAB / f"cancel-{ids[0]}").exists(), "the runner was told"
    fails(499, handle.get)


@check
def subscribe_client_timeout_async():
    told = answers(499, {}, hold_cancel=True)
    call = lambda: asyncio.run(fal_client.AsyncClient().subscribe(APP, arguments=told, client_timeout=1.2))
    error = raises(fal_client.FalClientTimeoutError, call)
    until("its cancel is over", is_done(CLIENT.get_handle(APP, error.request_id)))


@check
def priority():
    first = busy("priority")
    low = CLIENT.submit(APP, arguments={"tag": "in turn"}, priority="low")
    normal = CLIENT.submit(APP, arguments={"tag": "in turn"}, priority="normal")
    unsaid = CLIENT.submit(APP, arguments={"tag": "in turn"})
    places = [handle.status().position for handle in (normal, unsaid, low)]
    assert places == [0, 1, 2], places
    release("priority")
    for handle in (first, low, normal, unsaid):
        handle.get()
    order = [call["request_id"] for call in calls("in turn")]
    assert order == [normal.request_id, unsaid.request_id, low.request_id], order


@check
def hint():
    # Two runners say what they are good for; each hint then finds its own.
    def give(name):
        told = {"headers": {"x-fal-runner-hints": name}, "hold": f"hint {name}"}
        handle = CLIENT.submit("demo/pair", arguments=told)
        until("it runs", lambda: attempts(handle))
        return handle

    both = [give("left"), give("right")]
    release("hint left"), release("hint right")
    pids = [handle.get()["pid"] for handle in both]
    assert len(set(pids)) == 2, pids
    for name, pid in zip(("left", "right") * 3, pids * 3):
        told = {"headers": {"x-fal-runner-hints": name}}
        assert CLIENT.submit("demo/pair", arguments=told, hint=name).get()["pid"] == pid


@check
def start_timeout():
    first = busy("deadline")
    handle = CLIENT.submit(APP, arguments={}, start_timeout=1.1)
    error = fails(504, handle.get)
    assert error.response.headers["x-fal-request-timeout-type"] == "user", error.response.headers
    release("deadline")
    first.get()
    assert attempts(handle) == 0


@check
def idempotency():
    headers = {"Idempotency-Key": "of the python suite"}
    first = CLIENT.submit(APP, arguments={"tag": "idem"}, headers=headers)
    again = CLIENT.submit(APP, arguments={"tag": "idem"}, headers=headers)
    assert again.request_id == first.request_id
    first.get()
    assert len(calls("idem")) == 1
    fails(422, lambda: CLIENT.submit(APP, arguments={"tag": "other"}, headers=headers))


class Hooks(http.server.BaseHTTPRequestHandler):
    seen = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.put((dict(self.headers), json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def delivered(told):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook?a=1&b=2"
    handle = CLIENT.submit(APP, arguments=told, webhook_url=url)
    headers, body = Hooks.seen.get(timeout=30)
    server.shutdown()
    assert body["request_id"] == handle.request_id, body
    names = {name.lower() for name in headers}
    assert {"x-fal-webhook-signature", "x-fal-webhook-timestamp", "x-fal-webhook-user-id"} <= names, names
    return body


@check
def webhook():
    body = delivered({"body": '{"is": "there"}'})
    assert body["status"] == "OK" and body["payload"] == {"is": "there"}, body


@check
def webhook_of_a_failure():
    body = delivered(answers(422, {"detail": "not so"}))
    assert body["status"] == "ERROR" and body["payload"] == {"detail": "not so"}, body
    assert "422" in body["error"], body


@check
def retry_replaces_the_runner():
    handle = CLIENT.submit(APP, arguments={"script": [{"status": 503, "body": "{}"}]})
    pids = [json.loads(line)["pid"] for line in (LAB / "requests" / handle.request_id).read_text().splitlines()] if handle.get() else []
    assert len(pids) == 2 and pids[0] != pids[1] and not is_alive(pids[0]), pids


@check
def large_result():
    handle = CLIENT.submit(APP, arguments={"body": json.dumps("z" * 3_000_000)})
    assert len(handle.get()) == 3_000_000


@check
def order():
    first = busy("order")
    handles = [CLIENT.submit(APP, arguments={"tag": "order"}) for _ in range(20)]
    release("order")
    for handle in [first, *handles]:
        handle.get()
    assert [call["request_id"] for call in calls("order")] == [handle.request_id for handle in handles]
