public import Base
import MCP
import Wire

extension Supervisor {
    /// A client connected. Nil when all connections are in use, or in a drain: the driver closes the descriptor and is told to
    /// pause accepting.
    public mutating func connectionOpened(peer: PeerAddress, requiresCredential: Bool, at now: Instant) -> ConnectionKey? {
        // Expected: it was accepted in the turn in which the drain began.
        guard !self.isDraining else { return nil }
        let deadline = now + self.configuration.limits.headerTimeout
        let connection = Connection(
            limits: self.httpLimits, peer: peer, requiresCredential: requiresCredential, deadline: deadline, now: now)
        guard let key = self.connections.insert(connection) else { return nil }
        self.arm(key, at: deadline)
        if self.connections.isFull {
            self.isAcceptingPaused = true
            self.effects.append(.pauseAccepting)
        }
        return key
    }

    /// The next bytes of a client, in order. `bytes` is only borrowed: what must be kept is copied.
    public mutating func bytesReceived(_ key: ConnectionKey, _ bytes: Span<UInt8>, at now: Instant) {
        // Expected: news of a connection that has just been closed.
        guard self.connections.contains(key), self.connections[key].phase != .lingering else { return }
        if self.connections[key].input.isEmpty {
            let consumed = self.consume(key, bytes, at: now)
            guard self.connections.contains(key) else { return self.resumePending(at: now) }
            if consumed < bytes.count {
                self.connections[key].input.append(bytes.extracting(consumed..<bytes.count))
            }
        } else {
            self.connections[key].input.append(bytes)
            self.consumeBuffered(key, at: now)
        }
        self.pauseIfAhead(key)
        self.resumePending(at: now)
    }

    /// The peer ended its side. What it asked for before is only worth answering if it said that it would send nothing more
    /// (`Connection: close`, HTTP/1.0): such clients shut their side and still read. All others have gone.
    public mutating func inputEnded(_ key: ConnectionKey, at now: Instant) {
        guard self.connections.contains(key) else { return }
        self.connections[key].inputEnded = true
        switch self.connections[key].phase {
        case .waiting where !self.connections[key].exchange.keepAlive: return
        case .reading where self.connections[key].unsentBytes > 0 && self.connections[key].closesAfterOutput: return
        case .reading, .waiting, .streaming, .lingering: self.endConnection(key, at: now)
        }
        self.resumePending(at: now)
    }

    /// The socket failed or the peer closed it whole.
    public mutating func connectionLost(_ key: ConnectionKey, at now: Instant) {
        self.endConnection(key, at: now)
        self.resumePending(at: now)
    }

    /// The common end of every connection.
    mutating func endConnection(_ key: ConnectionKey, at now: Instant) {
        guard let connection = self.connections.remove(key) else { return }
        self.recycle(connection.output)
        self.effects.append(.closeConnection(key))
        switch connection.phase {
        case .waiting(let call), .streaming(.call(let call)): self.clientLeft(call, at: now)
        case .streaming(.session(let session)) where self.sessions.contains(session):
            if self.sessions[session].stream == key { self.sessions[session].stream = nil }
        case .streaming(.session), .streaming(.listen), .reading, .lingering: break
        }
        if self.isAcceptingPaused && !self.isDraining {
            self.isAcceptingPaused = false
            self.effects.append(.resumeAccepting)
        }
        self.continueDrain(at: now)
    }

    /// Answers requests that were buffered behind one that has just been answered. Every event that can answer a call ends with it,
    /// for nothing else may happen for a long time.
    mutating func resumePending(at now: Instant) {
        while let key = self.resumable.popLast() {  // Bound: each turn consumes a buffered request or leaves the list.
            guard self.connections.contains(key), !self.connections[key].input.isEmpty else { continue }
            self.consumeBuffered(key, at: now)
            guard self.connections.contains(key), self.connections[key].isReadingPaused else { continue }
            // A request whose beginning is here is read to its end, however long it is; its own limits hold.
            guard self.mayAnswer(key) || self.connections[key].input.count <= Self.pipelineBytesMax else { continue }
            self.connections[key].isReadingPaused = false
            self.effects.append(.resumeReading(key))
        }
    }

    private mutating func consumeBuffered(_ key: ConnectionKey, at now: Instant) {
        var input: [UInt8] = []
        swap(&input, &self.connections[key].input)
        let consumed = self.consume(key, input.span, at: now)
        guard self.connections.contains(key) else { return }
        if consumed == input.count {
            input = []
        } else if consumed > 0 {
            input.removeSubrange(0..<consumed)
        }
        self.connections[key].input = input
    }

    /// Handles as many whole requests at the front of `bytes` as can be answered now; returns how many bytes they were.
    private mutating func consume(_ key: ConnectionKey, _ bytes: Span<UInt8>, at now: Instant) -> Int {
        var consumed = 0
        while self.mayAnswer(key), !self.connections[key].closesAfterOutput {  // Bound: every turn consumes bytes or returns.
            let rest = bytes.extracting(consumed..<bytes.count)
            do {
                switch try self.connections[key].decoder.decode(rest) {
                case .needMore:
                    if !rest.isEmpty { self.requestIncomplete(key, at: now) }
                    return consumed
                case .head(let head):
                    self.headReceived(key, head, rest, at: now)
                case .request(let body, let count):
                    consumed += count
                    self.requestReceived(key, body, rest, at: now)
                }
            } catch {
                self.connections[key].exchange = Exchange()
                var refusal = Refusal(error.status, ErrorCode.invalidRequest, error.reason.description)
                // A method refused before its path was read (TRACE, CONNECT): what any of our endpoints serves (RFC 9110 15.5.6).
                if error.status == 405 { refusal.headers.append("Allow", "GET, HEAD, POST, DELETE, OPTIONS") }
                self.refuse(key, refusal, at: now)
                return bytes.count
            }
        }
        // A connection that will be closed reads no more requests; what it sent is dropped.
        let isEnding = !self.connections.contains(key) || self.connections[key].closesAfterOutput
        return isEnding ? bytes.count : consumed
    }

    /// Whether the next request is looked at: the one before it is answered, and the client takes its answers. One that pipelines
    /// and does not read gets no more of them in memory than `answersBytesMax` and one message.
    private func mayAnswer(_ key: ConnectionKey) -> Bool {
        self.connections.contains(key) && self.connections[key].phase == .reading
            && self.connections[key].unsentBytes <= Self.answersBytesMax
    }

    /// A request began and its end is not here. Head and body have a deadline each, from their first byte.
    private mutating func requestIncomplete(_ key: ConnectionKey, at now: Instant) {
        let isInBody = self.connections[key].decoder.head != nil
        let limit = isInBody ? self.configuration.limits.bodyTimeout : self.configuration.limits.headerTimeout
        if self.connections[key].requestStage != (isInBody ? .body : .head) {
            self.connections[key].requestStage = isInBody ? .body : .head
            self.setDeadline(key, now + limit)
        }
    }

    /// A client that pipelines faster than we answer waits in the kernel's buffer.
    private mutating func pauseIfAhead(_ key: ConnectionKey) {
        guard self.connections.contains(key), !self.mayAnswer(key),
            self.connections[key].input.count > Self.pipelineBytesMax, !self.connections[key].isReadingPaused
        else { return }
        self.connections[key].isReadingPaused = true
        self.effects.append(.pauseReading(key))
    }
}
