import Base
import MCP
import Wire

/// Calls that end without their worker's answer: cancelled, abandoned or too slow.
extension Supervisor {
    /// `notifications/cancelled` of a legacy client. Ids of other sessions, of finished and of unknown requests are ignored
    /// (2025-11-25, cancellation).
    mutating func cancel(_ session: SessionKey, _ request: IncomingRequest, _ message: Span<UInt8>, at now: Instant) {
        guard let range = request.params.value("requestId", in: message) else { return }
        let lexeme = JSONLexeme(message, range)
        let found = self.sessions[session].calls.first { self.calls.find($0)?.clientID == lexeme }
        guard let key = found else { return }
        self.cancelCall(key, reason: "the client cancelled the request", at: now)
    }

    /// Tells the worker, and ends the response without an answer: no answer to a cancelled request should be sent.
    mutating func cancelCall(_ key: CallKey, reason: StaticString, at now: Instant) {
        guard self.calls.contains(key) else { return }
        let call = self.calls[key]
        self.withdraw(key, reason: reason, at: now)
        defer { self.continueDrain(at: now) }
        guard let connection = call.connection, self.connections.contains(connection) else {
            return self.endUncarried(call, nil, at: now)
        }
        switch self.connections[connection].phase {
        case .streaming(.batch(let left)):
            let nothing: [UInt8] = []
            self.batchAnswered(connection, left: left, nothing.span, at: now)
        case .waiting:
            self.openStream(connection, .call(key), at: now)
            self.endStream(connection, at: now)
        case .streaming: self.endStream(connection, at: now)
        case .duplex: break
        case .reading, .lingering: preconditionFailure("a call on a connection that waits for none")
        }
    }

    /// Takes the call away from its worker, or out of the queue.
    mutating func withdraw(_ key: CallKey, reason: StaticString, at now: Instant) {
        let call = self.calls[key]
        self.abandonInputs(key, at: now)
        // Expected: to tell the client that nothing more is asked has ended its connection, and that has withdrawn the call.
        guard self.calls.contains(key) else { return }
        self.forget(key)
        switch call.state {
        case .suspended: break
        case .queued:
            if call.purpose == .forward {
                self.servers[call.server].queue.removeAll { $0 == key }
            } else {
                self.servers[call.server].awaitingHandshake.removeAll { $0 == key }
            }
        case .dispatched(let worker, _, _):
            guard self.workers.contains(worker) else { return }
            self.workers[worker].withdraw(key, at: now)
            guard self.workers[worker].state == .ready else { return }
            var line = [UInt8](#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#)
            line.append(decimal: WireID.integer(key))
            line.append(#","reason":""#)
            line.append(reason)
            line.append("\"}}\n")
            self.sendLine(line.span, to: worker)
            self.pumpQueue(call.server, at: now)
        }
    }

    /// The client's connection is gone. In 2026-07-28 that cancels the request; before, it must not: the work goes on, and the answer
    /// waits in the event log, or has nowhere to go.
    mutating func clientLeft(_ key: CallKey, at now: Instant) {
        guard self.calls.contains(key) else { return }
        switch self.calls[key].revision.era {
        case .modern:
            guard !self.awaitRetry(key, at: now) else { return }
            self.withdraw(key, reason: "the client closed the response", at: now)
        case .legacy:
            self.calls[key].connection = nil
            // The connection's timer went with it.
            self.armOrphan(key, at: self.calls[key].deadline)
            // What it was asked is in the log, if it can resume.
            if !self.isHeard(self.calls[key]) { self.clientOfInputsLeft(key, at: now) }
        }
    }

    /// A call that waits too long for its answer, or long enough to open its stream for keep-alive comments.
    mutating func waitingCallDue(_ key: CallKey, _ connection: ConnectionKey, at now: Instant) {
        guard self.calls.contains(key) else { return }
        if self.calls[key].deadline <= now { return self.callTimedOut(key, at: now) }
        if self.calls[key].purpose == .forward, self.mayStream(self.calls[key]),
            !self.connections[connection].exchange.route.isREST
        {
            self.openStream(connection, .call(key), at: now)
        }
        let next = Swift.min(now + self.configuration.limits.keepAlive, self.calls[key].deadline)
        self.setDeadline(connection, next)
    }

    mutating func callTimedOut(_ key: CallKey, at now: Instant) {
        guard self.calls.contains(key) else { return }
        let call = self.calls[key]
        if call.purpose == .listen { return self.acknowledge(key, at: now) }
        let waited = (now - call.arrivedAt).wholeMilliseconds
        let isClients = call.state == .suspended || self.inputs[key]?.isWaitingForClient == true
        self.log(
            isClients ? .info : .warning,
            isClients ? "a client did not answer what its call was asked" : "a call timed out",
            [
                .text("server", self.servers[call.server].name), .text("method", call.method.text.description),
                .number("waitedMs", waited),
            ])
        let data = Self.deliveredData(call)
        self.withdraw(key, reason: "the call timed out", at: now)
        let who = isClients ? "the client did not answer what the server asked" : "the server did not answer"
        self.answer(call, errorText: "\(who) within \(waited) ms; the call was cancelled", data: data, at: now)
        self.continueDrain(at: now)
    }

    /// A call that no connection's timer watches: its legacy client left, or it is one of a batch.
    mutating func orphanTimerDue(_ key: CallKey, at now: Instant) {
        guard self.calls.contains(key) else { return }
        if let connection = self.calls[key].connection {
            guard self.connections.contains(connection), self.connections[connection].isShared else { return }
        }
        if self.calls[key].deadline > now { return self.armOrphan(key, at: self.calls[key].deadline) }
        self.callTimedOut(key, at: now)
    }
}
