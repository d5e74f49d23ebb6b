public import Base
import MCP
import Wire

extension Supervisor {
    /// A client connected. Nil when the driver should close it at once: all connections are in use (the driver is told to pause
    /// accepting when the last one is taken), its source holds `connectionsPerSource`, too many have shown
    /// no key yet, or a drain has begun.
    public mutating func connectionOpened(peer: PeerAddress, requiresCredential: Bool, at now: Instant) -> ConnectionKey? {
        guard !self.isDraining, !self.connections.isFull, self.sources.add(peer) else { return nil }
        if requiresCredential, !self.admitNewcomer() {
            self.sources.remove(peer)
            return nil
        }
        let deadline = now + self.configuration.limits.headerTimeout
        let connection = Connection(
            limits: self.httpLimits, peer: peer, requiresCredential: requiresCredential, deadline: deadline, now: now)
        guard let key = self.connections.insert(connection) else {
            self.sources.remove(peer)
            if requiresCredential { self.newcomers.leave() }
            return nil
        }
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
        if case .duplex(let duplex) = self.connections[key].phase {
            self.duplexBytes(key, duplex, bytes, at: now)
            self.pauseIfUnread(key)
            return self.finishEvent(at: now)
        }
        if self.connections[key].input.isEmpty {
            let consumed = self.consume(key, bytes, at: now)
            if self.connections.contains(key), consumed < bytes.count {
                self.connections[key].input.append(bytes.extracting(consumed..<bytes.count))
            }
        } else {
            self.connections[key].input.append(bytes)
            self.consumeBuffered(key, at: now)
        }
        self.pauseIfAhead(key)
        self.finishEvent(at: now)
    }

    /// The peer ended its side. What it asked for before is only worth answering if it said that it would send nothing more
    /// (`Connection: close`, HTTP/1.0): such clients shut their side and still read. All others have gone, or cannot be told from
    /// those that have; only what is already answered is still written.
    public mutating func inputEnded(_ key: ConnectionKey, at now: Instant) {
        guard self.connections.contains(key) else { return }
        self.connections[key].inputEnded = true
        switch self.connections[key].phase {
        case .waiting where !self.connections[key].exchange.keepAlive: return
        case .streaming(.call) where !self.connections[key].exchange.keepAlive: return
        case .streaming(.batch) where !self.connections[key].exchange.keepAlive: return
        case .reading where self.connections[key].unsentBytes > 0:
            self.connections[key].closesAfterOutput = true
            self.connections[key].input = []
        // What it asked for is still answered, see `continueStandardStreams`.
        case .duplex where self.standardStreams == key: self.standardInputEnded(key, at: now)
        case .reading, .waiting, .streaming, .duplex, .lingering: self.connectionLost(key, at: now)
        }
        self.finishEvent(at: now)
    }

    /// The socket failed or the peer closed it whole. Also the common end of every connection.
    public mutating func connectionLost(_ key: ConnectionKey, at now: Instant) {
        self.dropConnection(key, at: now)
        if !self.staleListens.isEmpty { self.continueListens(at: now) }
        self.continueDrain(at: now)
    }

    /// The same without what may follow for a drain.
    mutating func dropConnection(_ key: ConnectionKey, at now: Instant) {
        guard let connection = self.connections.remove(key) else { return }
        self.sources.remove(connection.peer)
        if connection.isNewcomer { self.newcomers.leave() }
        self.recycle(connection.output)
        self.effects.append(.closeConnection(key))
        if let operation = connection.operation { self.operationEnded(operation, of: key, at: now) }
        if let listen = connection.listen { self.release(listen, key, at: now) }
        if let stream = connection.carried { self.carrierLost(stream, at: now) }
        switch connection.phase {
        case .waiting(let call) where connection.exchange.route.isREST:
            if self.calls.contains(call) { self.withdraw(call, reason: "the client closed the connection", at: now) }
        case .waiting(let call), .streaming(.call(let call)): self.clientLeft(call, at: now)
        case .streaming(.session(let session)) where self.sessions.contains(session):
            if self.sessions[session].stream == key { self.sessions[session].stream = nil }
        case .streaming(.batch): self.batchLeft(key, at: now)
        case .duplex(let duplex): self.endDuplex(duplex, at: now)
        case .streaming(.session), .streaming(.listen), .streaming(.operation), .streaming(.replay), .reading, .lingering: break
        }
        if self.isAcceptingPaused && !self.isDraining {
            self.isAcceptingPaused = false
            self.effects.append(.resumeAccepting)
        }
        if self.standardStreams == key { self.standardStreamsLost(at: now) }
    }

    /// What every event may have made possible: buffered requests that can be answered now, the next step of a drain.
    mutating func finishEvent(at now: Instant) {
        self.resumePending(at: now)
        if self.standardStreams != nil { self.continueStandardStreams(at: now) }
        if !self.staleListens.isEmpty { self.continueListens(at: now) }
        self.continueDrain(at: now)
    }

    /// Answers requests that were buffered behind one that has just been answered.
    private mutating func resumePending(at now: Instant) {
        while let key = self.resumable.popLast() {  // Bound: each turn consumes a buffered request or leaves the list.
            guard self.connections.contains(key), !self.connections[key].input.isEmpty else { continue }
            if case .duplex(let duplex) = self.connections[key].phase {
                self.resumeDuplex(key, duplex, at: now)
                continue
            }
            self.consumeBuffered(key, at: now)
            guard self.connections.contains(key), self.connections[key].isReadingPaused,
                self.mayConsume(key) || self.connections[key].input.count <= Self.pipelineBytesMax
            else { continue }
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

    /// Whether the connection can take up another request: it is not answering one, and its reader is not far behind with the
    /// answers it has got. Without the second, a client could pile up answers by asking and not reading.
    private func mayConsume(_ key: ConnectionKey) -> Bool {
        self.connections[key].phase == .reading && !self.connections[key].closesAfterOutput
            && self.connections[key].unsentBytes <= self.configuration.limits.streamBytesMax
    }

    /// Handles as many whole requests at the front of `bytes` as can be answered now; returns how many bytes they were.
    private mutating func consume(_ key: ConnectionKey, _ bytes: Span<UInt8>, at now: Instant) -> Int {
        var consumed = 0
        while self.connections.contains(key), self.mayConsume(key) {  // Bound: every turn consumes bytes or returns.
            let rest = bytes.extracting(consumed..<bytes.count)
            do {
                switch try self.connections[key].decoder.decode(rest) {
                case .needMore:
                    if !rest.isEmpty { self.requestIncomplete(key, byteCount: rest.count, at: now) }
                    return consumed
                case .head(let head):
                    self.headReceived(key, head, rest, at: now)
                case .request(let body, let count):
                    consumed += count
                    self.requestReceived(key, body, rest, at: now)
                }
            } catch {
                self.refuse(key, error, at: now)
                return bytes.count
            }
        }
        if self.connections.contains(key), case .duplex = self.connections[key].phase {
            // Nothing may follow a request that has made the connection something else before its answer is read.
            if consumed < bytes.count { self.connectionLost(key, at: now) }
            return bytes.count
        }
        // A connection that will be closed reads no more requests; what it sent is dropped.
        let isEnding = !self.connections.contains(key) || self.connections[key].closesAfterOutput
        return isEnding ? bytes.count : consumed
    }

    /// What the decoder refuses ends the connection: where the next request would begin is not known.
    private mutating func refuse(_ key: ConnectionKey, _ error: HTTPRefusal, at now: Instant) {
        self.connections[key].exchange.keepAlive = false
        var refusal = Refusal(error.status, .invalidRequest, error.reason.description)
        // RFC 9110 15.5.6: a 405 says what is served. The gate has answered such a method before, on every route.
        if error.status == 405 {
            let route = self.connections[key].exchange.route
            refusal.headers.append("Allow", route.allowed(withPreflight: self.access.cors.isEnabled))
        }
        self.refuse(key, refusal, at: now)
    }

    /// A request began and its end is not here. The head has one deadline, from its first byte; the body has one for the whole,
    /// one between two reads, and must reach `bodyRateMin` once `bodyRateGrace` has passed.
    private mutating func requestIncomplete(_ key: ConnectionKey, byteCount: Int, at now: Instant) {
        let limits = self.configuration.limits
        guard let head = self.connections[key].decoder.head else {
            guard self.connections[key].requestStage != .head else { return }
            self.connections[key].requestStage = .head
            return self.setDeadline(key, now + limits.headerTimeout)
        }
        if self.connections[key].requestStage != .body {
            self.connections[key].requestStage = .body
            self.connections[key].bodyStartedAt = now
        }
        let started = self.connections[key].bodyStartedAt
        // The empty line ends the head.
        let received = Swift.max(0, byteCount - head.fields.upperBound - 2)
        let paidFor = Interval.seconds(Int64(received)) / Int64(limits.bodyRateMin)
        let rateDeadline = started + Swift.max(limits.bodyRateGrace, paidFor)
        self.setDeadline(key, Swift.min(started + limits.bodyTimeout, now + limits.bodyIdleTimeout, rateDeadline))
    }

    /// A client that asks and does not read is not listened to until it has caught up.
    private mutating func pauseIfUnread(_ key: ConnectionKey) {
        guard self.connections.contains(key), !self.connections[key].isReadingPaused,
            self.connections[key].unsentBytes > self.configuration.limits.streamBytesMax
                || self.connections[key].input.count > Self.pipelineBytesMax
        else { return }
        self.connections[key].isReadingPaused = true
        self.effects.append(.pauseReading(key))
    }

    /// Ends what `pauseIfUnread` began.
    mutating func resumeReadingIfPossible(_ key: ConnectionKey) {
        guard self.connections.contains(key), self.connections[key].isReadingPaused,
            self.connections[key].unsentBytes <= self.configuration.limits.streamBytesMax,
            self.connections[key].input.count <= Self.pipelineBytesMax
        else { return }
        self.connections[key].isReadingPaused = false
        self.effects.append(.resumeReading(key))
    }

    /// A client that pipelines faster than we answer waits in the kernel's buffer.
    private mutating func pauseIfAhead(_ key: ConnectionKey) {
        guard self.connections.contains(key), !self.mayConsume(key), !self.connections[key].isReadingPaused,
            self.connections[key].input.count > Self.pipelineBytesMax
        else { return }
        self.connections[key].isReadingPaused = true
        self.effects.append(.pauseReading(key))
    }
}
