import Base
import MCP
import Wire

/// One client connection: what it is doing, and the bytes not yet understood or not yet sent.
///
///     reading ──request complete──▶ waiting ──answer──▶ reading (keep-alive) or lingering
///                                      └──first notification, or `commitAfter`──▶ streaming ──end──▶ reading or lingering
///     any ──last output sent and the connection is not to be kept──▶ lingering ──peer ended, or its deadline──▶ gone
///
/// An idle connection owns no buffer.
struct Connection {
    enum Phase: Equatable {
        /// Between requests or inside one.
        case reading
        /// A request is complete and its answer is not known; the response head is not sent.
        case waiting(CallKey)
        /// `200 text/event-stream` is sent and its end is not.
        case streaming(StreamOwner)
        /// Messages go both ways until it ends.
        case duplex(DuplexKey)
        /// All output is sent and our side is shut. What arrives is dropped, so that the peer can read the end of our answer
        /// before the kernel answers its bytes with a reset (RFC 9112 9.6).
        case lingering
    }

    enum RequestStage: Equatable { case none, head, body }

    /// Whether the answers to several requests go out here, each as a message of its own: no timer of the connection watches them.
    var isShared: Bool {
        switch self.phase {
        case .streaming(.batch), .duplex: true
        case .reading, .waiting, .streaming, .lingering: false
        }
    }

    /// What an open event stream belongs to.
    enum StreamOwner: Equatable {
        case call(CallKey)
        /// The stream that a legacy session opened by GET.
        case session(SessionKey)
        /// A modern `subscriptions/listen`.
        case listen
        /// The progress of an operation that a REST client named.
        case operation
        /// A batch of a 2025-03-26 session, or calls whose stream was resumed, with so many requests not answered yet.
        case batch(left: Int)
        /// A resumed stream that is over: only what its client has missed is still sent.
        case replay
    }

    var phase: Phase = .reading
    var decoder: HTTPRequestDecoder
    /// Received and not yet consumed. Bound: one request head and body, or `pipelineBytesMax` while an answer is pending.
    var input: [UInt8] = []
    /// Bytes that wait for the socket; those before `outputSent` are gone.
    var output: [UInt8] = []
    var outputSent = 0
    /// In the dirty list of this turn.
    var isDirty = false
    var isReadingPaused = false
    /// The peer will send no more bytes. A pending answer may still be wanted, see `Supervisor.inputEnded`.
    var inputEnded = false
    /// After the output queued so far, the connection ends.
    var closesAfterOutput = false

    /// Of the request whose head was read and whose answer is not finished; blank between two.
    var exchange = Exchange()
    /// Decided on the request's head; sent when its body has been skipped.
    var refusal: Refusal?
    /// Set while a stream of list changes is open that belongs to no session.
    var listen: Listen?
    /// What the request in progress works on, or what its stream follows.
    var operation: Operation?
    /// Set while the event stream that is open can be resumed.
    var carried: CarriedStream?
    /// When the event stream that is open was opened.
    var streamOpenedAt: Instant = .distantFuture

    /// Unix seconds: when the credential ends by which a stream or a duplex was opened.
    var validUntil = Int64.max

    /// When something must be done if nothing happens before.
    var deadline: Instant
    /// When a reader that takes nothing is given up.
    var writeDeadline: Instant = .distantFuture
    /// Which part of a request is incomplete, so that each gets one deadline however many pieces it comes in.
    var requestStage: RequestStage = .none
    /// When the body of the request in progress was first waited for.
    var bodyStartedAt: Instant = .distantFuture
    let openedAt: Instant
    var requests = 0
    let peer: PeerAddress
    /// Whether requests that come in through its listener must carry a credential.
    let requiresCredential: Bool
    /// It must show a key and has shown none yet: one of `Supervisor.newcomers`.
    var isNewcomer: Bool

    init(limits: HTTPLimits, peer: PeerAddress, requiresCredential: Bool, deadline: Instant, now: Instant) {
        self.decoder = HTTPRequestDecoder(limits: limits)
        self.peer = peer
        self.requiresCredential = requiresCredential
        self.isNewcomer = requiresCredential
        self.deadline = deadline
        self.openedAt = now
    }

    var unsentBytes: Int { self.output.count - self.outputSent }

    /// Drops what is gone once that is most of the buffer, so that a reader who is always a little behind costs no more than that.
    mutating func compactOutput() {
        guard self.outputSent >= 64 << 10, self.outputSent >= self.unsentBytes else { return }
        self.output.removeSubrange(0..<self.outputSent)
        self.outputSent = 0
    }

    /// Between two requests, with nothing received of the next one.
    var isIdle: Bool { self.phase == .reading && self.requestStage == .none && self.input.isEmpty }

    func withUnsentOutput<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        body(self.output.span.extracting(self.outputSent..<self.output.count))
    }
}

/// The stream of a session's event log that a connection carries.
struct CarriedStream: Equatable {
    let session: SessionKey
    let number: UInt64
    /// The last event that was written, while there are later ones in the log that were not. Nil: everything was, and what comes is
    /// written at once.
    var behind: UInt64?
}

/// What the response to the request in progress must know about it.
struct Exchange {
    var route: Route = .unread
    var principal: Principal = .anonymous
    var isHead = false
    var isHTTP10 = false
    var keepAlive = false
    /// The origin to answer a cross-origin request with, when CORS allows it.
    var allowedOrigin: [UInt8] = []
}

/// A refused request: a complete answer, decided before anything was dispatched.
struct Refusal: Equatable {
    var status: Int
    /// JSON-RPC error code on MCP endpoints.
    var code: ErrorCode
    var message: String
    var headers = HTTPFields()
    /// The lexeme of the request's id, where it could be read.
    var id: [UInt8] = []
    /// Raw JSON of the error's `data`.
    var data: [UInt8] = []
    /// The whole body where it is fixed, as for a missing credential. Replaces all of the above but status and headers.
    var body: [UInt8] = []

    init(_ status: Int, _ code: ErrorCode, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }
}

/// A modern subscription: which list changes this stream wants.
struct Listen {
    let server: Int
    /// Empty for a REST client, whose stream is no request of the protocol.
    let id: [UInt8]
    let wanted: ListKinds
    /// Tells it from all others.
    let number: UInt64
    /// Resources it is told of. Bound: `subscriptionsPerSession`.
    var resources: [SubscriptionKey] = []

    /// The result that ends it in order.
    var end: [UInt8] {
        var result = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        result.append(contentsOf: self.id)
        result.append(#","result":{"resultType":"complete","#)
        Supervisor.appendSubscriptionMeta(self.id, to: &result)
        result.append("}}")
        return result
    }
}

/// The lists a server can announce changes of.
struct ListKinds: OptionSet, Equatable, Sendable {
    let rawValue: UInt8
    static let tools = Self(rawValue: 1)
    static let prompts = Self(rawValue: 2)
    static let resources = Self(rawValue: 4)
}

/// The address a client came from, as far as limits need it.
public struct PeerAddress: Hashable, Sendable {
    /// IPv4: the address. IPv6: the /64. Unix-domain: the peer's uid.
    public let network: UInt64
    public let isUnix: Bool

    public init(network: UInt64, isUnix: Bool = false) {
        self.network = network
        self.isUnix = isUnix
    }

    /// A Unix socket, `127.0.0.0/8` or `::1` (whose /64 is zero).
    var isLocal: Bool { self.isUnix || self.network == 0 || self.network >> 24 == 0x7F }
}
