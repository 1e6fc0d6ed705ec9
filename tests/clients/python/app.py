"""An app as fal's users write them, served by the platform with fal's own SDK.

Its folder is `UNRULY_DIR`, where each runner leaves its number in `sdk-starts`.
"""

import asyncio
import os
import pathlib

import fal
from fal.exceptions import AppException, FieldException, RequestCancelledException
from fastapi import HTTPException, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

LAB = pathlib.Path(os.environ.get("UNRULY_DIR", "."))


class Input(BaseModel):
    prompt: str
    steps: int = Field(default=1, ge=1)
    name: str = ""


class Output(BaseModel):
    text: str
    pid: int


def answer(text):
    return Output(text=text, pid=os.getpid())


def is_first(name):
    """Whether nobody has asked for this name before, in any runner."""
    try:
        with open(LAB / f"first-{name}", "x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def fail(prompt):
    if prompt == "boom":
        raise ValueError("boom")
    if prompt == "gpu":
        raise RuntimeError("CUDA error: device-side assert triggered")
    if prompt == "oom":
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
    if prompt == "teapot":
        raise HTTPException(418, {"short": "and stout"}, {"x-kettle": "on"})
    if prompt == "app":
        raise AppException("not today", 402)
    if prompt == "field":
        raise FieldException("prompt", "too rude", billable_units=2)
    if prompt == "die":
        os._exit(1)


class Lab(fal.App):
    def setup(self):
        with open(LAB / "sdk-starts", "a") as file:
            file.write(f"{os.getpid()}\n")
        self.stopped = {}

    @fal.endpoint("/")
    def predict(self, input: Input) -> Output:
        print("heard", input.prompt, flush=True)
        fail(input.prompt)
        return answer(input.prompt.upper())

    @fal.endpoint("/gpu-once")
    def gpu_once(self, input: Input) -> Output:
        if is_first(input.name):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return answer((LAB / f"first-{input.name}").read_text())

    @fal.endpoint("/context")
    def context(self, input: Input) -> dict:
        request = self.current_request
        return {
            "request_id": request.request_id,
            "endpoint": request.endpoint,
            "lifecycle": request.lifecycle_preference,
            "headers": dict(request.headers),
        }

    @fal.endpoint("/wait")
    async def wait(self, input: Input) -> Output:
        event = self.stopped[self.current_request.request_id] = asyncio.Event()
        (LAB / f"waits-{input.name}").write_text("")
        await asyncio.wait_for(event.wait(), 60)
        raise RequestCancelledException("stopped half way")

    @fal.endpoint("/wait/cancel")
    async def wait_cancel(self) -> dict:
        self.stopped[self.current_request.request_id].set()
        return {}

    @fal.endpoint("/stream")
    def stream(self, input: Input) -> StreamingResponse:
        def events():
            for letter in input.prompt:
                yield f'data: {{"letter": "{letter}"}}\n\n'

        return StreamingResponse(events(), media_type="text/event-stream")

    @fal.realtime("/realtime")
    def live(self, input: Input) -> Output:
        fail(input.prompt)
        return answer(input.prompt.upper())

    @fal.endpoint("/ws", is_websocket=True)
    async def raw(self, websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            text = await websocket.receive_text()
            if text == "bye":
                await websocket.close(4001, "as asked")
                return
            await websocket.send_text(f"echo {text}")


class Moody(fal.App):
    """Its setup fails while the file `moody` is there."""

    def setup(self):
        with open(LAB / "moody-starts", "a") as file:
            file.write(f"{os.getpid()}\n")
        if (LAB / "moody").exists():
            raise RuntimeError("no mood for this")

    @fal.endpoint("/")
    def predict(self, input: Input) -> Output:
        return answer(input.prompt.upper())
