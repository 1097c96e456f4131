"""What a test does at the running page: acts, signs in, follows."""

import asyncio
import json

from pydantic import TypeAdapter

from cloned.status import schema

RETRY = {"do": "retry", "target": "00000009"}


async def act(client, body=None, **more):
    async with client.post("/api/v1/commands", json=body or RETRY, **more) as answer:
        return answer.status, await answer.json()


async def sign_in(client, pin, **more):
    async with client.post("/api/v1/sign-in", json={"pin": pin}, **more) as answer:
        return answer.status, answer.headers


async def named(client, name, password):
    async with client.post("/api/v1/sign-in", json={"name": name, "password": password}) as answer:
        told = await answer.json()
        if answer.status == 200:
            TypeAdapter(schema.SignedIn).validate_python(told, strict=True)
        return answer.status, told


async def next_event(answer):
    async with asyncio.timeout(5):
        while True:
            block = (await answer.content.readuntil(b"\n\n")).decode()
            if block.startswith("id: "):
                _, name, data = block.strip().split("\n")
                return name[7:], json.loads(data[6:])
