import Base
import Wire

typealias DuplexKey = SlotKey

/// What a connection carries whose messages go both ways until it ends: a WebSocket, the event stream of HTTP+SSE (2024-11-05),
/// whose client's messages come by POST, or the stdin and stdout of `mcp-supervisor stdio`.
///
/// Its rules are those of the stdio binding in every revision: a legacy session is the connection, a request is cancelled by
/// `notifications/cancelled`, and the end of the connection cancels all that runs for it.
struct Duplex {
    enum Framing: Equatable {
        /// One message a line.
        case lines
        /// One message a text frame (RFC 6455).
        case webSocket
        /// One message an event; the client's messages name this id.
        case events(SessionID)
    }

    let connection: ConnectionKey
    let server: Int
    let framing: Framing
    /// Of `lines`.
    var splitter: LineSplitter?
    /// Of `webSocket`.
    var decoder: WebSocketDecoder?
    /// After `initialize`.
    var session: SessionKey?
    /// Requests of the client in flight, of both eras. Bound: `callsPerSession`.
    var calls: [CallKey] = []
    /// Open `subscriptions/listen` requests. Bound: `streamsPerSession`.
    var listens: [Listen] = []
    /// A ping was sent, and nothing has come since.
    var isPinged = false

    init(_ framing: Framing, connection: ConnectionKey, server: Int, messageBytesMax: Int) {
        self.connection = connection
        self.server = server
        self.framing = framing
        switch framing {
        case .lines: self.splitter = LineSplitter(lineBytesMax: messageBytesMax)
        case .webSocket: self.decoder = WebSocketDecoder(limits: WebSocketLimits(messageBytesMax: messageBytesMax))
        case .events: break
        }
    }

    var kind: Session.Kind {
        switch self.framing {
        case .lines: .stdio
        case .webSocket: .webSocket
        case .events: .eventStream
        }
    }
}

/// The duplex connections of all servers, and the event streams among them by the id that their clients' POSTs name.
struct DuplexTable: ~Copyable {
    private var duplexes: SlotMap<Duplex>
    private var eventStreams: [SessionID: DuplexKey] = [:]

    init(capacity: Int) { self.duplexes = SlotMap(capacity: capacity) }

    var keys: [DuplexKey] { self.duplexes.keys }
    var isEmpty: Bool { self.duplexes.isEmpty }

    subscript(_ key: DuplexKey) -> Duplex {
        _read { yield self.duplexes[key] }
        _modify { yield &self.duplexes[key] }
    }

    func contains(_ key: DuplexKey) -> Bool { self.duplexes.contains(key) }

    func eventStream(_ id: SessionID) -> DuplexKey? { self.eventStreams[id] }

    /// Nil when all places are taken.
    mutating func insert(_ duplex: Duplex) -> DuplexKey? {
        guard let key = self.duplexes.insert(duplex) else { return nil }
        if case .events(let id) = duplex.framing { self.eventStreams[id] = key }
        return key
    }

    mutating func remove(_ key: DuplexKey) -> Duplex? {
        guard let duplex = self.duplexes.remove(key) else { return nil }
        if case .events(let id) = duplex.framing { self.eventStreams[id] = nil }
        return duplex
    }
}
