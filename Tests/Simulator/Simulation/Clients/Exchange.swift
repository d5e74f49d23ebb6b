import Base
import Wire

/// One request of a simulated client, from its first byte to its end.
final class Exchange {
    enum Kind: Equatable {
        /// Forwarded to a worker, which must echo `arguments` and the nonce.
        case call
        /// Forwarded; the answer names no nonce.
        case list
        /// Answered by the supervisor with a result.
        case local
        case initialize
        /// Several messages in one POST; `parts` are its requests.
        case batch
        /// A notification: 202.
        case notification
        case sessionStream
        case listen
        /// What carries messages both ways until it ends: a WebSocket or the stream of HTTP+SSE. `parts` are the requests on it.
        case duplex
        /// The POST of one message for such a stream: 202, or a reason why not.
        case posted
        case delete
        case health(isReady: Bool)
        case preflight
        /// Whatever a hostile client sent: any answer is right, none is owed.
        case hostile

        var isStream: Bool { self == .sessionStream || self == .listen || self == .duplex }
    }

    enum Outcome: Equatable {
        case pending
        /// A complete answer: the status, and the JSON-RPC error code if it was one.
        case answered(status: Int, code: Int64?)
        /// A complete response without an answer to the request: cancelled, or a stream that ended.
        case endedWithoutAnswer
        /// The connection ended first.
        case cut
    }

    let serial: Int
    let client: Int
    let kind: Kind
    let server: Int
    let isModern: Bool
    /// The id as it is written in JSON; empty for what has none.
    let id: [UInt8]
    let progressToken: [UInt8]
    /// The raw arguments as the worker must see them.
    var arguments: [UInt8] = []
    var isHead = false
    /// Sent as HTTP/1.0 or with `Connection: close`.
    var closes = false
    var wantsLogs = false
    var bodyBytes = 0
    /// Generation of the session it was sent in; -1 outside a session.
    var session = -1

    /// Its revision has structured results.
    var hasStructure = true
    /// Its client can be asked in the middle of it.
    var canAnswer = false
    /// The request that it comes back for.
    var origin: Exchange?
    /// A modern client's: the questions it was sent away with, and the state.
    var required: JSONValue?
    /// A legacy client's: the raw ids of the questions on its stream.
    var questions: [[UInt8]] = []

    /// The requests of a batch. Their answers come as events of one stream, in any order.
    var parts: [Exchange] = []

    var startOffset = 0
    var endOffset = 0
    var startedAt: Instant
    /// Sent while an earlier one on its connection was not answered.
    var isPipelined = false
    var wasCancelled = false
    /// The session ended while it ran.
    var sessionEnded = false
    var status = 0
    var outcome: Outcome = .pending
    /// The last `progress` value seen.
    var progress = -1
    var events = 0
    /// Where its stream is, over all connections that carried it.
    var cursor = StreamCursor()

    init(
        serial: Int, client: Int, kind: Kind, server: Int, isModern: Bool, id: [UInt8], progressToken: [UInt8] = [],
        at now: Instant
    ) {
        self.serial = serial
        self.client = client
        self.kind = kind
        self.server = server
        self.isModern = isModern
        self.id = id
        self.progressToken = progressToken
        self.startedAt = now
    }

    var isPending: Bool { self.outcome == .pending }

    /// A burst of events for it can pass the limit of the stream before any reader had its turn.
    var mayOverflow: Bool {
        self.wantsLogs || !self.progressToken.isEmpty || self.kind == .batch || self.parts.contains(where: \.mayOverflow)
    }

    /// What stands in the arguments and comes back in everything that belongs to this request and nowhere else.
    var nonce: String { "~n\(self.serial)~" }
}

/// The numbers of all nonces in `bytes`.
enum Nonce {
    static func numbers(in bytes: [UInt8]) -> [Int] {
        var found: [Int] = []
        var index = 0
        while index + 2 < bytes.count {  // Bound: the bytes.
            guard bytes[index] == 0x7E, bytes[index + 1] == 0x6E else {
                index += 1
                continue
            }
            index += 2
            var value = 0
            var digits = 0
            while index < bytes.count, digits < 9, ASCII.isDigit(bytes[index]) {
                value = value * 10 + Int(bytes[index] - 0x30)
                index += 1
                digits += 1
            }
            if digits > 0, index < bytes.count, bytes[index] == 0x7E { found.append(value) }
        }
        return found
    }
}
