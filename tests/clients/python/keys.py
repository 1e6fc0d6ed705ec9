"""Keys, where the platform asks for them: who is refused, and how the client says so."""

import asyncio

import fal_client
import httpx
import httpx_sse
from kit import APP, BASE, CLIENT, calls, fails, keyed, raises
from websockets.exceptions import InvalidStatus

WRONG = "ops:not-the-secret"


@keyed
def bad_key():
    wrong = fal_client.SyncClient(key=WRONG)
    error = fails(401, lambda: wrong.run(APP, arguments={"tag": "bad key"}))
    assert isinstance(error.message, str) and error.message, error
    fails(401, lambda: asyncio.run(fal_client.AsyncClient(key=WRONG).run(APP, arguments={"tag": "bad key"})))
    assert not calls("bad key"), "no runner has seen it"


@keyed
def bad_key_of_the_queue():
    wrong = fal_client.SyncClient(key=WRONG)
    handle = CLIENT.submit(APP, arguments={})
    handle.get()
    fails(401, lambda: wrong.submit(APP, arguments={}))
    for call in (wrong.status, wrong.result, wrong.cancel):
        fails(401, lambda: call(APP, handle.request_id))


@keyed
def bad_key_of_a_stream():
    wrong = fal_client.SyncClient(key=WRONG)
    raises(httpx_sse.SSEError, lambda: list(wrong.stream(APP, arguments={"events": 1})))


@keyed
def bad_key_of_a_session():
    async def go():
        async with fal_client.AsyncClient(key=WRONG).realtime(APP, use_jwt=False):
            pass

    assert raises(InvalidStatus, lambda: asyncio.run(go())).response.status_code == 401


@keyed
def no_key():
    assert httpx.post(f"{BASE}/run/{APP}", json={}).status_code == 401
    assert httpx.post(f"{BASE}/queue/{APP}", json={}).status_code == 401


@keyed
def public_app():
    assert fal_client.SyncClient(key=WRONG).run("demo/public", arguments={})["method"] == "POST"


@keyed
def name_of_the_key():
    assert CLIENT.run(APP, arguments={})["headers"]["x-fal-caller-user-id"] == "ops"


@keyed
def key_over_its_limit():
    # A call beyond what the key may gets 429, with which the client comes again until it goes well.
    async def go():
        client = fal_client.AsyncClient(key="one:a-secret-for-one")
        calls = (client.run("demo/many", arguments={"body": str(n), "sleep_ms": 100}) for n in range(3))
        return await asyncio.gather(*calls)

    assert asyncio.run(go()) == [0, 1, 2]
