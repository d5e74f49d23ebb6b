"""A stdio server of both eras: the first message that is not a probe decides, for the life of the process.    dual.py [options of channel.py]"""

from __future__ import annotations

from channel import Channel, parse_arguments
from features import D, State
from legacy import Legacy
from modern import META, Modern


def main() -> None:
    channel = Channel(parse_arguments())
    state = State("dual")
    modern, legacy = Modern(channel, state), Legacy(channel, state, D)
    chosen: Modern | Legacy | None = None
    for message in channel.messages():
        method = message.get("method")
        claims = META + "protocolVersion" in ((message.get("params") or {}).get("_meta") or {})
        if chosen is None and method != "server/discover":
            chosen = modern if claims else legacy
            state.era = chosen.revision
        if isinstance(chosen, Legacy) and claims and "id" in message:
            channel.error(message["id"], -32600, "This process speaks the legacy revisions")
        else:
            (chosen or modern).handle(message)


if __name__ == "__main__":
    main()
