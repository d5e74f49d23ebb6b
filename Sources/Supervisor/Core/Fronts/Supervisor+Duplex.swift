import Base
import MCP
import Wire

/// Connections whose messages go both ways: what a message of their client means, and how one is sent to it.
extension Supervisor {
    /// False when all places are taken.
    mutating func makeDuplex(_ key: ConnectionKey, _ server: Int, _ framing: Duplex.Framing, at now: Instant) -> DuplexKey? {
        let limits = self.configuration.limits
        let new = Duplex(framing, connection: key, server: server, messageBytesMax: limits.bodyBytesMax)
        guard let duplex = self.duplexes.insert(new) else { return nil }
        self.connections[key].phase = .duplex(duplex)
        self.connections[key].requestStage = .none
        self.connections[key].streamOpenedAt = now
        self.connections[key].validUntil = self.access.validUntil(self.connections[key].exchange.principal)
        self.setDeadline(key, now + limits.keepAlive)
        return duplex
    }

    /// Bytes of the client, in order. All of them are taken.
    mutating func duplexBytes(_ key: ConnectionKey, _ duplex: DuplexKey, _ bytes: Span<UInt8>, at now: Instant) {
        // Expected: what comes after the end of a connection that is being closed.
        guard self.duplexes.contains(duplex) else { return }
        if self.hasExpired(key) { return self.closeDuplex(key, duplex, .policyViolation, at: now) }
        self.duplexes[duplex].isPinged = false
        guard self.connections[key].input.isEmpty else { return self.connections[key].input.append(bytes) }
        self.takeDuplexBytes(key, duplex, bytes, at: now)
    }

    /// What was held back while `initialize` was being answered.
    mutating func resumeDuplex(_ key: ConnectionKey, _ duplex: DuplexKey, at now: Instant) {
        var held: [UInt8] = []
        swap(&held, &self.connections[key].input)
        guard self.duplexes.contains(duplex) else { return }
        self.takeDuplexBytes(key, duplex, held.span, at: now)
        self.resumeReadingIfPossible(key)
    }

    /// Whether what follows must wait: a client that sends its first request right behind `initialize` means the session that the
    /// answer will begin, and a server that reads one message after the other would serve it so.
    func isInitializing(_ duplex: DuplexKey) -> Bool {
        guard self.duplexes[duplex].session == nil else { return false }
        return self.duplexes[duplex].calls.contains {
            if case .initialize = self.calls.find($0)?.purpose { true } else { false }
        }
    }

    private mutating func takeDuplexBytes(_ key: ConnectionKey, _ duplex: DuplexKey, _ bytes: Span<UInt8>, at now: Instant) {
        switch self.duplexes[duplex].framing {
        case .lines: self.standardInputBytes(key, duplex, bytes, at: now)
        case .webSocket: self.webSocketBytes(key, duplex, bytes, at: now)
        case .events: break  // A pipelined request on a connection that is one response for ever.
        }
    }

    // MARK: A message of the client

    /// One JSON text.
    mutating func duplexMessage(_ key: ConnectionKey, _ duplex: DuplexKey, _ message: Span<UInt8>, at now: Instant) {
        self.counters.requests += 1
        let envelope: JSONRPCEnvelope
        do {
            envelope = try self.scanner.scan(message)
        } catch .batch(let range) {
            return self.duplexBatch(key, duplex, message, range, at: now)
        } catch {
            return self.refuse(key, self.refusal(for: error, message), at: now)
        }
        guard let request = self.read(envelope, message) else {
            // Only a request is answered.
            guard envelope.kind == .request else { return }
            var refusal = Refusal(400, .invalidParams, "params._meta is not an object")
            refusal.id = self.idLexeme(envelope, message)
            return self.refuse(key, refusal, at: now)
        }
        self.duplexMessage(key, duplex, request, message, at: now)
    }

    private mutating func duplexMessage(
        _ key: ConnectionKey, _ duplex: DuplexKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        switch request.envelope.kind {
        case .result, .error:
            if let session = self.duplexes[duplex].session { self.clientAnswered(session, request, message, at: now) }
        case .notification:
            if request.method == .notificationsCancelled {
                self.duplexCancel(key, duplex, request, message, at: now)
            } else if let session = self.duplexes[duplex].session {
                self.sessionNotified(session, request, message, at: now)
            }
        case .request where self.isRunning(duplex, request, message):
            self.refuse(key, request, message, 400, .invalidRequest, "a request with this id is still running", at: now)
        case .request where request.metadata.claimsModern:
            self.duplexModernRequest(key, duplex, request, message, at: now)
        case .request:
            self.duplexLegacyRequest(key, duplex, request, message, at: now)
        }
    }

    private func isRunning(_ duplex: DuplexKey, _ request: IncomingRequest, _ message: Span<UInt8>) -> Bool {
        guard let id = request.envelope.id else { return false }
        let lexeme = JSONLexeme(message, id)
        if self.duplexes[duplex].calls.contains(where: { self.calls.find($0)?.clientID == lexeme }) { return true }
        let text = [UInt8](message, id)
        return self.duplexes[duplex].listens.contains { $0.id == text }
    }

    private mutating func duplexModernRequest(
        _ key: ConnectionKey, _ duplex: DuplexKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        if case .events = self.duplexes[duplex].framing {
            return self.refuse(
                key, request, message, 400, .invalidRequest, "HTTP+SSE has no revision 2026-07-28; use Streamable HTTP", at: now)
        }
        if let refusal = request.metadata.envelopeRefusal(message) {
            return self.refuse(key, request, message, 400, refusal.code, refusal.reason.description, at: now)
        }
        guard self.namesModernRevision(key, request, message, at: now) else { return }
        self.modernMethod(key, self.duplexes[duplex].server, request, message, at: now)
    }

    private mutating func duplexLegacyRequest(
        _ key: ConnectionKey, _ duplex: DuplexKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        let server = self.duplexes[duplex].server
        switch (request.method, self.duplexes[duplex].session) {
        case (.initialize, nil) where !self.isInitializing(duplex):
            self.initialize(key, server, request, message, at: now)
        case (.initialize, _):
            self.refuse(key, request, message, 400, .invalidRequest, "this connection is already initialized", at: now)
        case (_, .some(let session)):
            self.legacyRequest(key, server, session, request, message, at: now)
        case (.ping, nil):
            if let id = request.envelope.id { self.respondResult(key, JSONLexeme(message, id), "{}", at: now) }
        case (_, nil):
            self.refuse(key, request, message, 400, .invalidRequest, "the first request must be initialize", at: now)
        }
    }

    private mutating func duplexBatch(
        _ key: ConnectionKey, _ duplex: DuplexKey, _ message: Span<UInt8>, _ range: ByteRange, at now: Instant
    ) {
        switch self.readBatch(message, range) {
        case .refused(let refusal): self.refuse(key, refusal, at: now)
        case .read(let requests):
            guard let session = self.duplexes[duplex].session, self.sessions[session].revision.allowsBatches else {
                return self.refuse(key, Refusal(400, .invalidRequest, "only revision 2025-03-26 has batches"), at: now)
            }
            for request in requests where self.duplexes.contains(duplex) {  // Bound: `batchElementsMax`.
                self.duplexMessage(key, duplex, request, message, at: now)
            }
        }
    }

    /// `notifications/cancelled`, for a call or for a subscription. `initialize` cannot be cancelled (2025-11-25, cancellation).
    private mutating func duplexCancel(
        _ key: ConnectionKey, _ duplex: DuplexKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant
    ) {
        guard let range = request.params.value("requestId", in: message) else { return }
        let lexeme = JSONLexeme(message, range)
        if let call = self.duplexes[duplex].calls.first(where: { self.calls.find($0)?.clientID == lexeme }) {
            guard self.calls[call].method != .initialize else { return }
            return self.cancelCall(call, reason: "the client cancelled the request", at: now)
        }
        let id = [UInt8](message, range)
        guard let index = self.duplexes[duplex].listens.firstIndex(where: { $0.id == id }) else { return }
        let listen = self.duplexes[duplex].listens.remove(at: index)
        self.send(key, listen.end.span, isFinal: true, at: now)
        self.release(listen, key, at: now)
    }

    // MARK: A message for the client

    /// Sends one message as whatever its connection carries: an event, a frame, a line. False when the reader is so far behind that
    /// the connection was given up.
    @discardableResult
    mutating func send(_ key: ConnectionKey, _ message: Span<UInt8>, isFinal: Bool = false, at now: Instant) -> Bool {
        guard case .duplex(let duplex) = self.connections[key].phase else {
            return self.sendEvent(key, message, isFinal: isFinal, at: now)
        }
        // Expected: the connection is being closed, and its client is told no more.
        guard self.duplexes.contains(duplex) else { return true }
        switch self.duplexes[duplex].framing {
        case .events: return self.sendEvent(key, message, isFinal: isFinal, at: now)
        case .lines:
            guard self.mayQueue(key, isFinal: isFinal, at: now) else { return false }
            self.connections[key].output.append(message)
            self.connections[key].output.append(0x0A)
        case .webSocket:
            guard self.mayQueue(key, isFinal: isFinal, at: now) else { return false }
            WebSocketFrame.appendText(message, to: &self.connections[key].output)
        }
        return true
    }

    // MARK: Time and end

    /// Nothing has been sent for `keepAlive`.
    mutating func duplexTimerDue(_ key: ConnectionKey, _ duplex: DuplexKey, at now: Instant) {
        guard self.duplexes.contains(duplex) else {
            guard self.connections[key].unsentBytes > 0 else { return self.connectionLost(key, at: now) }
            // The last output is still on its way; the write deadline watches it.
            return self.setDeadline(key, now + self.configuration.limits.idleTimeout)
        }
        if self.hasExpired(key) { return self.closeDuplex(key, duplex, .policyViolation, at: now) }
        if self.hasHadItsTime(key, duplex, at: now) { return self.closeDuplex(key, duplex, .goingAway, at: now) }
        switch self.duplexes[duplex].framing {
        case .lines: self.setDeadline(key, now + self.configuration.limits.keepAlive)
        case .events: self.sendKeepAlive(key, at: now)
        case .webSocket: self.pingWebSocket(key, duplex, at: now)
        }
    }

    /// As old as a stream may get, with nothing running. A session has an age of its own; our own stdin and stdout end with us.
    private func hasHadItsTime(_ key: ConnectionKey, _ duplex: DuplexKey, at now: Instant) -> Bool {
        let it = self.duplexes[duplex]
        return it.framing != .lines && it.session == nil && it.calls.isEmpty
            && self.connections[key].streamOpenedAt + self.configuration.limits.streamAge <= now
    }

    /// The client has gone: nothing that it asked for is wanted any more.
    mutating func endDuplex(_ duplex: DuplexKey, at now: Instant) {
        guard let ended = self.duplexes.remove(duplex) else { return }
        // The newest first: none that waits may take the place of one that runs.
        for call in ended.calls.reversed() where self.calls.contains(call) && !self.awaitRetry(call, at: now) {
            self.withdraw(call, reason: "the client closed its connection", at: now)
        }
        for listen in ended.listens { self.release(listen, ended.connection, at: now) }
        if let session = ended.session { self.endSession(session, at: now) }
    }

    /// Ends the connection in order, after the output queued so far.
    mutating func closeDuplex(_ key: ConnectionKey, _ duplex: DuplexKey, _ code: WebSocketCloseCode, at now: Instant) {
        guard self.duplexes.contains(duplex) else { return }
        for listen in self.duplexes[duplex].listens { self.send(key, listen.end.span, isFinal: true, at: now) }
        guard self.connections.contains(key) else { return }
        self.prepareOutput(key)
        switch self.duplexes[duplex].framing {
        case .lines: break
        case .webSocket: WebSocketFrame.appendClose(code, to: &self.connections[key].output)
        case .events:
            if !self.connections[key].exchange.isHTTP10 { HTTPChunk.appendLast(to: &self.connections[key].output) }
        }
        self.connections[key].closesAfterOutput = true
        self.endDuplex(duplex, at: now)
    }
}
