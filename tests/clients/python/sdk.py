"""fal's own app framework behind the platform: its answers pass through as they are, and move runners and requests."""

import fal_client
from kit import CLIENT, LAB, SDK, attempts, check, fails, is_alive, is_done, release, until


def refused(status, body, prompt, billed=None):
    error = fails(status, lambda: CLIENT.run(SDK, arguments={"prompt": prompt}))
    assert error.response.json() == body, error.response.text
    assert error.response.headers.get("x-fal-billable-units") == billed, error.response.headers
    return error


def alive():
    return {pid for pid in (LAB / "sdk-starts").read_text().split() if is_alive(pid)}


def both():
    """The two runners, when an earlier one has been replaced."""
    return until("both are there", lambda: len(alive()) == 2 and alive())


def who():
    return CLIENT.run(SDK, arguments={"prompt": "who"})["pid"]


@check
def sdk_run():
    assert CLIENT.run(SDK, arguments={"prompt": "hello", "unknown": 1})["text"] == "HELLO"
    assert CLIENT.subscribe(SDK, arguments={"prompt": "hello"})["text"] == "HELLO"


@check
def sdk_422_missing():
    sent = {"steps": 2}
    entry = {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": sent}
    for call in (CLIENT.run, CLIENT.subscribe):
        error = fails(422, lambda: call(SDK, arguments=sent))
        assert error.response.json() == {"detail": [entry]}, error.response.text
        assert error.response.headers["x-fal-billable-units"] == "0", error.response.headers


@check
def sdk_422_values():
    sent = {"prompt": 7, "steps": 0}
    error = fails(422, lambda: CLIENT.run(SDK, arguments=sent))
    wanted = [
        {"type": "string_type", "loc": ["body", "prompt"], "msg": "Input should be a valid string", "input": 7},
        {
            "type": "greater_than_equal",
            "loc": ["body", "steps"],
            "msg": "Input should be greater than or equal to 1",
            "input": 0,
            "ctx": {"ge": 1},
        },
    ]
    assert error.response.json() == {"detail": wanted}, error.response.text


@check
def sdk_422_no_body():
    error = fails(422, lambda: CLIENT.run(SDK, arguments=None))
    wanted = {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
    assert error.response.json() == {"detail": [wanted]}, error.response.text


@check
def sdk_404_path():
    error = fails(404, lambda: CLIENT.run(SDK, arguments={}, path="/nowhere"))
    assert error.response.json() == {"detail": "Path /nowhere not found"}, error
    assert error.response.headers["x-fal-billable-units"] == "0"


@check
def sdk_405():
    error = fails(405, lambda: CLIENT.run(SDK, arguments={}, method="GET"))
    assert error.response.headers["allow"] == "POST", error.response.headers


@check
def sdk_exceptions():
    refused(402, {"detail": "not today"}, "app")
    told = refused(418, {"detail": {"short": "and stout"}}, "teapot")
    assert told.response.headers["x-kettle"] == "on"
    wanted = {"loc": ["body", "prompt"], "msg": "too rude", "type": "value_error"}
    refused(422, {"detail": [wanted]}, "field", billed="2")


@check
def sdk_500_keeps_the_runner():
    before = both()
    refused(500, {"detail": "Internal Server Error"}, "boom")
    handle = CLIENT.submit(SDK, arguments={"prompt": "boom"})
    assert fails(500, handle.get).message == "Internal Server Error"
    who()
    assert alive() == before, "both go on"


@check
def sdk_503_gpu():
    before = both()
    refused(503, {"detail": "GPU error"}, "gpu")
    until("one is gone, and replaced", lambda: len(before & alive()) == 1 and len(alive()) == 2)


@check
def sdk_503_out_of_memory():
    refused(503, {"detail": "CUDA error: out of memory"}, "oom")
    assert who()


@check
def sdk_503_goes_again():
    found = CLIENT.subscribe(f"{SDK}/gpu-once", arguments={"prompt": "x", "name": "queued"})
    assert found["text"] != str(found["pid"]), "another runner has done it"
    until("the first is gone", lambda: not is_alive(found["text"]))


@check
def sdk_crash():
    assert fails(503, lambda: CLIENT.run(SDK, arguments={"prompt": "die"})).error_type == "runner_disconnected"
    assert who()


@check
def sdk_cancel():
    handle = CLIENT.submit(SDK, arguments={"prompt": "x", "name": "cancel"}, path="/wait")
    until("it waits", lambda: (LAB / "waits-cancel").exists())
    handle.cancel()
    error = fails(499, handle.get)
    assert error.response.json() == {"detail": "stopped half way"}, error.response.text


@check
def sdk_context():
    headers = {
        "x-app-fal-mine": "seen",
        "x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 77}',
    }
    handle = CLIENT.submit(SDK, arguments={"prompt": "x"}, path="/context", headers=headers)
    found = handle.get()
    assert found["request_id"] == handle.request_id, found
    assert found["endpoint"] == f"{SDK}/context", found
    assert found["lifecycle"]["expiration_duration_seconds"] == 77, found
    assert found["headers"]["x-app-fal-mine"] == "seen", found


@check
def sdk_logs():
    handle = CLIENT.submit(SDK, arguments={"prompt": "a word for the log"})
    handle.get()
    said = lambda: [line["message"] for line in handle.status(with_logs=True).logs]
    until("its line", lambda: any("heard a word for the log" in line for line in said()))


@check
def sdk_setup_fails():
    release("moody")
    handle = CLIENT.submit("demo/moody", arguments={"prompt": "at last"})
    starts = LAB / "moody-starts"
    until("two starts have failed", lambda: starts.exists() and len(starts.read_text().split()) >= 2, 60)
    assert isinstance(handle.status(), fal_client.Queued) and attempts(handle) == 0
    (LAB / "moody").unlink()
    until("it is done", is_done(handle), 60)
    assert handle.get()["text"] == "AT LAST"
