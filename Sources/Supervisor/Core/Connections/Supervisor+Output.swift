public import Base
import MCP
import Wire

extension Supervisor {
    /// The bytes that wait for this connection's socket. The driver writes what the kernel takes and reports it.
    public func withOutput<Result>(of key: ConnectionKey, _ body: (Span<UInt8>) -> Result) -> Result? {
        guard self.connections.contains(key) else { return nil }
        // The array alone: to call a method of the connection, all of it would be copied.
        let output = self.connections[key].output
        return body(output.span.extracting(self.connections[key].outputSent..<output.count))
    }

    /// The connections with new output; the list is emptied.
    public mutating func takeDirtyConnections(into list: inout [ConnectionKey]) {
        list.removeAll(keepingCapacity: true)
        swap(&list, &self.dirtyConnections)
    }

    /// The kernel took `count` bytes; fewer than offered when the socket is full.
    public mutating func outputWritten(_ key: ConnectionKey, _ count: Int, at now: Instant) {
        guard self.connections.contains(key) else { return }
        self.connections[key].isDirty = false
        self.connections[key].outputSent += count
        guard self.connections[key].unsentBytes == 0 else {
            // A reader that takes nothing for `writeTimeout` is gone (slow read attack).
            // A local client on our stdout may be a person who looks at one page after the other.
            if self.standardStreams != key, count > 0 || self.connections[key].writeDeadline == .distantFuture {
                self.connections[key].writeDeadline = now + self.configuration.limits.writeTimeout
                self.arm(key, at: self.connections[key].writeDeadline)
            }
            self.connections[key].compactOutput()
            return self.resumeIfCaughtUp(key, at: now)
        }
        self.connections[key].writeDeadline = .distantFuture
        self.connections[key].outputSent = 0
        var output: [UInt8] = []
        swap(&output, &self.connections[key].output)
        self.recycle(consume output)
        if self.connections[key].closesAfterOutput { self.linger(key, at: now) } else { self.resumeIfCaughtUp(key, at: now) }
    }

    /// The reader took something: requests that waited for that can be answered.
    private mutating func resumeIfCaughtUp(_ key: ConnectionKey, at now: Instant) {
        guard self.connections[key].unsentBytes <= self.configuration.limits.streamBytesMax else { return }
        if self.connections[key].carried?.behind != nil, !self.replay(key, at: now) { return }
        if case .duplex = self.connections[key].phase { self.resumeReadingIfPossible(key) }
        guard !self.connections[key].input.isEmpty, self.connections[key].phase == .reading else { return }
        self.resumable.append(key)
        self.finishEvent(at: now)
    }

    /// Buffers of connections that have nothing to send are shared by those that have.
    mutating func recycle(_ buffer: consuming [UInt8]) {
        guard buffer.capacity > 0, buffer.capacity <= Self.spareBufferBytesMax, self.spareBuffers.count < Self.spareBuffersMax
        else { return }
        buffer.removeAll(keepingCapacity: true)
        self.spareBuffers.append(buffer)
    }

    /// Makes sure that the connection has a buffer and that the driver will write it.
    mutating func prepareOutput(_ key: ConnectionKey) {
        if self.connections[key].output.capacity == 0, let spare = self.spareBuffers.popLast() {
            self.connections[key].output = spare
        }
        guard !self.connections[key].isDirty else { return }
        self.connections[key].isDirty = true
        self.dirtyConnections.append(key)
    }

    /// Ends our side; the peer may still be sending, see `Connection.Phase.lingering`.
    private mutating func linger(_ key: ConnectionKey, at now: Instant) {
        guard !self.connections[key].inputEnded else { return self.connectionLost(key, at: now) }
        self.connections[key].phase = .lingering
        self.effects.append(.shutdownConnection(key))
        self.setDeadline(key, now + Self.lingerTimeout)
    }

    // MARK: Whole responses

    /// Answers the request in progress.
    mutating func respond(
        _ key: ConnectionKey, _ status: Int, _ contentType: StaticString?, headers: HTTPFields = HTTPFields(), body: Span<UInt8>,
        at now: Instant
    ) {
        switch self.connections[key].phase {
        case .streaming(.batch(let left)): return self.batchAnswered(key, left: left, body, at: now)
        case .duplex:
            if !body.isEmpty { self.send(key, body, isFinal: true, at: now) }
            return
        case .reading, .waiting, .streaming, .lingering: break
        }
        let exchange = self.connections[key].exchange
        if exchange.route.isBare, !body.isEmpty {
            return self.respondBare(key, status, contentType, headers, body, at: now)
        }
        self.respondWhole(key, status, contentType, headers, body, at: now)
    }

    private mutating func respondBare(
        _ key: ConnectionKey, _ status: Int, _ contentType: StaticString?, _ headers: HTTPFields, _ body: Span<UInt8>,
        at now: Instant
    ) {
        var bare: [UInt8] = []
        bare.reserveCapacity(body.count)
        let status = RESTAnswer.append(body, status: status, to: &bare)
        self.respondWhole(key, status, contentType, headers, bare.span, at: now)
    }

    private mutating func respondWhole(
        _ key: ConnectionKey, _ status: Int, _ contentType: StaticString?, _ headers: HTTPFields, _ body: Span<UInt8>,
        at now: Instant
    ) {
        let exchange = self.connections[key].exchange
        var head = HTTPResponseHead(
            status: status, contentType: contentType, framing: contentType == nil ? .none : .length(body.count),
            keepAlive: exchange.keepAlive, extra: headers)
        head.requestMinorVersion = exchange.isHTTP10 ? 0 : 1
        self.prepareOutput(key)
        let date = self.date
        head.append(to: &self.connections[key].output, date: date.span)
        if !exchange.isHead { self.connections[key].output.append(body) }
        self.finishExchange(key, at: now)
    }

    mutating func respond(_ key: ConnectionKey, _ status: Int, headers: HTTPFields = HTTPFields(), at now: Instant) {
        let empty: [UInt8] = []
        self.respond(key, status, nil, headers: headers, body: empty.span, at: now)
    }

    mutating func refuse(_ key: ConnectionKey, _ refusal: Refusal, at now: Instant) {
        var body: [UInt8] = []
        refusal.appendBody(isJSONRPC: self.connections[key].exchange.route.answersJSONRPC, to: &body)
        self.respond(
            key, refusal.status, "application/json", headers: self.withCORS(key, refusal.headers), body: body.span, at: now)
    }

    /// The answer to the current request is queued whole.
    mutating func finishExchange(_ key: ConnectionKey, at now: Instant) {
        if let operation = self.connections[key].operation {
            self.connections[key].operation = nil
            self.operationEnded(operation, of: key, at: now)
        }
        self.connections[key].phase = .reading
        self.connections[key].requestStage = .none
        self.connections[key].requests += 1
        if let listen = self.connections[key].listen {
            self.connections[key].listen = nil
            self.release(listen, key, at: now)
        }
        self.connections[key].carried = nil
        self.connections[key].streamOpenedAt = .distantFuture
        if !self.connections[key].exchange.keepAlive || self.connections[key].inputEnded {
            self.connections[key].closesAfterOutput = true
        }
        self.connections[key].exchange = Exchange()
        self.setDeadline(key, now + self.configuration.limits.idleTimeout)
        if !self.connections[key].input.isEmpty { self.resumable.append(key) }
    }

    // MARK: Event streams

    /// `session` has to be given for a batch.
    mutating func openStream(
        _ key: ConnectionKey, _ owner: Connection.StreamOwner, session: SessionKey? = nil, at now: Instant
    ) {
        self.beginStream(key, owner, at: now)
        self.carryNewStream(key, owner, session, at: now)
    }

    mutating func beginStream(_ key: ConnectionKey, _ owner: Connection.StreamOwner, at now: Instant) {
        self.appendStreamHead(key)
        self.connections[key].phase = .streaming(owner)
        self.connections[key].streamOpenedAt = now
        self.connections[key].validUntil = self.access.validUntil(self.connections[key].exchange.principal)
        self.setDeadline(key, self.streamDeadline(key, at: now))
    }

    /// Whether the key has expired by which the stream was opened: what outlives a request must not outlive its credential.
    func hasExpired(_ key: ConnectionKey) -> Bool { self.connections[key].validUntil <= self.wallSeconds }

    mutating func appendStreamHead(_ key: ConnectionKey, _ headers: HTTPFields = HTTPFields()) {
        let exchange = self.connections[key].exchange
        let head = HTTPResponseHead.eventStream(
            requestMinorVersion: exchange.isHTTP10 ? 0 : 1, keepAlive: exchange.keepAlive, extra: self.withCORS(key, headers))
        self.prepareOutput(key)
        let date = self.date
        head.append(to: &self.connections[key].output, date: date.span)
        // A body that ends with the connection leaves no room for another request.
        if exchange.isHTTP10 { self.connections[key].exchange.keepAlive = false }
    }

    /// When an open stream must be looked at: for a comment, for its call's time-out, or for its own age.
    private func streamDeadline(_ key: ConnectionKey, at now: Instant) -> Instant {
        let comment = now + self.configuration.limits.keepAlive
        switch self.connections[key].phase {
        case .streaming(.call(let call)): return Swift.min(comment, self.calls.find(call)?.deadline ?? comment)
        case .streaming(.session), .streaming(.listen), .streaming(.operation):
            return Swift.min(comment, self.connections[key].streamOpenedAt + self.configuration.limits.streamAge)
        case .streaming(.batch), .streaming(.replay), .duplex, .reading, .waiting, .lingering: return comment
        }
    }

    /// Appends one JSON message as an event. False when the reader is so far behind that the connection was given up.
    @discardableResult
    mutating func sendEvent(_ key: ConnectionKey, _ message: Span<UInt8>, isFinal: Bool = false, at now: Instant) -> Bool {
        if self.connections[key].carried != nil { return self.sendCarried(key, message, isFinal: isFinal, at: now) }
        guard self.mayQueue(key, isFinal: isFinal, at: now) else { return false }
        self.appendEvent(key) { SSE.appendMessage(message, to: &$0) }
        return true
    }

    /// Appends what `write` writes to the response, in a chunk where there are chunks.
    mutating func appendEvent(_ key: ConnectionKey, _ write: (inout [UInt8]) -> Void) {
        Self.appendChunk(self.connections[key].exchange.isHTTP10, to: &self.connections[key].output, write)
    }

    static func appendChunk(_ isHTTP10: Bool, to output: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
        guard !isHTTP10 else { return write(&output) }
        let mark = HTTPChunk.begin(into: &output)
        write(&output)
        HTTPChunk.end(mark, into: &output)
    }

    /// Makes the output ready for one more message. False when the reader is so far behind that the connection was given up.
    mutating func mayQueue(_ key: ConnectionKey, isFinal: Bool, at now: Instant) -> Bool {
        // Bound: a final answer always fits behind what is queued; what nobody asked for only goes up to the limit.
        guard isFinal || self.connections[key].unsentBytes <= self.configuration.limits.streamBytesMax else {
            self.counters.droppedNotifications += 1
            self.log(
                .warning, "closed a stream whose reader was too slow", [.number("unsentBytes", self.connections[key].unsentBytes)]
            )
            self.connectionLost(key, at: now)
            return false
        }
        self.prepareOutput(key)
        return true
    }

    mutating func sendKeepAlive(_ key: ConnectionKey, at now: Instant) {
        self.setDeadline(key, self.streamDeadline(key, at: now))
        // A reader that has not even taken the last comment gets no second one; the write deadline decides about it.
        guard self.connections[key].unsentBytes == 0 else { return }
        self.prepareOutput(key)
        self.appendEvent(key) { SSE.appendComment(to: &$0) }
    }

    /// Nothing follows on the stream. Its client still gets what it has missed of it.
    mutating func endStream(_ key: ConnectionKey, at now: Instant) {
        if self.connections[key].carried != nil, !self.endCarried(key, at: now) { return }
        self.prepareOutput(key)
        if !self.connections[key].exchange.isHTTP10 { HTTPChunk.appendLast(to: &self.connections[key].output) }
        self.finishExchange(key, at: now)
    }
}

extension Refusal {
    /// JSON-RPC where the route says so; elsewhere `{"error":…}`. The id is left out where it could not be read.
    func appendBody(isJSONRPC: Bool, to body: inout [UInt8]) {
        guard self.body.isEmpty else { return body.append(contentsOf: self.body) }
        guard isJSONRPC else {
            body.append(#"{"error":"#)
            body.appendJSON(string: self.message)
            return body.append("}\n")
        }
        body.append(#"{"jsonrpc":"2.0","#)
        if !self.id.isEmpty {
            body.append(#""id":"#)
            body.append(contentsOf: self.id)
            body.append(0x2C)
        }
        body.append(#""error":{"code":"#)
        body.append(decimal: self.code.rawValue)
        body.append(#","message":"#)
        body.appendJSON(string: self.message)
        if !self.data.isEmpty {
            body.append(#","data":"#)
            body.append(contentsOf: self.data)
        }
        body.append("}}")
    }
}
