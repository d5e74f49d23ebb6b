import Base

// Ranges that many keys share.
private let count = SettingKind.integer(1...1_000_000)
private let time = SettingKind.duration(.milliseconds(1) ... .hours(24 * 30))
private let size = SettingKind.size(1...(1 << 30))
private let noRate = "calls are not counted per minute"

extension ConfigurationKey {
    static let connections: [Self] = [
        Self("limits.connections", count, "20000", "Open connections; more are not accepted until one ends."),
        Self(
            "limits.connectionsPerSource", count, "64",
            """
            Open connections per IPv4 address or IPv6 /64; further ones are closed at once. Loopback and Unix sockets are not \
            counted: there it is often one reverse proxy.
            """),
        Self(
            "limits.unauthenticated", count, "10",
            """
            Open connections that must show a key and have shown none; from here on new ones are closed at once by chance, and an \
            answer without a valid key is the last of its connection. Only where keys are required.
            """),
        Self(
            "limits.unauthenticatedDrop", .percent(0...100), "30%",
            "How often a new one is closed at that number; more often the more there are."),
        Self("limits.unauthenticatedMax", count, "100", "From this many on every new one is closed."),
        Self("limits.requestsPerConnection", count, "1000", "Requests on one connection, then it is closed."),
        Self("limits.connectionAge", time, "1h", "A connection this old is closed after its current request."),
        Self("limits.idleTimeout", time, "75s", "A connection without a request is closed."),
        Self("limits.headerTimeout", time, "10s", "From the first byte of a request to the end of its head."),
        Self("limits.bodyIdleTimeout", time, "15s", "Between two reads of a body; then 408."),
        Self("limits.bodyTimeout", time, "30s", "For a whole body; then 408."),
        Self("limits.bodyRate", size, "1K", "Bytes per second that a body must reach; a slower one is answered 408."),
        Self("limits.bodyRateGrace", time, "10s", "How long a body may be slower than that."),
        Self("limits.writeTimeout", time, "30s", "A connection that takes no byte this long is closed."),
        Self("limits.requestsPerMinute", count, "6000", "Calls per minute of all callers.", .later(noRate)),
        Self("limits.burst", count, "500", "Calls at once after a pause.", .later(noRate)),
    ]

    static let messages: [Self] = [
        Self("limits.requestLine", .size(256...(64 << 10)), "4K", "Request line; more is 414."),
        Self("limits.field", .size(256...(64 << 10)), "8K", "One header field; more is 431."),
        Self("limits.head", .size(1024...(256 << 10)), "16K", "Request line and all fields; more is 431."),
        Self("limits.fields", .integer(8...1_000), "100", "Number of header fields; more is 431."),
        Self("limits.chunkExtension", .size(1...(16 << 10)), "256", "Chunk extensions of one request."),
        Self("limits.trailers", .size(1...(64 << 10)), "1K", "Trailer fields; they are read and dropped."),
        Self(
            "limits.body", .size(1024...(256 << 20)), "4M",
            "Body of a request; more is 413. Also one message of a WebSocket (close code 1009) and one line of stdin."),
        Self(
            "limits.message", .size(1024...(512 << 20)), "64M",
            "One line of a worker's output; a longer one is skipped. Its call fails at once if it is the only one, else at its time-out."
        ),
        Self("limits.json.depth", .integer(4...128), "64", "Nesting of a client's JSON."),
        Self("limits.json.nodes", count, "100000", "Values in a client's message."),
        Self("limits.json.string", size, "1M", "One string of a client's message."),
        Self("limits.json.number", .size(1...4096), "64", "Characters of one number of a client's message."),
        Self("limits.json.members", count, "1000", "Members of one object of a client's message."),
        Self("limits.workerJson.depth", .integer(4...128), "128", "Nesting of a worker's JSON."),
        Self("limits.workerJson.nodes", .integer(1...100_000_000), "5000000", "Values in a worker's message."),
        Self("limits.workerJson.string", size, "64M", "One string of a worker's message, such as an image."),
        Self("limits.workerJson.number", .size(1...4096), "256", "Characters of one number of a worker's message."),
        Self("limits.workerJson.members", count, "100000", "Members of one object of a worker's message."),
    ]

    static let sessions: [Self] = [
        Self(
            "limits.sessions", count, "10000",
            "Sessions of revisions up to 2025-11-25; the next `initialize` is answered 503."),
        Self("limits.sessionIdle", time, "30m", "A session without request or open stream ends."),
        Self("limits.sessionAge", time, "1d", "No session lives longer."),
        Self(
            "limits.streamsPerSession", .integer(1...1_000), "8",
            "Open event streams of calls of one session; further calls are answered as JSON, without progress and log messages."),
        Self(
            "limits.callsPerSession", .integer(1...100_000), "128",
            "Calls in flight of one session; the next one is answered 429 with `Retry-After`."),
        Self(
            "limits.subscriptionsPerSession", .integer(1...10_000), "100",
            """
            Resources that one session is told of; the next `resources/subscribe` is answered 429. Likewise of one 2026-07-28 \
            subscription, whose acknowledgement leaves out what is beyond.
            """),
        Self(
            "limits.subscriptionsPerServer", .integer(1...100_000), "2000",
            "Different resources of one server that clients are told of; further ones are refused in the same ways."),
        Self(
            "limits.streamQueue", .size(4096...(256 << 20)), "256K",
            """
            Events and messages that wait for a slow reader; then the stream is closed, or served from what is kept of it. While so \
            much waits, a WebSocket is not read.
            """),
        Self(
            "limits.streamAge", time, "1h",
            """
            A stream of list changes this old is ended, and a WebSocket without session; clients resume it or open another. Streams \
            of calls last as long as their calls.
            """),
        Self(
            "limits.keepAlive", time, "15s",
            "Silence on an event stream after which a comment is sent. How often a WebSocket is asked whether it is there."),
        Self(
            "limits.eventAge", time, "5m",
            "How long what was sent on a session's streams is kept, for a client that lost its connection and resumes one."),
        Self(
            "limits.eventCount", .integer(0...100_000), "1000",
            "Messages that are kept of one session; the oldest go first. 0: streams cannot be resumed, and their events have no ids."
        ),
        Self(
            "limits.eventBytes", .size(4096...(1 << 30)), "8M",
            "Bytes that are kept of one session. A larger message is sent, but not kept."),
        Self(
            "limits.eventBytesTotal", .size(4096...(16 << 30)), "64M",
            "Bytes that are kept of all sessions together; beyond it new messages are sent, but not kept."),
        Self(
            "limits.inputTimeout", time, "10m",
            "How long a client may take to answer what a server asks in the middle of a call; then the call is cancelled."),
        Self(
            "limits.parkedCalls", .integer(1...100_000), "1000",
            "Calls that wait for a 2026-07-28 client to come back with such an answer; the next one ends with an error."),
        Self(
            "limits.calls", count, "20000",
            "Calls in flight and waiting, all servers together; the next one is answered 503."),
        Self(
            "limits.stderrLine", .size(128...(1 << 20)), "8K",
            "One line of a worker's stderr in the log; the rest is cut off."),
        Self(
            "limits.stderrRate", .size(128...(64 << 20)), "64K",
            "Bytes per second of a worker's stderr in the log; the rest is counted and dropped."),
    ]

    static let browsers: [Self] = [
        Self(
            "cors.origins", .strings, nil,
            "Web pages that may read answers, as exact origins such as `https://app.example.com`. None: no CORS field is sent."),
        Self("cors.credentials", .boolean, "false", "Whether their requests may carry cookies or HTTP authentication."),
        Self("cors.maxAge", time, "10m", "How long browsers may keep a preflight answer."),
    ]

    static let operation: [Self] = [
        Self(
            "log.level", .choice(["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]), "info",
            "The least severe messages that are written."),
        Self("log.format", .choice(["json", "text"]), "json", "One JSON object a line, or lines for people."),
        Self("log.directory", .string, nil, "Directory of log files.", .later("everything is written to stderr")),
        Self(
            "log.rotate.size", size, "50M",
            "Size at which a log file is changed.", .later("everything is written to stderr")),
        Self(
            "log.rotate.age", time, "1d",
            "Age at which a log file is changed.", .later("everything is written to stderr")),
        Self(
            "log.rotate.keep", .integer(0...10_000), "14",
            "Old log files that are kept.", .later("everything is written to stderr")),
        Self(
            "drain.deadline", .duration(.milliseconds(1) ... .hours(1)), "20s",
            "How long running calls may take after the first SIGTERM or SIGINT."),
        Self(
            "drain.hurried", .duration(.milliseconds(1) ... .hours(1)), "2s",
            "What is left of it after a second one."),
        Self(
            "drain.workerGrace", .duration(.milliseconds(1) ... .hours(1)), "2s",
            "How long a worker may take to leave after its stdin is closed, and again after SIGTERM; then SIGKILL."),
        Self("restart.window", time, "30s", "The time over which deaths of a worker are counted."),
        Self(
            "restart.deaths", .integer(1...1_000), "5",
            "Deaths inside it that open the circuit. A worker that died without having served counts double."),
        Self(
            "restart.delayMin", time, "100ms",
            "The second death waits this long; each further one twice as long, give or take 20 %."),
        Self("restart.delayMax", time, "30s", "No restart waits longer while the circuit is closed."),
        Self(
            "restart.settled", time, "10s",
            "A worker that lived this long, or had served, is restarted at once if none died inside the window."),
        Self("restart.stable", time, "60s", "A worker that lived this long forgets its deaths."),
        Self(
            "restart.open", time, "30s",
            "How long the circuit stays open before one worker is tried; doubles with each that fails."),
        Self("restart.openMax", time, "5m", "It never stays open longer."),
        Self(
            "restart.eraKept", time, "7d",
            "How long the era that a server was found to speak is believed before it is asked again."),
        Self(
            "restart.spawnsPerSecond", .integer(1...10_000), "20",
            "Starts of workers per second, all servers together."),
        Self("restart.spawnBurst", .integer(1...10_000), "40", "Starts at once after a pause."),
    ]
}
