"""Direct calls: what comes back, what arrives, and what each kind of failure is to a caller."""

import asyncio
import json
import os

import fal_client
import httpx
from kit import APP, BASE, CLIENT, LAB, SDK, busy, calls, check, fails, is_alive, raises, release, until


def answers(status, body, **more):
    return {"status": status, "body": json.dumps(body), "headers": {"content-type": "application/json"}, **more}


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
    result = asyncio.run(fal_client.AsyncClient().run(APP, arguments={}, path="a"))
    assert result["method"] == "POST" and result["path"] == "/a", result


@check
def run_module():
    # The functions of the module itself, which most users call.
    assert fal_client.run(APP, arguments={})["method"] == "POST"
    assert asyncio.run(fal_client.run_async(APP, arguments={}))["method"] == "POST"


@check
def run_get():
    result = CLIENT.run(APP, arguments={"never": "sent"}, method="GET", path="/some")
    assert (result["method"], result["path"], result["received"]) == ("GET", "/some", 0), result


@check
def run_headers():
    sent = {
        "x-app-fal-mine": "arrives",
        "x-other": "as well",
        "x-fal-caller-user-id": "somebody-else",
        "x-fal-endpoint": "another/app",
        "x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 60}',
    }
    seen = CLIENT.run(APP, arguments={}, headers=sent, path="/h", start_timeout=30, hint="a")["headers"]
    assert seen["x-app-fal-mine"] == "arrives" and seen["x-other"] == "as well", seen
    assert seen.get("x-fal-caller-user-id") != "somebody-else", seen
    assert seen["x-fal-endpoint"] == f"{APP}/h", seen
    assert seen["x-fal-object-lifecycle-preference"] == sent["x-fal-object-lifecycle-preference"], seen
    assert seen["x-fal-request-id"] and seen["user-agent"].startswith("fal-client/"), seen
    for consumed in ("x-fal-request-timeout", "x-fal-runner-hint", "authorization"):
        assert consumed not in seen, seen


@check
def run_422():
    body = {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": {"a": 1}}]}
    error = fails(422, lambda: CLIENT.run(APP, arguments=answers(422, body)))
    assert error.response.json() == body and error.message == body["detail"], error


@check
def run_422_async():
    call = fal_client.AsyncClient().run(APP, arguments=answers(422, {"detail": "not so"}))
    assert str(fails(422, lambda: asyncio.run(call))) == "not so"


@check
def run_4xx():
    for status in (400, 402, 403, 404, 410, 418, 451):
        error = fails(status, lambda: CLIENT.run(APP, arguments=answers(status, {"detail": f"{status} it is"})))
        assert error.message == f"{status} it is", error


@check
def run_error_type():
    told = answers(424, {"detail": "no"})
    told["headers"]["x-fal-error-type"] = "of_its_own"
    assert fails(424, lambda: CLIENT.run(APP, arguments=told)).error_type == "of_its_own"


@check
def run_429_again_and_again():
    # Ten times in all, over a minute: four are enough to see.
    async def go():
        call = fal_client.AsyncClient().run(APP, arguments=answers(429, {"detail": "later"}, tag="429"))
        task = asyncio.create_task(call)
        while len(calls("429")) < 4:
            assert not task.done(), task
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(asyncio.wait_for(go(), 30))


@check
def run_500():
    before = CLIENT.run(APP, arguments={})["pid"]
    error = fails(500, lambda: CLIENT.run(APP, arguments=answers(500, {"detail": "broken"}, tag="500")))
    assert error.message == "broken" and len(calls("500")) == 1, error
    assert CLIENT.run(APP, arguments={})["pid"] == before, "its port is open, so it is kept"


@check
def run_500_port_closed():
    before = CLIENT.run(APP, arguments={})["pid"]
    fails(500, lambda: CLIENT.run(APP, arguments=answers(500, {}, close_port=True)))
    until("the old one is gone", lambda: not is_alive(before))
    assert CLIENT.run(APP, arguments={})["pid"] != before


@check
def run_502():
    error = fails(502, lambda: CLIENT.run(APP, arguments=answers(502, {"detail": "upstream"}, tag="502")))
    assert error.message == "upstream" and len(calls("502")) == 1, error


@check
def run_503():
    before = CLIENT.run(APP, arguments={})["pid"]
    error = fails(503, lambda: CLIENT.run(APP, arguments=answers(503, {"detail": "GPU error"}, tag="503")))
    assert error.message == "GPU error" and len(calls("503")) == 1, error
    until("the old one is gone", lambda: not is_alive(before))
    assert CLIENT.run(APP, arguments={})["pid"] != before


@check
def run_504():
    before = CLIENT.run(APP, arguments={})["pid"]
    error = fails(504, lambda: CLIENT.run(APP, arguments=answers(504, {"detail": "slow"}, tag="504")))
    assert error.message == "slow" and len(calls("504")) == 1, error
    assert CLIENT.run(APP, arguments={})["pid"] == before


@check
def run_too_long():
    error = fails(504, lambda: CLIENT.run("demo/slow", arguments={"hold": "never", "tag": "too long"}))
    assert error.error_type == "request_timeout" and error.response.json()["detail"], error
    until("its runner is gone", lambda: not is_alive(calls("too long")[0]["pid"]))


@check
def run_crash():
    error = fails(503, lambda: CLIENT.run(APP, arguments={"crash": "kill", "tag": "crash"}))
    assert error.error_type == "runner_disconnected" and len(calls("crash")) == 1, error
    assert error.response_headers["x-fal-error-type"] == "runner_disconnected", error


@check
def run_cut_short():
    error = fails(502, lambda: CLIENT.run(APP, arguments={"truncate_at": 5, "body": "0123456789"}))
    assert error.error_type == "runner_incomplete_response", error


@check
def run_cut_long():
    told = {"body_bytes": 300_000, "truncate_at": 200_000, "tag": "cut"}
    # A transport error is tried again, each time in vain; the fourth is enough to see.
    async def go():
        task = asyncio.create_task(fal_client.AsyncClient().run(APP, arguments=told))
        while len(calls("cut")) < 2:
            assert not task.done(), task
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(asyncio.wait_for(go(), 30))


@check
def run_not_json():
    told = {"body": "plain words", "headers": {"content-type": "text/plain"}}
    raises(json.JSONDecodeError, lambda: CLIENT.run(APP, arguments=told))
    raises(json.JSONDecodeError, lambda: CLIENT.run(APP, arguments={"status": 204, "body": ""}))


@check
def run_any_json():
    for body in ("null", "7", '"text"', "[1, 2]", '{"a": {"b": "\\u00e9\\ud83d\\ude00"}}'):
        assert CLIENT.run(APP, arguments={"body": body}) == json.loads(body)


@check
def run_large():
    size = 5_000_000
    assert CLIENT.run(APP, arguments={"filler": "x" * size})["received"] > size
    assert len(CLIENT.run(APP, arguments={"body": json.dumps("y" * size)})) == size


def redirect():
    return {"status": 307, "headers": {"location": f"{BASE}/run/{SDK}"}, "body": "", "prompt": "on"}


@check
def run_redirect():
    assert CLIENT.run(APP, arguments=redirect())["text"] == "ON"


@check
def run_redirect_async():
    error = fails(307, lambda: asyncio.run(fal_client.AsyncClient().run(APP, arguments=redirect())))
    assert error.response.headers["location"] == f"{BASE}/run/{SDK}", "as the app sent it"


@check
def run_unknown_app():
    error = fails(404, lambda: CLIENT.run("no/body", arguments={}))
    assert "no/body" in error.message, error


@check
def run_start_timeout():
    handle = busy("direct deadline")
    call = lambda: CLIENT.run(APP, arguments={"tag": "late"}, start_timeout=1.1)
    error = fails(504, call)
    assert error.response.headers["x-fal-request-timeout-type"] == "user", error.response.headers
    release("direct deadline")
    handle.get()
    assert not calls("late"), "it never started"


@check
def run_start_timeout_too_short():
    raises(ValueError, lambda: CLIENT.run(APP, arguments={}, start_timeout=1))
    for bad in ("0.1", "soon", "-3"):
        headers = {"x-fal-request-timeout": bad}
        error = fails(400, lambda: CLIENT.run(APP, arguments={}, headers=headers))
        assert error.error_type == "bad_request", error


@check
def run_hangs_up():
    call = lambda: CLIENT.run(APP, arguments={"hold": "hung up", "tag": "hung up"}, timeout=1, start_timeout=5)
    raises(httpx.ReadTimeout, call)
    found = calls("hung up")
    assert len(found) == 1, "with a start timeout, none is sent again"
    until("the runner is told", lambda: (LAB / f"cancel-{found[0]['request_id']}").exists())
    release("hung up")


@check
def run_many():
    async def go():
        client = fal_client.AsyncClient()
        return await asyncio.gather(*(client.run("demo/many", arguments={"body": str(n)}) for n in range(40)))

    assert asyncio.run(go()) == list(range(40))


@check
def run_key_of_environment():
    assert os.environ["FAL_KEY"] and CLIENT.key is None
    explicit = fal_client.SyncClient(key=os.environ["FAL_KEY"])
    assert explicit.run(APP, arguments={})["method"] == "POST"
