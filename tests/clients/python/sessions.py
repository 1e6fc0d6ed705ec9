"""Streams, realtime and raw WebSocket, with fal's own app and with a runner that misbehaves."""

import asyncio
import contextlib
import json

import fal_client
import httpx
import httpx_sse
import websockets
from direct import answers
from kit import APP, BASE, CLIENT, KEYED, SDK, check, fails, is_alive, keyed, raises, until
from websockets.exceptions import ConnectionClosed, InvalidStatus

RealtimeError = fal_client.client.RealtimeError


class Driven:
    """A connection of the asynchronous client, used as one of the synchronous client is."""

    def __init__(self, connection, loop):
        self.connection, self.loop = connection, loop

    def run(self, what, timeout=None):
        async def go():
            return await asyncio.wait_for(what, timeout)

        return self.loop.run_until_complete(go())

    def send(self, message):
        self.run(self.connection.send(message))

    def recv(self, timeout=None):
        return self.run(self.connection.recv(), timeout)

    def ping(self):
        self.run(self.run(self.connection.ping()), 10)

    def raw(self, data):
        self.connection._ws.transport.write(data)

    @property
    def _ws(self):
        return Driven(self.connection._ws, self.loop)


@contextlib.contextmanager
def opened(method, app, **more):
    """A session of the synchronous client; over TLS, of the asynchronous one.

    The former reads and writes in two threads. Python 3.11 loses a connection in some hundreds in that way over TLS,
    whoever serves it.
    """
    if not BASE.startswith("https"):
        with getattr(CLIENT, method)(app, **more) as connection:
            yield connection
        return
    loop = asyncio.new_event_loop()
    session = getattr(fal_client.AsyncClient(), method)(app, **more)
    try:
        connection = loop.run_until_complete(session.__aenter__())
        try:
            yield Driven(connection, loop)
        finally:
            loop.run_until_complete(session.__aexit__(None, None, None))
    finally:
        loop.close()


def realtime(app=SDK, use_jwt=False, **more):
    return opened("realtime", app, use_jwt=use_jwt, **more)


def raw_session(app, use_jwt=False, **more):
    return opened("ws_connect", app, use_jwt=use_jwt, **more)


def closes(code, session, send=None):
    """The reason with which a raw session is closed."""
    with session as socket:
        if send is not None:
            socket.send(send)
        try:
            while True:
                socket.recv(timeout=30)
        except ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == code, closed
            return closed.rcvd.reason


@check
def stream():
    events = list(CLIENT.stream(SDK, arguments={"prompt": "abc"}))
    assert events == [{"letter": letter} for letter in "abc"], events


@check
def stream_async():
    async def go():
        return [event async for event in fal_client.AsyncClient().stream(SDK, arguments={"prompt": "xy"})]

    assert asyncio.run(go()) == [{"letter": "x"}, {"letter": "y"}]


@check
def stream_path():
    told = {"events": 3, "headers": {"content-type": "text/event-stream"}}
    assert list(CLIENT.stream(APP, arguments=told, path="/other")) == [0, 1, 2]


@check
def stream_as_it_comes():
    import kit

    told = {"events": 2, "hold_stream": "next event", "headers": {"content-type": "text/event-stream"}}
    events = CLIENT.stream(APP, arguments=told)
    assert next(events) == 0
    kit.release("next event")
    assert list(events) == [1]


@check
def stream_cut():
    told = {"events": 3, "truncate_at": 0, "headers": {"content-type": "text/event-stream"}}
    seen = []

    def read():
        for event in CLIENT.stream(APP, arguments=told):
            seen.append(event)

    raises(httpx.RemoteProtocolError, read)
    assert seen == [0, 1, 2], seen


@check
def stream_crash():
    told = {"events": 2, "crash": "kill", "headers": {"content-type": "text/event-stream"}}
    raises(httpx.RemoteProtocolError, lambda: list(CLIENT.stream(APP, arguments=told)))


@check
def stream_error():
    # The client looks at the content type alone: status and detail are lost.
    for status in (422, 500):
        told = answers(status, {"detail": "no"})
        raises(httpx_sse.SSEError, lambda: list(CLIENT.stream(APP, arguments=told)))
    raises(httpx_sse.SSEError, lambda: list(CLIENT.stream("no/body", arguments={})))
    raises(httpx_sse.SSEError, lambda: list(CLIENT.stream(SDK, arguments={"not": "so"})))


@check
def stream_error_as_events():
    told = {"status": 400, "body": 'data: "taken for good"\n\n', "headers": {"content-type": "text/event-stream"}}
    assert list(CLIENT.stream(APP, arguments=told)) == ["taken for good"]


@check
def realtime_answers():
    with realtime() as connection:
        for word in ("hello", "again"):
            connection.send({"prompt": word})
            assert connection.recv()["text"] == word.upper()


@check
def realtime_async():
    async def go():
        async with fal_client.AsyncClient().realtime(SDK, use_jwt=False) as connection:
            await connection.send({"prompt": "hello"})
            return await connection.recv()

    assert asyncio.run(go())["text"] == "HELLO"


@check
def realtime_many():
    with realtime(max_buffering=60) as connection:
        for number in range(200):
            connection.send({"prompt": f"a{number}"})
            assert connection.recv()["text"] == f"A{number}"


@check
def realtime_large():
    with realtime() as connection:
        connection.send({"prompt": "x" * 2_000_000})
        assert len(connection.recv()["text"]) == 2_000_000


@check
def realtime_side_by_side():
    with realtime() as one, realtime() as other:
        one.send({"prompt": "one"}), other.send({"prompt": "other"})
        assert (other.recv()["text"], one.recv()["text"]) == ("OTHER", "ONE")


@check
def realtime_invalid():
    with realtime() as connection:
        connection.send({"not": "so"})
        error = raises(RealtimeError, connection.recv)
        assert error.error == "INTERNAL_ERROR" and "prompt" in error.reason, error
        assert connection.recv() is None, "and then it is closed as after a good end"


@check
def realtime_exception():
    with realtime() as connection:
        connection.send({"prompt": "boom"})
        error = raises(RealtimeError, connection.recv)
        assert (error.error, error.reason) == ("INTERNAL_ERROR", "boom"), error
        assert error.payload["type"] == "x-fal-error"


@check
def realtime_undecodable():
    with realtime(encode_message=lambda message: b"\xc1 is never used") as connection:
        connection.send({})
        assert raises(RealtimeError, connection.recv).error == "INTERNAL_ERROR"


@check
def realtime_text_frame():
    with realtime() as connection:
        connection._ws.send("text")
        error = raises(RealtimeError, connection.recv)
        assert (error.error, error.reason) == ("INTERNAL_ERROR", "'bytes'"), error


@check
def realtime_malformed_frame():
    # A frame of a kind that there is not: the framing is broken, and nobody but this session is.
    with realtime() as connection:
        frame = b"\x83\x80\x00\x00\x00\x00"
        connection.raw(frame) if isinstance(connection, Driven) else connection._ws.socket.sendall(frame)
        raises(RealtimeError, connection.recv)
    realtime_answers()


@check
def realtime_death():
    with realtime() as connection:
        connection.send({"prompt": "who"})
        pid = connection.recv()["pid"]
        connection.send({"prompt": "die"})
        error = raises(RealtimeError, connection.recv)
        assert error.error == "CONNECTION_CLOSED" and "1011" in error.reason, error
    until("it is gone", lambda: not is_alive(pid))
    realtime_answers()


@check
def realtime_unknown_path():
    with realtime(path="/nowhere") as connection:
        error = raises(RealtimeError, connection.recv)
        assert "1011" in error.reason, error
    assert closes(1011, raw_session(SDK, path="/nowhere")) == "Error while forwarding the request"


@check
def realtime_unknown_app():
    def connect():
        with realtime("no/body"):
            pass

    assert raises(InvalidStatus, connect).response.status_code == 404


@check
def realtime_token():
    with realtime(use_jwt=True) as connection:
        connection.send({"prompt": "by token"})
        assert connection.recv()["text"] == "BY TOKEN"


@check
def realtime_token_async():
    async def go():
        async with fal_client.AsyncClient().realtime(SDK, token_expiration=30) as connection:
            await connection.send({"prompt": "by token"})
            return await connection.recv()

    assert asyncio.run(go())["text"] == "BY TOKEN"


@check
def ws():
    with raw_session(SDK, path="/ws") as socket:
        for word in ("a", "b"):
            socket.send(word)
            assert socket.recv() == f"echo {word}"


@check
def ws_token():
    with raw_session(SDK, path="/ws", use_jwt=True) as socket:
        socket.send("a")
        assert socket.recv() == "echo a"


@check
def ws_async():
    async def go():
        async with fal_client.AsyncClient().ws_connect(SDK, path="/ws", use_jwt=False) as socket:
            await socket.send("a")
            return await socket.recv()

    assert asyncio.run(go()) == "echo a"


@check
def ws_frames():
    with raw_session(APP, path="/any") as socket:
        seen = json.loads(socket.recv())
        assert seen["path"] == "/any" and seen["request_id"], seen
        for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
            socket.send(b"\x00\xff" * (size // 2))
            assert socket.recv() == b"\x00\xff" * (size // 2), size
        if isinstance(socket, Driven):
            socket.ping()
        else:
            socket.ping().wait(10)


@check
def ws_close():
    assert closes(4001, raw_session(SDK, path="/ws"), "bye") == "as asked"


@check
def ws_headers():
    with raw_session(f"{APP}/deep", path="/er", use_jwt=False, max_buffering=7) as socket:
        seen = json.loads(socket.recv())
        assert seen["path"] == "/deep/er?max_buffering=7", seen
        assert "authorization" not in seen["headers"], seen
        assert seen["headers"]["x-fal-endpoint"] == f"{APP}/deep/er", seen


@check
def ws_token_stays_here():
    with raw_session(APP, path="/any", use_jwt=True) as socket:
        assert "fal_jwt_token" not in json.loads(socket.recv())["path"]


@check
def ws_death():
    assert closes(1011, raw_session(APP), '{"crash": "kill"}') is not None


@check
def ws_drop():
    assert closes(1011, raw_session(APP), '{"drop": true}') is not None


@check
def ws_refused():
    assert closes(1011, raw_session(APP, path="/refuse/403")) is not None


def by_token(token, app=APP):
    """The status with which a session by this token is refused; none where it is not."""
    import kit

    async def go():
        try:
            async with websockets.connect(f"{kit.SOCKETS}/run/{app}/any?fal_jwt_token={token}") as socket:
                return json.loads(await socket.recv()) and None
        except InvalidStatus as refused:
            return refused.response.status_code

    return asyncio.run(go())


def token_for(app, seconds=120):
    return CLIENT._get_realtime_token(app, token_expiration=seconds)


@keyed
def token_of_nobody():
    assert by_token("made.up.here") in (401, 403)
    good = token_for(APP)
    assert by_token(good) is None
    assert by_token(good[:-2] + ("AA" if good[-2:] != "AA" else "BB")) in (401, 403)


@keyed
def token_of_another_app():
    assert by_token(token_for("demo/many")) in (401, 403)


@keyed
def token_expired():
    token = token_for(APP, 1)
    until("it has expired", lambda: by_token(token) in (401, 403))


@keyed
def token_needs_a_key():
    wrong = fal_client.SyncClient(key="ops:not-the-secret")
    fails(401, lambda: wrong._get_realtime_token(SDK))
    assert KEYED
