import Base
import MCP
import Wire

/// The part of the ladder that needs only the head: Host and Origin, path, method, credential, Accept, Content-Type. The first
/// failure answers, before any of the body is looked at.
extension Supervisor {
    /// A request's head is complete; its body may still be on its way.
    mutating func headReceived(_ key: ConnectionKey, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant) {
        var exchange = Exchange()
        exchange.isHead = head.method == .head
        exchange.isHTTP10 = head.minorVersion == 0
        exchange.keepAlive = head.keepAlive && self.mayKeep(key, at: now)
        exchange.route = self.routes.route(bytes.extracting(head.path.range))
        self.connections[key].exchange = exchange
        guard let refusal = self.check(key, head, bytes, at: now) else {
            if head.expectsContinue && head.body != .none {
                self.prepareOutput(key)
                HTTPResponseHead.appendContinue(to: &self.connections[key].output)
            }
            return
        }
        switch head.body {
        case .length(let count) where count <= Self.skippedBodyBytesMax && !head.expectsContinue:
            // Read and drop the body, so that the connection can go on; the answer comes after it.
            self.connections[key].refusal = refusal
        case .none:
            self.connections[key].refusal = refusal
        case .length, .chunked:
            self.connections[key].exchange.keepAlive = false
            self.refuse(key, refusal, at: now)
        }
    }

    /// The longest body of a refused request that is read and dropped; a longer one costs the client its connection.
    static let skippedBodyBytesMax = 64 << 10

    private func mayKeep(_ key: ConnectionKey, at now: Instant) -> Bool {
        let connection = self.connections[key]
        return connection.requests + 1 < self.configuration.limits.requestsPerConnection
            && now - connection.openedAt < self.configuration.limits.connectionAge && !self.isDraining
    }

    private mutating func check(
        _ key: ConnectionKey, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant
    ) -> Refusal? {
        let route = self.connections[key].exchange.route
        guard route.allows(head.method) else {
            var refusal = Refusal(405, .invalidRequest, "this endpoint does not serve \(head.method.name)")
            refusal.headers.append("Allow", route.allowed)
            return refusal
        }
        if route.isMCP { return self.checkNegotiation(head, bytes) }
        return nil
    }

    private func checkNegotiation(_ head: HTTPRequestHead, _ bytes: Span<UInt8>) -> Refusal? {
        let needed: HTTPAccepts = head.method == .post ? [.json, .eventStream] : head.method == .get ? [.eventStream] : []
        guard head.accepts.isSuperset(of: needed) else {
            let text =
                head.method == .post
                ? "the Accept header must allow application/json and text/event-stream"
                : "the Accept header must allow text/event-stream"
            return Refusal(406, .serverError, text)
        }
        guard head.method == .post else { return nil }
        guard let field = head[.contentType], Self.isJSON(bytes.extracting(field.range)) else {
            return Refusal(415, .serverError, "the Content-Type header must be application/json")
        }
        return nil
    }

    /// Whether the media type is application/json; parameters such as charset do not matter (RFC 8259 11 defines none).
    private static func isJSON(_ value: Span<UInt8>) -> Bool {
        var end = 0
        while end < value.count, value[end] != 0x3B, value[end] != 0x20, value[end] != 0x09 { end += 1 }
        return value.extracting(0..<end).equalsIgnoringASCIICase("application/json")
    }

    /// `fields` and, when the request came from an allowed other origin, what the browser needs to see the answer.
    func withCORS(_ key: ConnectionKey, _ fields: HTTPFields = HTTPFields()) -> HTTPFields {
        return fields
    }
}
