"""Drives the official SDK 2.x client, modern or legacy, over Streamable HTTP on command; see driver.py."""

import asyncio
import contextlib
import warnings

import mcp_types as types
from driver import Driver, RPCError, asked, dump, emit
from mcp import Client
from mcp.shared.exceptions import MCPError

warnings.simplefilter("ignore")


async def on_form(context, params):
    return types.ElicitResult.model_validate(asked("elicitation/create", params))


async def on_sampling(context, params):
    result = asked("sampling/createMessage", params)
    kind = types.CreateMessageResultWithTools if isinstance(result["content"], list) else types.CreateMessageResult
    return kind.model_validate(result)


async def on_roots(context):
    return types.ListRootsResult.model_validate(asked("roots/list", None))


async def on_message(message):
    if not isinstance(message, Exception):
        emit({"event": dump(message)})


class SDK2(Driver):
    async def hold(self, command, opened, closing):
        self.listens, self.level = {}, None
        async with Client(
            command["url"], mode=command["mode"], sampling_callback=on_sampling, elicitation_callback=on_form, list_roots_callback=on_roots,
            message_handler=on_message, sampling_capabilities=types.SamplingCapability(tools=types.SamplingToolsCapability()), cache=None,
        ) as client:
            self.client = client
            self.revision = client.protocol_version
            opened.set()
            await closing.wait()
            for task in self.listens.values():
                task.cancel()
            await asyncio.gather(*self.listens.values(), return_exceptions=True)

    async def request(self, method, params, on_progress):
        client, cursor = self.client, params.get("cursor")
        meta = {"io.modelcontextprotocol/logLevel": self.level} if self.level is not None else None
        try:
            if method == "tools/call":
                result = await client.call_tool(params["name"], params.get("arguments"), progress_callback=on_progress, meta=meta)
            elif method == "tools/list":
                result = await client.list_tools(cursor=cursor)
            elif method == "prompts/list":
                result = await client.list_prompts(cursor=cursor)
            elif method == "prompts/get":
                result = await client.get_prompt(params["name"], params.get("arguments"))
            elif method == "resources/list":
                result = await client.list_resources(cursor=cursor)
            elif method == "resources/templates/list":
                result = await client.list_resource_templates(cursor=cursor)
            elif method == "resources/read":
                result = await client.read_resource(params["uri"])
            elif method == "completion/complete":
                kind = types.PromptReference if params["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
                result = await client.complete(kind.model_validate(params["ref"]), params["argument"], (params.get("context") or {}).get("arguments"))
            else:
                raise AssertionError(method)
        except MCPError as error:
            raise RPCError(error.code, error.message, error.data) from None
        return dump(result)

    async def listen(self, key, **wanted):
        ready = asyncio.get_running_loop().create_future()

        async def run():
            with contextlib.suppress(asyncio.CancelledError):
                try:
                    async with self.client.listen(**wanted) as subscription:
                        ready.set_result(dump(subscription.honored))
                        async for _ in subscription:  # The same events come to `on_message`.
                            pass
                except MCPError as error:
                    if not ready.done():
                        ready.set_exception(RPCError(error.code, error.message, error.data))

        self.listens[key] = asyncio.create_task(run())
        honored = await ready
        for name, value in wanted.items():
            alias = "resourceSubscriptions" if name == "resource_subscriptions" else "toolsListChanged"
            if not honored.get(alias):
                raise RPCError(0, f"the server does not honour {alias}={value}: {honored}")

    async def command(self, op, value):
        modern = self.revision >= "2026"
        try:
            if op == "level" and modern:
                self.level = value
            elif op == "level":
                await self.client.set_logging_level(value)
            elif op == "watch" and modern:
                await self.listen("watch", tools_list_changed=True)
            elif op == "subscribe" and modern:
                await self.listen(value, resource_subscriptions=[value])
            elif op == "unsubscribe" and modern:
                task = self.listens.pop(value)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            elif op == "subscribe":
                await self.client.subscribe_resource(value)
            elif op == "unsubscribe":
                await self.client.unsubscribe_resource(value)
        except MCPError as error:
            raise RPCError(error.code, error.message, error.data) from None


if __name__ == "__main__":
    asyncio.run(SDK2().main())
