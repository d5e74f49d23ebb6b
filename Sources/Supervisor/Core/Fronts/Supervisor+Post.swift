import Base
import MCP
import Wire

/// The part of the ladder that needs the body: JSON, shape, era. What follows is the era's own.
extension Supervisor {
    /// A whole request has arrived. `bytes` holds its head and, unless it was chunked, its body.
    mutating func requestReceived(_ key: ConnectionKey, _ body: HTTPRequestDecoder.Body, _ bytes: Span<UInt8>, at now: Instant) {
        self.counters.requests += 1
        if let refusal = self.connections[key].refusal {
            self.connections[key].refusal = nil
            return self.refuse(key, refusal, at: now)
        }
        guard let head = self.connections[key].decoder.head else { preconditionFailure("a request without a head") }
        if head.method == .options { return self.answerPreflight(key, head, bytes, at: now) }
        switch self.connections[key].exchange.route {
        case .health, .ready: self.answerHealth(key, at: now)
        case .unread: preconditionFailure("a whole request without a path")
        case .notFound: self.refuse(key, Refusal(404, .invalidRequest, "no such endpoint"), at: now)
        case .webSocket(let server): self.upgrade(key, server, head, bytes, at: now)
        case .eventStream(let server): self.openEventStream(key, server, head, bytes, at: now)
        case .rest(let server, let endpoint): self.restRequest(key, server, endpoint, head, body, bytes, at: now)
        case .messages(let server): self.post(key, server, head, body, bytes, at: now)
        case .mcp(let server):
            switch head.method {
            case .get where WebSocketHandshake.isRequested(head, in: bytes): self.upgrade(key, server, head, bytes, at: now)
            case .get: self.openSessionStream(key, server, head, bytes, at: now)
            case .delete: self.deleteSession(key, server, head, bytes, at: now)
            case .post: self.post(key, server, head, body, bytes, at: now)
            case .options, .head, .put, .patch, .trace, .connect:
                preconditionFailure("the gate let \(head.method) through to an MCP endpoint")
            }
        }
    }

    private mutating func post(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ body: HTTPRequestDecoder.Body, _ bytes: Span<UInt8>,
        at now: Instant
    ) {
        switch body {
        case .none:
            // Whatever follows may have been meant as the body.
            self.connections[key].exchange.keepAlive = false
            self.refuse(key, Refusal(400, .parseError, "the request has no body"), at: now)
        case .inline(let range):
            self.message(key, server, head, bytes, bytes.extracting(range.range), at: now)
        case .chunked:
            let chunks = self.connections[key].decoder.chunkedBody
            self.message(key, server, head, bytes, chunks.span, at: now)
        }
    }

    /// `message` is the JSON text; `bytes` holds the head's fields.
    private mutating func message(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, _ message: Span<UInt8>,
        at now: Instant
    ) {
        if case .messages = self.connections[key].exchange.route {
            return self.eventStreamMessage(key, server, head, bytes, message, at: now)
        }
        let envelope: JSONRPCEnvelope
        do {
            envelope = try self.scanner.scan(message)
        } catch .batch(let range) {
            guard self.connections[key].decoder.misread.isEmpty else {
                return self.refuse(key, Refusal(400, .invalidRequest, Self.misreadFields), at: now)
            }
            return self.batch(key, server, head, bytes, message, range, at: now)
        } catch {
            return self.refuse(key, self.refusal(for: error, message), at: now)
        }
        guard let request = self.read(envelope, message) else {
            var refusal = Refusal(400, .invalidParams, "params._meta is not an object")
            refusal.id = self.idLexeme(envelope, message)
            return self.refuse(key, refusal, at: now)
        }
        let claims = request.metadata.claimsModern
        let misread = self.connections[key].decoder.misread
        let kind: EraClassifier.Body =
            switch envelope.kind {
            case .request: .request(request.method, claimsModern: claims)
            case .notification: .notification(request.method, claimsModern: claims)
            case .result, .error: .response
            }
        let verdict = EraClassifier.classify(kind, header: .init(bytes, head[.mcpProtocolVersion]))
        // A version that cannot be read decides nothing. For a body that claims an era it is one more field that differs.
        if verdict == .legacy && !misread.isEmpty || misread.contains(.mcpProtocolVersion) && !claims {
            return self.refuse(key, request, message, 400, .invalidRequest, Self.misreadFields, at: now)
        }
        switch verdict {
        case .legacy: self.legacyMessage(key, server, head, bytes, request, message, at: now)
        case .modern: self.modernMessage(key, server, head, bytes, request, message, at: now)
        case .refused(let reason):
            var refusal = Refusal(400, reason.code, reason.reason.description)
            refusal.id = self.idLexeme(envelope, message)
            self.refuse(key, refusal, at: now)
        }
    }

    static let misreadFields = "MCP-Protocol-Version, Mcp-Method or Mcp-Name is repeated or not visible ASCII"

    /// Looks at the members that every era has. Nil when `_meta` is there and no object.
    func read(_ envelope: JSONRPCEnvelope, _ message: Span<UInt8>) -> IncomingRequest? {
        var method = MCPMethod.unknown
        if let name = envelope.method { method = Self.method(message, name) }
        let params = self.scanner.members
        guard envelope.params != nil, let meta = params.value("_meta", in: message) else {
            return IncomingRequest(
                envelope: envelope, method: method, params: params, meta: JSONMembers(), metadata: RequestMetadata())
        }
        guard jsonKind(message, meta) == .object else { return nil }
        let members = self.scanner.metaMembers
        return IncomingRequest(
            envelope: envelope, method: method, params: params, meta: members, metadata: RequestMetadata(message, meta: members))
    }

    /// The method that a JSON string names. Escapes are legal there, though nobody writes them.
    static func method(_ message: Span<UInt8>, _ name: ByteRange) -> MCPMethod {
        let method = MCPMethod(message.extracting(JSONString.contents(name).range))
        guard method == .unknown, JSONString.hasEscapes(message, name) else { return method }
        return MCPMethod(JSONString.unescape(message, name).span)
    }

    func refusal(for error: JSONRPCError, _ message: Span<UInt8>) -> Refusal {
        switch error {
        case .parse(let error):
            return Refusal(
                400, .parseError, "invalid JSON at byte \(error.offset): \(error.reason.text.description)")
        case .invalid(let reason, let id):
            var refusal = Refusal(400, .invalidRequest, reason.text.description)
            if let id { refusal.id = [UInt8](message, id) }
            return refusal
        case .batch:
            return Refusal(400, .invalidRequest, "not one message, or a batch of more than \(Self.batchElementsMax)")
        }
    }

    /// The id to answer with: that of a request. An error about a notification or a response answers nothing, so it has none.
    func idLexeme(_ envelope: JSONRPCEnvelope, _ message: Span<UInt8>) -> [UInt8] {
        guard envelope.kind == .request else { return [] }
        return envelope.id.map { [UInt8](message, $0) } ?? []
    }

    /// A JSON-RPC error at `status`, as the whole answer.
    mutating func refuse(
        _ key: ConnectionKey, _ request: IncomingRequest, _ message: Span<UInt8>, _ status: Int, _ code: ErrorCode,
        _ text: String,
        data: [UInt8] = [], at now: Instant
    ) {
        var refusal = Refusal(status, code, text)
        refusal.id = self.idLexeme(request.envelope, message)
        refusal.data = data
        self.refuse(key, refusal, at: now)
    }

    mutating func accept(_ key: ConnectionKey, at now: Instant) {
        self.respond(key, 202, headers: self.withCORS(key), at: now)
    }
}
