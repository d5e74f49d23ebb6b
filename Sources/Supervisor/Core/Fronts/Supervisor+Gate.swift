import Base
import MCP
import Wire

/// The part of the ladder that needs only the head: Host and Origin, path, method, credential, Accept, Content-Type. The first
/// failure answers, before any of the body is looked at.
extension Supervisor {
    /// A request's head is complete; its body may still be on its way.
    mutating func headReceived(_ key: ConnectionKey, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant) {
        self.connections[key].exchange = Exchange(
            route: self.routes.route(bytes.extracting(head.path.range)), isHead: head.method == .head,
            isHTTP10: head.minorVersion == 0, keepAlive: head.keepAlive && self.mayKeep(key, at: now))
        let refusal = self.check(key, head, bytes, at: now)
        // Whoever has shown no key makes room for the next.
        if self.connections[key].isNewcomer && self.newcomers.areCrowded { self.connections[key].exchange.keepAlive = false }
        let isRefusedByDecoder = self.connections[key].decoder.headRefusal != nil
        guard let refusal else {
            if head.expectsContinue && head.body != .none {
                self.prepareOutput(key)
                HTTPResponseHead.appendContinue(to: &self.connections[key].output)
            }
            return
        }
        switch head.body {
        case _ where isRefusedByDecoder:
            self.connections[key].exchange.keepAlive = false
            self.refuse(key, refusal, at: now)
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
        if let refusal = self.checkSource(key, head, bytes) { return refusal }
        let route = self.connections[key].exchange.route
        // A preflight carries no credential (Fetch standard), and its answer no data.
        if head.method == .options && self.access.cors.isEnabled && route != .notFound { return nil }
        guard route.allows(head.method) else {
            var refusal = Refusal(405, .invalidRequest, "this endpoint does not serve \(head.method.name)")
            refusal.headers.append("Allow", route.allowed(withPreflight: self.access.cors.isEnabled))
            return refusal
        }
        if route.needsCredential, let refusal = self.checkCredential(key, head, bytes, at: now) { return refusal }
        if route == .notFound { return Refusal(404, .invalidRequest, "no such endpoint") }
        // A POST to an MCP endpoint has a body to answer this by.
        if !self.connections[key].decoder.misread.isEmpty, !route.isMCP || head.method != .post {
            return Refusal(400, .invalidRequest, Self.misreadFields)
        }
        return self.checkNegotiation(route, head, bytes)
    }

    /// Names and pages: against DNS rebinding and against foreign web pages.
    private mutating func checkSource(_ key: ConnectionKey, _ head: HTTPRequestHead, _ bytes: Span<UInt8>) -> Refusal? {
        guard self.access.allowsHost(bytes, head[.host]) else {
            return Refusal(403, .invalidRequest, "the Host header names a host that is not served here; see `hosts`")
        }
        switch self.access.origin(bytes, head[.origin]) {
        case .absent, .own: return nil
        case .listed:
            if let origin = head[.origin] { self.connections[key].exchange.allowedOrigin = [UInt8](bytes, origin) }
            return nil
        case .refused: return Refusal(403, .invalidRequest, "this Origin is not allowed; see `cors.origins`")
        }
    }

    private mutating func checkCredential(
        _ key: ConnectionKey, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant
    ) -> Refusal? {
        let isRequired = self.connections[key].requiresCredential
        let source = self.connections[key].peer
        let penalty = isRequired ? self.penalties.refusal(of: source, at: now) : nil
        // A local source is often a proxy in front of many clients: one that guesses must not lock out those that have a key.
        if let penalty, !source.isLocal { return Self.tooManyFailures(penalty) }
        switch self.access.authenticate(
            bytes, authorization: head[.authorization], query: head.query, isRequired: isRequired, at: self.wallSeconds)
        {
        case .granted(let principal):
            self.connections[key].exchange.principal = principal
            if self.connections[key].isNewcomer {
                self.connections[key].isNewcomer = false
                self.newcomers.leave()
            }
            return nil
        case .refused(let reason):
            if let penalty { return Self.tooManyFailures(penalty) }
            if reason.isFailure { self.penalties.failed(source, at: now) }
            var refusal = Refusal(reason.status, .invalidRequest, "")
            refusal.body = [UInt8](reason.body)
            refusal.headers.append("WWW-Authenticate", reason.challenge)
            return refusal
        }
    }

    /// Takes a connection that must show a key, or drops it. Told at the 1st, 2nd, 4th, 8th … time.
    mutating func admitNewcomer() -> Bool {
        if self.newcomers.admit(&self.jitter) { return true }
        let dropped = self.newcomers.dropped
        if dropped & (dropped - 1) == 0 {
            self.log(
                .warning, "dropped a connection: too many have shown no key yet, see limits.unauthenticated",
                [.number("unauthenticated", self.newcomers.count), .number("count", dropped)])
        }
        return false
    }

    private static func tooManyFailures(_ wait: Interval) -> Refusal {
        var refusal = Refusal(429, .internalError, "too many failed authentications")
        refusal.headers = Self.retryAfter(wait)
        return refusal
    }

    private func checkNegotiation(_ route: Route, _ head: HTTPRequestHead, _ bytes: Span<UInt8>) -> Refusal? {
        let needed: HTTPAccepts
        switch route {
        case .mcp where head.method == .post: needed = [.json, .eventStream]
        case .mcp where head.method == .get && !WebSocketHandshake.isRequested(head, in: bytes): needed = .eventStream
        // Revision 2024-11-05 asks for no Accept field.
        case .eventStream where head[.accept] != nil: needed = .eventStream
        case .rest(_, let endpoint) where head[.accept] != nil: needed = endpoint.answers
        case .mcp, .eventStream, .rest, .messages, .webSocket, .health, .ready, .notFound, .unread: needed = []
        }
        guard head.accepts.isSuperset(of: needed) else {
            let text =
                switch needed {
                case .eventStream: "the Accept header must allow text/event-stream"
                case .json: "the Accept header must allow application/json"
                default: "the Accept header must allow application/json and text/event-stream"
                }
            return Refusal(406, .invalidRequest, text)
        }
        // Without a body there is nothing to name the type of.
        guard head.method == .post, route.server != nil, !route.isREST || head.body != .none else { return nil }
        guard let field = head[.contentType], Self.isJSON(bytes.extracting(field.range)) else {
            // What servers of 2024-11-05 say; the revision itself pins nothing.
            let status = route.isMCP || route.isREST ? 415 : 400
            return Refusal(status, .invalidRequest, "the Content-Type header must be application/json")
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
        guard self.access.cors.isEnabled else { return fields }
        var fields = fields
        let origin = self.connections[key].exchange.allowedOrigin
        self.access.cors.appendFields(origin: origin.isEmpty ? nil : origin.span, to: &fields)
        return fields
    }

    /// Answers a CORS preflight.
    mutating func answerPreflight(_ key: ConnectionKey, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant) {
        var fields = self.withCORS(key)
        if !self.connections[key].exchange.allowedOrigin.isEmpty {
            let requested = head[.accessControlRequestHeaders]
            if let requested {
                self.access.cors.appendPreflightFields(requested: bytes.extracting(requested.range), to: &fields)
            } else {
                self.access.cors.appendPreflightFields(requested: nil, to: &fields)
            }
        }
        self.respond(key, 204, headers: fields, at: now)
    }
}
