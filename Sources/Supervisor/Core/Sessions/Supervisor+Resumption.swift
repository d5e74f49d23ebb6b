import Base
import MCP
import Wire

/// Resumption of the streams of sessions (2025-03-26 to 2025-11-25, Streamable HTTP, resumability): what is sent on them is logged
/// first, and a GET with `Last-Event-ID` goes on where the client was.
///
///     carried ──its connection ends──▶ uncarried ──GET with Last-Event-ID──▶ behind ──all replayed──▶ carried
///        │  └──────its reader is slow──────────────────────────────────────────▲                        │
///        └──last message, cancelled──▶ over: what is in the log can still be asked for ◀────────────────┘
///
/// A connection that is behind is written from the log alone, in parts, so a message is neither lost nor sent twice when it
/// catches up.
extension Supervisor {
    /// How long a client waits before it resumes.
    static let retryMilliseconds: UInt32 = 1_000
    /// Bytes that a replay puts into a connection's output at once, at least one event.
    static let replayBytesMax = 64 << 10

    // MARK: Streams

    /// Gives the stream that was just opened a number, if it can be resumed, and the client an id for it, if it knows what to do with
    /// an event without data.
    mutating func carryNewStream(
        _ key: ConnectionKey, _ owner: Connection.StreamOwner, _ batch: SessionKey?, at now: Instant
    ) {
        let owning: SessionKey?
        switch owner {
        case .call(let call): owning = self.calls.find(call)?.session
        case .session(let session): owning = session
        case .batch: owning = batch
        case .listen, .operation, .replay: owning = nil
        }
        guard let session = owning, self.sessions.contains(session), self.sessions[session].revision.resumesStreams,
            let number = self.newStream(session)
        else { return }
        self.connections[key].carried = CarriedStream(session: session, number: number)
        switch owner {
        case .call(let call): self.calls[call].stream = number
        case .session: self.sessions[session].standingStream = number
        case .batch, .listen, .operation, .replay: break
        }
        guard self.sessions[session].revision.primesStreams, let id = self.sessions[session].events?.prime(number) else { return }
        self.appendPriming(key, id)
    }

    private mutating func newStream(_ session: SessionKey) -> UInt64? {
        let limits = self.configuration.limits
        guard limits.events > 0 else { return nil }
        if self.sessions[session].events == nil {
            // The GET stream, and no call has more than one.
            self.sessions[session].events = EventLog(
                limits: EventLog.Limits(
                    ageMax: limits.eventAge, eventsMax: limits.events, bytesMax: limits.eventBytesMax,
                    openStreamsMax: limits.callsPerSession + 1))
        }
        return self.sessions[session].events?.openStream()
    }

    private mutating func appendPriming(_ key: ConnectionKey, _ id: EventID) {
        var text: [UInt8] = []
        id.append(to: &text)
        self.prepareOutput(key)
        self.appendEvent(key) { SSE.appendPriming(id: text.span, retryMilliseconds: Self.retryMilliseconds, to: &$0) }
    }

    /// One event of a stream that can be resumed: into the log, then to the connection. False when the connection was given up.
    mutating func sendCarried(_ key: ConnectionKey, _ message: Span<UInt8>, isFinal: Bool, at now: Instant) -> Bool {
        guard let stream = self.connections[key].carried else { preconditionFailure("the connection carries no stream") }
        var isLast = isFinal
        if case .streaming(.batch(let left)) = self.connections[key].phase, left > 1 { isLast = false }
        let isKept =
            self.sessions.contains(stream.session)
            && self.sessions[stream.session].events?.fits(message.count, budget: self.eventBudget) == true
        if stream.behind != nil, !isKept {
            // Bound: what the log of one session holds. It cannot come out of the log in its turn, so everything before it must go.
            guard self.replay(key, outputMax: .max, at: now) else { return false }
        }
        guard let id = self.log(message, stream.session, stream.number, isLast: isLast, at: now) else {
            // The session ended a moment ago, and its streams with it: what is still said of them cannot be resumed after.
            guard self.connections[key].carried?.behind == nil else { return true }
            guard self.mayQueue(key, isFinal: isFinal, at: now) else { return false }
            self.appendEvent(key) { SSE.appendMessage(message, to: &$0) }
            return true
        }
        guard self.connections[key].carried?.behind == nil else { return true }
        if isKept, !isFinal, id.sequence > 1, self.connections[key].unsentBytes > self.configuration.limits.streamBytesMax {
            self.connections[key].carried?.behind = id.sequence - 1
            return true
        }
        guard self.mayQueue(key, isFinal: isFinal, at: now) else { return false }
        self.appendEvent(key) { Self.appendEvent(id, message, to: &$0) }
        return true
    }

    private static func appendEvent(_ id: EventID, _ message: Span<UInt8>, to output: inout [UInt8]) {
        var text: [UInt8] = []
        id.append(to: &text)
        SSE.appendMessage(message, id: text.span, to: &output)
    }

    private mutating func log(
        _ message: Span<UInt8>, _ session: SessionKey, _ stream: UInt64, isLast: Bool, at now: Instant
    ) -> EventID? {
        guard self.sessions.contains(session),
            let id = self.sessions[session].events?.append(
                message, to: stream, isFinal: isLast, at: now, budget: &self.eventBudget)
        else { return nil }
        self.armEvents(session)
        return id
    }

    /// The stream of the connection is over. False when its client must still be sent what it has missed; then the stream ends later.
    mutating func endCarried(_ key: ConnectionKey, at now: Instant) -> Bool {
        guard let stream = self.connections[key].carried, self.sessions.contains(stream.session) else { return true }
        self.sessions[stream.session].events?.terminate(stream.number, at: now, budget: &self.eventBudget)
        self.armEvents(stream.session)
        if self.sessions[stream.session].standingStream == stream.number { self.sessions[stream.session].standingStream = 0 }
        guard stream.behind != nil else { return true }
        self.connections[key].phase = .streaming(.replay)
        return false
    }

    /// Ends the connection's response and not the stream: its client may resume it, or another connection has taken it over.
    mutating func leaveStream(_ key: ConnectionKey, at now: Instant) {
        if let stream = self.connections[key].carried, self.sessions.contains(stream.session),
            self.sessions[stream.session].revision.primesStreams
        {
            self.prepareOutput(key)
            self.appendEvent(key) { SSE.appendRetry(milliseconds: Self.retryMilliseconds, to: &$0) }
        }
        self.connections[key].carried = nil
        self.endStream(key, at: now)
    }

    /// The session's GET stream is not wanted any more.
    mutating func endStandingStream(_ session: SessionKey, at now: Instant) {
        let stream = self.sessions[session].standingStream
        guard stream > 0 else { return }
        self.sessions[session].standingStream = 0
        self.sessions[session].events?.terminate(stream, at: now, budget: &self.eventBudget)
        self.armEvents(session)
    }

    // MARK: Without a connection

    /// Whether what is said about the call can reach its client: now, or when it resumes the stream.
    func isHeard(_ call: Call) -> Bool {
        if let connection = call.connection, self.connections.contains(connection) { return true }
        guard call.stream > 0, let session = call.session, self.sessions.contains(session) else { return false }
        return self.sessions[session].events?.isOpen(call.stream) == true
    }

    /// A message of the call that is not its last. Its stream is open, or was.
    mutating func tell(_ call: Call, _ message: Span<UInt8>, at now: Instant) {
        if let connection = call.connection, self.connections.contains(connection) {
            self.send(connection, message, at: now)
        } else {
            self.logUncarried(call, message, at: now)
        }
    }

    /// Keeps a message for a client that has lost its connection. Dropped if it cannot resume.
    mutating func logUncarried(_ call: Call, _ message: Span<UInt8>, at now: Instant) {
        guard let session = call.session, call.stream > 0 else { return }
        _ = self.log(message, session, call.stream, isLast: false, at: now)
    }

    /// The same for the last word about a call that has been forgotten; nil if it has none.
    mutating func endUncarried(_ call: Call, _ message: Span<UInt8>?, at now: Instant) {
        guard call.stream > 0, let session = call.session, self.sessions.contains(session) else { return }
        let isLast = self.callCount(on: call.stream, of: session) == 0
        if let message {
            _ = self.log(message, session, call.stream, isLast: isLast, at: now)
        } else if isLast {
            self.sessions[session].events?.terminate(call.stream, at: now, budget: &self.eventBudget)
            self.armEvents(session)
        }
    }

    private func callCount(on stream: UInt64, of session: SessionKey) -> Int {
        self.sessions[session].calls.count { self.calls.find($0)?.stream == stream }
    }

    /// The stream's connection has gone. One whose client knows no id cannot be resumed.
    mutating func carrierLost(_ stream: CarriedStream, at now: Instant) {
        let session = stream.session
        guard self.sessions.contains(session), self.sessions[session].events?.hasGivenIDs(stream.number) == false else { return }
        self.sessions[session].events?.terminate(stream.number, at: now, budget: &self.eventBudget)
        if self.sessions[session].standingStream == stream.number { self.sessions[session].standingStream = 0 }
        for call in self.sessions[session].calls where self.calls.find(call)?.stream == stream.number {
            self.calls[call].stream = 0
        }
    }

    // MARK: Resuming

    /// GET with `Last-Event-ID`. What cannot be resumed is refused with 400: 404 would mean that the session is gone.
    mutating func resumeStream(_ key: ConnectionKey, _ session: SessionKey, _ last: Span<UInt8>, at now: Instant) {
        let id: EventID
        do throws(ReplayRefusal) {
            id = try EventID(last)
            guard self.sessions[session].events != nil else { throw .unknown }
            try self.sessions[session].events?.check(id, at: now, budget: &self.eventBudget)
        } catch {
            return self.refuse(key, Refusal(400, .serverError, error.reason.description), at: now)
        }
        guard !self.isDraining else { return self.refuseStream(key, at: now) }
        let owner = self.takeOver(id.stream, of: session, by: key, at: now)
        self.beginStream(key, owner, at: now)
        self.connections[key].carried = CarriedStream(session: session, number: id.stream, behind: id.sequence)
        // With the id that the client named: it has got nothing after it yet.
        if self.sessions[session].revision.primesStreams { self.appendPriming(key, id) }
        self.replay(key, at: now)
    }

    /// Takes the stream from the connection that carries it, if one still does: a broken one is often noticed late.
    private mutating func takeOver(
        _ stream: UInt64, of session: SessionKey, by key: ConnectionKey, at now: Instant
    ) -> Connection.StreamOwner {
        if self.sessions[session].standingStream == stream {
            if let old = self.sessions[session].stream { self.leaveStream(old, at: now) }
            self.sessions[session].stream = key
            return .session(session)
        }
        let calls = self.sessions[session].calls.filter { self.calls.find($0)?.stream == stream }
        guard let first = calls.first else { return .replay }
        if let old = self.calls[first].connection, self.connections.contains(old) { self.leaveStream(old, at: now) }
        for call in calls {  // Bound: `callsPerSession`.
            self.calls[call].connection = key
            // The timer of a connection watches one call only.
            self.armOrphan(call, at: self.calls[call].deadline)
        }
        return .batch(left: calls.count)
    }

    /// Writes what the log holds for a connection that is behind, as far as its reader takes it. False when the connection was given
    /// up: what it should get next is not kept any more.
    @discardableResult
    mutating func replay(_ key: ConnectionKey, outputMax: Int = Supervisor.replayBytesMax, at now: Instant) -> Bool {
        // Bound: every turn writes an event, or is the last.
        while let stream = self.connections[key].carried, let behind = stream.behind,
            self.connections[key].unsentBytes <= outputMax
        {
            guard self.sessions.contains(stream.session), self.sessions[stream.session].events != nil else {
                self.leaveStream(key, at: now)
                return true
            }
            self.prepareOutput(key)
            let replayed: EventLog.Replayed
            do throws(ReplayRefusal) {
                replayed = try self.replayPart(key, stream, after: behind, at: now)
            } catch {
                self.log(.warning, "closed a stream whose reader was too slow for the event log", [])
                self.connectionLost(key, at: now)
                return false
            }
            self.connections[key].carried?.behind = replayed.isComplete ? nil : replayed.through.sequence
            guard replayed.isComplete else { continue }
            if replayed.isTerminated {
                self.connections[key].carried = nil
                self.endStream(key, at: now)
            } else if case .streaming(.session(let session)) = self.connections[key].phase {
                self.sendPendingChanges(session, to: key, at: now)
                guard self.connections.contains(key) else { return false }
            }
        }
        return true
    }

    private mutating func replayPart(
        _ key: ConnectionKey, _ stream: CarriedStream, after sequence: UInt64, at now: Instant
    ) throws(ReplayRefusal) -> EventLog.Replayed {
        // Taken out, so that it can be read while the connection is written.
        guard var events = self.sessions[stream.session].events.take() else { throw .unknown }
        defer { self.sessions[stream.session].events = events }
        var output: [UInt8] = []
        swap(&output, &self.connections[key].output)
        defer { swap(&output, &self.connections[key].output) }
        let isHTTP10 = self.connections[key].exchange.isHTTP10
        let after = EventID(stream: stream.number, sequence: sequence)
        return try events.replay(after: after, bytesMax: Self.replayBytesMax, at: now, budget: &self.eventBudget) { id, message in
            Self.appendChunk(isHTTP10, to: &output) { Self.appendEvent(id, message, to: &$0) }
        }
    }

    // MARK: Time

    /// Drops what is too old; when to look again.
    mutating func expireEvents(_ session: SessionKey, at now: Instant) -> Instant {
        self.sessions[session].events?.expire(at: now, budget: &self.eventBudget)
        return self.sessions[session].events?.nextDeadline ?? .distantFuture
    }

    private mutating func armEvents(_ session: SessionKey) {
        guard let deadline = self.sessions[session].events?.nextDeadline else { return }
        self.armSession(session, at: deadline)
    }
}
