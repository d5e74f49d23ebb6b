import Base
import MCP

/// A legacy client's session, begun by `initialize`. Bound to the principal that began it; another principal's request is answered
/// as if the session did not exist.
struct Session {
    /// How its client reaches us.
    enum Kind: Equatable {
        case streamable, eventStream, webSocket, stdio
    }

    let id: SessionID
    var kind: Kind
    /// The configured one.
    let server: Int
    /// The one of it that was told what this client can do.
    let variant: Int
    let principal: Principal
    let revision: Revision
    let capabilities: ClientCapabilities
    let createdAt: Instant
    var lastSeen: Instant
    /// Requests in flight, for duplicate ids, `notifications/cancelled` and the end of the session. Bound: `concurrent`.
    var calls: [CallKey] = []
    /// The connection for what belongs to no request: that of the GET stream, or the only one there is.
    var stream: ConnectionKey?
    /// What was sent on its streams. Nil until the first that can be resumed was opened.
    var events: EventLog?
    /// The number of the GET stream in `events`, also while no connection carries it; 0 if it has none.
    var standingStream: UInt64 = 0
    /// Lists that changed while no stream was open; told when one opens.
    var pendingChanges: ListKinds = []
    /// Resources it is told of. Bound: `subscriptionsPerSession`, and `callsPerSession` that were asked for at once.
    var subscriptions: [SubscriptionKey] = []
    /// Of those, the uris that changed while no stream was open. Bound: `subscriptionsPerSession`.
    var pendingUpdates: [[UInt8]] = []
    /// Set by `logging/setLevel`. Before it, a legacy server may log as it likes.
    var logLevel: LogLevel?
}

/// 128 unguessable bits. On the wire 32 lower-case hexadecimal digits.
public struct SessionID: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Nil unless `text` is exactly what `append(to:)` writes.
    init?(_ text: Span<UInt8>) {
        guard text.count == 32 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<32 {
            let byte = text[index]
            guard let value = ASCII.hexValue(byte), byte < 0x41 || byte > 0x46 else { return nil }
            if index < 16 { words.0 = words.0 << 4 | UInt64(value) } else { words.1 = words.1 << 4 | UInt64(value) }
        }
        self.init(high: words.0, low: words.1)
    }

    func append(to output: inout [UInt8]) {
        for word in [self.high, self.low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                output.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 0xF))
            }
        }
    }
}

/// The sessions of all servers. Never more than `capacity`; the caller answers a full table with 503.
struct SessionTable: ~Copyable {
    private var sessions: SlotMap<Session>
    private var keys: [SessionID: SessionKey] = [:]

    init(capacity: Int) { self.sessions = SlotMap(capacity: capacity) }

    var count: Int { self.sessions.count }
    var isFull: Bool { self.sessions.isFull }
    var allKeys: [SessionKey] { self.sessions.keys }

    subscript(_ key: SessionKey) -> Session {
        _read { yield self.sessions[key] }
        _modify { yield &self.sessions[key] }
    }

    func contains(_ key: SessionKey) -> Bool { self.sessions.contains(key) }

    mutating func insert(_ session: Session) -> SessionKey? {
        guard self.keys[session.id] == nil, let key = self.sessions.insert(session) else { return nil }
        self.keys[session.id] = key
        return key
    }

    /// Nil also when the session is another principal's or another server's: the answer must not tell these cases apart.
    func find(_ id: SessionID, principal: Principal, server: Int) -> SessionKey? {
        guard let key = self.keys[id] else { return nil }
        let session = self.sessions[key]
        return session.principal == principal && session.server == server && session.kind == .streamable ? key : nil
    }

    mutating func remove(_ key: SessionKey) -> Session? {
        guard let session = self.sessions.remove(key) else { return nil }
        self.keys[session.id] = nil
        return session
    }
}
