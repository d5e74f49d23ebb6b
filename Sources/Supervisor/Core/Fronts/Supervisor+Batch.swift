import Base
import MCP
import Wire

/// Batches: several messages in one POST. Only revision 2025-03-26 has them, and a server of it must take them.
///
/// Each request of a batch is a call of its own. Their answers come as events of one stream, in the order in which they are known;
/// it ends with the last one.
extension Supervisor {
    /// Elements of one batch.
    static let batchElementsMax = 100

    /// `range` is the array in `message`; `bytes` holds the head's fields.
    mutating func batch(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, _ message: Span<UInt8>,
        _ range: ByteRange, at now: Instant
    ) {
        let requests: [IncomingRequest]
        switch self.readBatch(message, range) {
        case .read(let read): requests = read
        case .refused(let refusal): return self.refuse(key, refusal, at: now)
        }
        let session: SessionKey
        switch self.findSession(key, server, head, bytes, at: now) {
        case .found(let found): session = found
        case .refused(let refusal): return self.refuse(key, refusal, at: now)
        }
        guard self.sessions[session].revision.allowsBatches else {
            return self.refuse(key, Refusal(400, .invalidRequest, "the session's revision has no batches"), at: now)
        }
        let asking = requests.count { $0.envelope.kind == .request }
        if asking == 0 {
            self.accept(key, at: now)
        } else {
            self.openStream(key, .batch(left: asking), session: session, at: now)
        }
        for request in requests {  // Bound: `batchElementsMax`.
            switch request.envelope.kind {
            case .request: self.legacyRequest(key, server, session, request, message, at: now)
            case .notification: self.sessionNotified(session, request, message, at: now)
            case .result, .error: self.clientAnswered(session, request, message, at: now)
            }
        }
    }

    enum ReadBatch {
        case read([IncomingRequest])
        case refused(Refusal)
    }

    /// All of a batch or nothing: a message that cannot be read leaves none of the others carried out.
    mutating func readBatch(_ message: Span<UInt8>, _ range: ByteRange) -> ReadBatch {
        var elements: [ByteRange] = []
        var scanner = JSONScanner(limits: self.configuration.limits.clientJSON.limits)
        do throws(JSONError) {
            try scanner.scanArray(message, at: range, elementsMax: Self.batchElementsMax, into: &elements)
        } catch {
            return .refused(self.refusal(for: error.reason == .tooManyMembers ? .batch(range) : .parse(error), message))
        }
        var requests: [IncomingRequest] = []
        for element in elements {
            do throws(JSONRPCError) {
                let envelope = try self.scanner.scan(message, at: element)
                guard let request = self.read(envelope, message), !request.metadata.claimsModern else {
                    return .refused(Refusal(400, .invalidRequest, "a batch holds a message that may not be in one"))
                }
                requests.append(request)
            } catch {
                return .refused(self.refusal(for: error, message))
            }
        }
        let answers = requests.count { $0.envelope.kind == .result || $0.envelope.kind == .error }
        guard !requests.isEmpty, answers == 0 || answers == requests.count else {
            return .refused(Refusal(400, .invalidRequest, "a batch is empty, or mixes answers with other messages"))
        }
        guard !requests.contains(where: { $0.method == .initialize && $0.envelope.kind == .request }) else {
            return .refused(Refusal(400, .invalidRequest, "initialize must not be part of a batch"))
        }
        return .read(requests)
    }

    /// One request of the batch on this connection has its answer, or needs none because it was cancelled.
    mutating func batchAnswered(_ key: ConnectionKey, left: Int, _ body: Span<UInt8>, at now: Instant) {
        if !body.isEmpty {
            guard self.sendEvent(key, body, isFinal: true, at: now) else { return }
        }
        guard left > 1 else { return self.endStream(key, at: now) }
        self.connections[key].phase = .streaming(.batch(left: left - 1))
    }

    /// The client of a batch has gone: its calls go on without it.
    mutating func batchLeft(_ connection: ConnectionKey, at now: Instant) {
        for key in self.calls.keys where self.calls.contains(key) && self.calls[key].connection == connection {
            self.clientLeft(key, at: now)
        }
    }
}
