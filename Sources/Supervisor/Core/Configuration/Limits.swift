public import Base

/// Bounds that hold for the whole supervisor. Counts are inclusive; sizes are bytes.
public struct Limits: Equatable, Sendable {
    // Connections.
    public internal(set) var connections: Int
    /// Whether the operator chose that number.
    public let areConnectionsConfigured: Bool
    /// Per IPv4 address or IPv6 /64. Loopback and Unix sockets are not counted: there it is often one reverse proxy.
    public let connectionsPerSource: Int
    /// Connections that must show a key and have shown none.
    public let newcomers: NewcomerLimits
    public let requestsPerConnection: Int
    public let connectionAge: Interval
    /// Of a connection between two requests.
    public let idleTimeout: Interval

    // One request.
    public let headerTimeout: Interval
    /// Between two reads of a body.
    public let bodyIdleTimeout: Interval
    /// For the whole body.
    public let bodyTimeout: Interval
    /// Bytes per second that a body must reach once `bodyRateGrace` has passed.
    public let bodyRateMin: Int
    public let bodyRateGrace: Interval
    /// Without progress of a write.
    public let writeTimeout: Interval
    public let requestLineBytesMax: Int
    public let fieldBytesMax: Int
    public let headBytesMax: Int
    public let fieldsMax: Int
    public let chunkExtensionBytesMax: Int
    public let trailerBytesMax: Int
    public let bodyBytesMax: Int

    // JSON.
    public let clientJSON: JSONBounds
    public let workerJSON: JSONBounds

    // Sessions and streams.
    public let sessions: Int
    public let sessionIdle: Interval
    public let sessionAge: Interval
    public let streamsPerSession: Int
    public let callsPerSession: Int
    /// Resources that one legacy session, or one modern subscription, is told of.
    public let subscriptionsPerSession: Int
    /// Different resources of one server that clients are told of.
    public let subscriptionsPerServer: Int
    /// Bytes that may wait for a slow reader of one stream; then it is closed, or served from what is kept of it.
    public let streamBytesMax: Int
    public let streamAge: Interval
    /// Silence on a stream after which a comment is sent.
    public let keepAlive: Interval

    // Resumption of streams.
    /// How long an event is kept for a client that lost its connection.
    public let eventAge: Interval
    /// Of one session. 0: no stream can be resumed.
    public let events: Int
    /// Of one session.
    public let eventBytesMax: Int
    /// Of all sessions.
    public let eventBytesTotal: Int

    // Input in the middle of calls.
    /// How long a client may take to answer what a server asks.
    public let inputTimeout: Interval
    /// Calls of modern clients that wait for their return.
    public let parkedCalls: Int

    // Calls and workers.
    /// In flight and waiting, all servers together.
    public let calls: Int
    /// One line of a worker's stdout.
    public let lineBytesMax: Int
    /// One line of a worker's stderr; the rest of it is dropped.
    public let stderrLineBytesMax: Int
    /// Bytes per second of a worker's stderr that are logged; more is counted and dropped.
    public let stderrRateMax: Int
}

/// When connections that have shown no key are dropped, as OpenSSH's `MaxStartups start:dropPercent:full`.
public struct NewcomerLimits: Equatable, Sendable {
    /// From this many on some are dropped.
    public let start: Int
    /// How many of a hundred at first.
    public let dropPercent: Int
    /// From this many on all are. Not below `start`.
    public let full: Int
}

/// Bounds of one JSON text.
public struct JSONBounds: Equatable, Sendable {
    public let depthMax: Int
    public let nodesMax: Int
    public let stringBytesMax: Int
    public let numberBytesMax: Int
    /// Of one object.
    public let membersMax: Int
}
