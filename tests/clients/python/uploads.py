"""Uploads, as the client makes them, and what is read back."""

import asyncio
import hashlib
import os
import tempfile

import fal_client
import httpx
from fal_client import StorageACL, StorageSettings
from kit import BASE, CLIENT, SDK, check, raises, until
from PIL import Image


def read(url, status=200):
    assert url.startswith(f"{BASE}/cdn/"), url
    found = httpx.get(url)
    assert found.status_code == status, found
    return found


@check
def upload():
    data = os.urandom(100_000)
    found = read(CLIENT.upload(data, "application/x-own", "a name.bin"))
    assert found.content == data
    assert found.headers["content-type"] == "application/x-own", found.headers
    assert found.headers["content-length"] == "100000" and found.headers["etag"], found.headers


@check
def upload_text():
    found = read(CLIENT.upload("gr\u00fc\u00dfe", "text/plain"))
    assert found.content.decode() == "gr\u00fc\u00dfe"


@check
def upload_empty():
    assert read(CLIENT.upload(b"", "text/plain", "empty.txt")).content == b""


@check
def upload_async():
    async def go():
        return await fal_client.AsyncClient().upload(b"side by side", "text/plain")

    assert read(asyncio.run(go())).content == b"side by side"


@check
def upload_file():
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(b'{"a": 1}')
        file.flush()
        url = CLIENT.upload_file(file.name)
        assert url.endswith(os.path.basename(file.name)), url
        found = read(url)
        assert found.json() == {"a": 1} and found.headers["content-type"] == "application/json"


@check
def upload_file_async():
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(b"lines\n")
        file.flush()
        assert read(asyncio.run(fal_client.AsyncClient().upload_file(file.name))).content == b"lines\n"


@check
def upload_image():
    image = Image.new("RGB", (32, 16), (200, 10, 10))
    found = read(CLIENT.upload_image(image, "png"))
    assert found.headers["content-type"] == "image/png"
    assert found.content.startswith(b"\x89PNG")


@check
def upload_parts():
    data = os.urandom(1 << 20) * 101 + b"the odd rest"
    url = CLIENT.upload(data, "video/mp4", "long.mp4")
    found = read(url)
    assert hashlib.sha256(found.content).digest() == hashlib.sha256(data).digest()
    assert found.headers["content-type"] == "video/mp4"
    part = httpx.get(url, headers={"range": "bytes=10485750-10485769"})
    assert part.status_code == 206 and part.content == data[10485750:10485770]


@check
def upload_parts_async():
    data = os.urandom(1 << 20) * 101

    async def go():
        return await fal_client.AsyncClient().upload(data, "video/mp4", "long.mp4")

    assert read(asyncio.run(go())).content == data


@check
def upload_storage():
    found = read(CLIENT.upload(b"by a URL made for it", "text/plain", "b.txt", repository="fal"))
    assert found.content == b"by a URL made for it"


@check
def upload_expires():
    url = CLIENT.upload(b"gone soon", "text/plain", "c.txt", lifecycle=StorageSettings(expires_in=1))
    until("it has expired", lambda: httpx.get(url).status_code == 404)
    url = CLIENT.upload(b"later", "text/plain", "d.txt", lifecycle=StorageSettings(expires_in="1h"))
    assert "max-age" in read(url).headers["cache-control"]


@check
def upload_hidden():
    def put(decision):
        settings = StorageSettings(initial_acl=StorageACL(default=decision))
        return CLIENT.upload(b"not for all", "text/plain", "e.txt", lifecycle=settings)

    read(put("forbid"), 403)
    read(put("hide"), 404)
    read(put("allow"), 200)


@check
def upload_wrong_key():
    from kit import KEYED

    wrong = fal_client.SyncClient(key="ops:not-the-secret")
    if KEYED:
        error = raises(httpx.HTTPStatusError, lambda: wrong.upload(b"x", "text/plain"))
        assert error.response.status_code == 401, error
    else:
        assert read(wrong.upload(b"x", "text/plain")).content == b"x"


@check
def upload_needs_a_token():
    assert httpx.post(f"{BASE}/cdn/files/upload", content=b"x").status_code == 401
    for token, status in (("made-up", 401), (CLIENT._get_realtime_token(SDK), 403)):
        headers = {"authorization": f"Bearer {token}"}
        refused = httpx.post(f"{BASE}/cdn/files/upload", content=b"x", headers=headers)
        assert refused.status_code == status and refused.json()["detail"], refused


@check
def upload_to_an_app():
    url = CLIENT.upload(b"picture", "image/png", "p.png")
    assert CLIENT.run(SDK, arguments={"prompt": url})["text"] == url.upper()
