import Base
import MCP
import Wire

extension Supervisor {
    enum FoundSession {
        case found(SessionKey)
        case refused(Refusal)
    }

    /// The session that a request names, in the order of checks of the legacy ladder: header present, session known to this caller,
    /// protocol version one of ours.
    mutating func findSession(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant
    ) -> FoundSession {
        guard let field = head[.mcpSessionID] else {
            return .refused(Refusal(400, .serverError, "the MCP-Session-Id header is required"))
        }
        guard let id = SessionID(bytes.extracting(field.range)),
            let session = self.sessions.find(id, principal: self.connections[key].exchange.principal, server: server)
        else {
            return .refused(Refusal(404, .sessionNotFound, "no such session; initialize a new one"))
        }
        // The negotiated revision is the session's; the header only has to name one that we know.
        switch EraClassifier.Header(bytes, head[.mcpProtocolVersion]) {
        case .absent: break
        case .revision(let revision) where revision.era == .legacy: break
        case .revision, .unknown:
            return .refused(Refusal(400, .serverError, "unsupported MCP-Protocol-Version"))
        }
        self.sessions[session].lastSeen = now
        return .found(session)
    }

    /// GET: the stream for messages that belong to no request. The newest one replaces an older one, whose client has most likely
    /// gone without our noticing.
    mutating func openSessionStream(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant
    ) {
        let session: SessionKey
        switch self.findSession(key, server, head, bytes, at: now) {
        case .found(let found): session = found
        case .refused(let refusal): return self.refuse(key, refusal, at: now)
        }
        if let last = head[.lastEventID] { return self.resumeStream(key, session, bytes.extracting(last.range), at: now) }
        guard !self.isDraining else { return self.refuseStream(key, at: now) }
        if let old = self.sessions[session].stream { self.endStream(old, at: now) }
        self.endStandingStream(session, at: now)
        self.openStream(key, .session(session), at: now)
        self.sessions[session].stream = key
        self.sendPendingChanges(session, to: key, at: now)
    }

    /// What changed while no connection carried the session's GET stream.
    mutating func sendPendingChanges(_ session: SessionKey, to key: ConnectionKey, at now: Instant) {
        let pending = self.sessions[session].pendingChanges
        self.sessions[session].pendingChanges = []
        self.sendListChanges(pending, to: key, subscription: nil, at: now)
        if self.sessions.contains(session) { self.sendPendingUpdates(session, at: now) }
    }

    /// No stream is begun while all are being ended.
    mutating func refuseStream(_ key: ConnectionKey, at now: Instant) {
        var refusal = Refusal(503, .serverError, "shutting down")
        refusal.headers = Self.retryAfter(.seconds(1))
        self.refuse(key, refusal, at: now)
    }

    mutating func deleteSession(
        _ key: ConnectionKey, _ server: Int, _ head: HTTPRequestHead, _ bytes: Span<UInt8>, at now: Instant
    ) {
        switch self.findSession(key, server, head, bytes, at: now) {
        case .found(let session):
            self.endSession(session, at: now)
            self.respond(key, 200, headers: self.withCORS(key), at: now)
        case .refused(let refusal): self.refuse(key, refusal, at: now)
        }
    }

    /// Ends the session's stream, cancels what runs for it and forgets it.
    mutating func endSession(_ key: SessionKey, at now: Instant) {
        guard var session = self.sessions.remove(key) else { return }
        session.events?.removeAll(budget: &self.eventBudget)
        // The newest first: none that waits may take the place of one that runs.
        for call in session.calls.reversed() { self.cancelCall(call, reason: "the session ended", at: now) }
        if let stream = session.stream, self.connections.contains(stream) {
            if case .duplex(let duplex) = self.connections[stream].phase {
                self.closeDuplex(stream, duplex, .goingAway, at: now)
            } else {
                self.endStream(stream, at: now)
            }
        }
        self.leave(session.subscriptions, .session(key), at: now)
        if session.logLevel != nil { self.updateWorkerLogLevel(session.variant) }
    }

    func sessionIsBusy(_ session: Session) -> Bool { !session.calls.isEmpty || session.stream != nil }

    mutating func sessionTimerDue(_ key: SessionKey, at now: Instant) {
        guard self.sessions.contains(key) else { return }
        let idle = self.configuration.limits.sessionIdle
        // An open stream or a running call is activity.
        if self.sessionIsBusy(self.sessions[key]) { self.sessions[key].lastSeen = now }
        let isOurOwn = self.sessions[key].kind == .stdio
        let oldest = isOurOwn ? .distantFuture : self.sessions[key].createdAt + self.configuration.limits.sessionAge
        let deadline = Swift.min(self.sessions[key].lastSeen + idle, oldest)
        if deadline > now { return self.armSession(key, at: Swift.min(deadline, self.expireEvents(key, at: now))) }
        self.endSession(key, at: now)
    }
}
