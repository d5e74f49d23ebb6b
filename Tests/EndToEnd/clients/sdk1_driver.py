"""Drives the official SDK 1.x client over Streamable HTTP on command; see driver.py."""

import asyncio

from driver import Driver, RPCError, asked, dump, emit
from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl


async def on_form(context, params):
    return types.ElicitResult.model_validate(asked("elicitation/create", params))


async def on_sampling(context, params):
    result = asked("sampling/createMessage", params)
    kind = types.CreateMessageResultWithTools if isinstance(result["content"], list) else types.CreateMessageResult
    return kind.model_validate(result)


async def on_roots(context):
    return types.ListRootsResult.model_validate(asked("roots/list", None))


async def on_message(message):
    if isinstance(message, types.ServerNotification):
        emit({"event": dump(message)})


class SDK1(Driver):
    async def hold(self, command, opened, closing):
        async with streamablehttp_client(command["url"]) as (read, write, _):
            async with ClientSession(
                read, write, sampling_callback=on_sampling, elicitation_callback=on_form, list_roots_callback=on_roots, message_handler=on_message,
                sampling_capabilities=types.SamplingCapability(tools=types.SamplingToolsCapability()),
            ) as session:
                self.session = session
                self.revision = str((await session.initialize()).protocolVersion)
                opened.set()
                await closing.wait()

    async def request(self, method, params, on_progress):
        session, page = self.session, types.PaginatedRequestParams(cursor=params.get("cursor"))
        number = session._request_id
        try:
            if method == "tools/call":
                result = await session.call_tool(params["name"], params.get("arguments"), progress_callback=on_progress)
            elif method == "tools/list":
                result = await session.list_tools(params=page)
            elif method == "prompts/list":
                result = await session.list_prompts(params=page)
            elif method == "prompts/get":
                result = await session.get_prompt(params["name"], params.get("arguments"))
            elif method == "resources/list":
                result = await session.list_resources(params=page)
            elif method == "resources/templates/list":
                result = await session.list_resource_templates(params=page)
            elif method == "resources/read":
                result = await session.read_resource(AnyUrl(params["uri"]))
            elif method == "completion/complete":
                kind = types.PromptReference if params["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
                given = (params.get("context") or {}).get("arguments")
                result = await session.complete(kind.model_validate(params["ref"]), params["argument"], given)
            else:
                raise AssertionError(method)
        except McpError as error:
            raise RPCError(error.error.code, error.error.message, error.error.data) from None
        except asyncio.CancelledError:
            # This SDK gives up in silence; a client that wants the server to know says so itself.
            cancelled = types.CancelledNotification(params=types.CancelledNotificationParams(requestId=number))
            await session.send_notification(types.ClientNotification(cancelled))
            raise
        return dump(result)

    async def command(self, op, value):
        try:
            if op == "level":
                await self.session.set_logging_level(value)
            elif op == "subscribe":
                await self.session.subscribe_resource(AnyUrl(value))
            elif op == "unsubscribe":
                await self.session.unsubscribe_resource(AnyUrl(value))
        except McpError as error:
            raise RPCError(error.error.code, error.error.message, error.error.data) from None


if __name__ == "__main__":
    asyncio.run(SDK1().main())
