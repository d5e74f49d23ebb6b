import Base
import MCP
import Wire

/// One forwarded client request, from its arrival until its only answer. Its key, as an integer, is the request's id and progress
/// token on the worker's channel, so no client ever chooses an id there and none is ever used twice.
struct Call {
    enum State: Equatable {
        /// In the server's queue: no worker can take it yet.
        case queued
        /// In the worker's channel; its last byte is the `end`-th ever queued there and its first the `start`-th.
        case dispatched(WorkerKey, start: Int, end: Int)
        /// At no worker: it waits for what its client has to say, see `InputState`.
        case suspended
    }

    /// What the answer is for.
    enum Purpose: Equatable {
        /// A request that only the worker can answer.
        case forward
        /// `initialize` of a legacy client: answered from the worker's handshake once there is one.
        case initialize(InitializeRequest)
        /// `server/discover` of a modern client: likewise.
        case discover
        /// `resources/subscribe` of a legacy client: answered when a worker has agreed.
        case subscribe(SubscriptionKey)
        /// `subscriptions/listen` of a modern client that names resources: likewise. See `PendingListen`.
        case listen
        /// `tools/call` of a modern client that cannot be checked before the worker has listed its tools. See `HeldCall`.
        case afterTools
    }

    /// One that waits for the first handshake may be moved to another of the same definition.
    var server: Int
    let purpose: Purpose
    let method: MCPMethod
    /// The revision whose rules the answer must follow.
    let revision: Revision
    private(set) var clientID: JSONLexeme
    private(set) var progressToken: JSONLexeme?
    let session: SessionKey?
    /// Nil once a legacy client has gone. The call goes on; its answer is kept if `stream` can be resumed, else dropped.
    var connection: ConnectionKey?
    /// The number of its stream in its session's event log; 0 if it has none. Those of one batch share a stream.
    var stream: UInt64 = 0
    /// What its client can be asked for.
    private(set) var capabilities: ClientCapabilities
    /// A modern request without this gets no log messages.
    private(set) var logLevel: LogLevel?
    /// The JSON string of the resource that a modern client reads, for an error that must name it; else empty.
    let resource: [UInt8]
    /// It goes on in a list whose earlier page came from the worker's process of then.
    var hasCursor = false
    var state: State = .queued
    /// The whole line for the worker, while the call is queued; the request as it came, if that `isHeld`.
    var line: [UInt8] = []
    /// It came while there was no worker, and is written when it is known what kind of worker comes.
    var isHeld = false
    /// The request as it came, while it is with a worker and may be made again; empty once its client has heard of it.
    var again: [UInt8] = []
    let arrivedAt: Instant
    /// When the call must have been dispatched, and from then on, when the worker must have answered. The latter is moved by
    /// progress, never beyond `lastDeadline`.
    var deadline: Instant
    var lastDeadline: Instant
    /// A worker has had it already, which asked for input or died: whoever repeats it may do something twice.
    private(set) var hasReachedWorker = false

    /// The worker has said what it has to say for now.
    mutating func suspend(until deadline: Instant) {
        self.state = .suspended
        self.hasReachedWorker = true
        self.deadline = deadline
    }

    /// It waits for the next worker as it came, because the one that had it is no more.
    mutating func startAgain() {
        self.line = self.again
        self.again = []
        self.isHeld = true
        self.state = .queued
        self.hasReachedWorker = true
    }

    /// The worker is not told that the client can be asked anything.
    mutating func promiseNothing() { self.capabilities = [] }

    /// A modern client has come back with the answers that the call waits for: from now on it is this request.
    mutating func resume(
        on connection: ConnectionKey, clientID: JSONLexeme, progressToken: JSONLexeme?, capabilities: ClientCapabilities,
        logLevel: LogLevel?
    ) {
        self.logLevel = logLevel
        self.connection = connection
        self.clientID = clientID
        self.progressToken = progressToken
        self.capabilities = capabilities
    }
}

/// What a legacy client asked for in `initialize`, kept while the worker is being started.
struct InitializeRequest: Equatable {
    let revision: Revision
    let capabilities: ClientCapabilities
}

/// The integer that stands for a call on a worker's channel: 20 bits of slot and 32 bits of generation, which fit into the 2^53 - 1
/// that every JSON reader keeps exact. No key ever names two calls, so neither does an integer.
enum WireID {
    static let slotBits: UInt64 = 20
    /// Bound: as many calls can be in flight at once.
    static let callsMax = 1 << 20

    static func integer(_ key: CallKey) -> UInt64 {
        UInt64(key.generation) << Self.slotBits | UInt64(key.slot)
    }

    static func key(_ integer: Int64) -> CallKey? {
        guard integer > 0, integer < 1 << 52 else { return nil }
        let word = UInt64(integer)
        return CallKey(
            slot: UInt32(word & (1 << Self.slotBits - 1)), generation: UInt32(truncatingIfNeeded: word >> Self.slotBits))
    }
}
