public import Base
import MCP

/// The end: no new work, running calls finish, streams end, workers stop, exit 0. It always ends.
///
///     serving ──SIGTERM──▶ draining ──no call left, or the deadline──▶ workers stop ──all gone──▶ stopped
extension Supervisor {
    var isDraining: Bool {
        switch self.lifecycle {
        case .starting, .serving: false
        case .draining, .stopped: true
        }
    }

    /// SIGTERM or SIGINT. A second one leaves two seconds, a third none.
    public mutating func drainRequested(at now: Instant) {
        switch self.lifecycle {
        case .starting, .serving:
            self.beginDrain(at: now)
        case .draining(let deadline, let signals):
            let allowed = signals == 1 ? self.configuration.drain.hurriedDeadline : .zero
            let shortened = Swift.min(deadline, now + allowed)
            self.lifecycle = .draining(deadline: shortened, signals: signals + 1)
            self.log(.warning, "another signal shortened the drain", [.milliseconds("leftMs", shortened - now)])
            self.timers.add(.drain, at: shortened)
        case .stopped: break
        }
        self.continueDrain(at: now)
        self.resumePending(at: now)
    }

    private mutating func beginDrain(at now: Instant) {
        let deadline = now + self.configuration.drain.deadline
        self.lifecycle = .draining(deadline: deadline, signals: 1)
        self.log(.info, "draining", [.number("runningCalls", self.calls.count), .number("connections", self.connections.count)])
        self.effects.append(.stopListening)
        self.effects.append(.stopping(self.configuration.drain.deadline + self.configuration.drain.workerGrace * 3))
        self.timers.add(.drain, at: deadline)
        for key in self.connections.keys {
            switch self.connections[key].phase {
            case .reading where self.connections[key].requestStage == .none && self.connections[key].unsentBytes == 0:
                self.endConnection(key, at: now)
            case .streaming(.session), .streaming(.listen):
                self.endSubscription(key, at: now)
            case .reading, .waiting, .streaming(.call), .lingering:
                // Its answer is the last one on this connection.
                self.connections[key].exchange.keepAlive = false
            }
        }
    }

    /// A modern stream ends with the result of its request, a legacy one just ends.
    private mutating func endSubscription(_ key: ConnectionKey, at now: Instant) {
        self.connections[key].exchange.keepAlive = false
        if let listen = self.connections[key].listen {
            var result = [UInt8](#"{"jsonrpc":"2.0","id":"#)
            result.append(contentsOf: listen.id)
            result.append(#","result":{"resultType":"complete","#)
            Self.appendSubscriptionMeta(listen.id, to: &result)
            result.append("}}")
            guard self.sendEvent(key, result.span, isFinal: true, at: now) else { return }
        }
        if case .streaming(.session(let session)) = self.connections[key].phase, self.sessions.contains(session) {
            self.sessions[session].stream = nil
        }
        self.endStream(key, at: now)
    }

    /// Takes the next step of the drain if what it waits for has happened. Called after everything that could be that.
    mutating func continueDrain(at now: Instant) {
        guard case .draining(let deadline, _) = self.lifecycle else { return }
        if deadline <= now && !self.calls.isEmpty {
            self.log(.warning, "the drain deadline passed with calls running", [.number("runningCalls", self.calls.count)])
            for key in self.calls.keys { self.fail(key, "the supervisor shut down before the call ended", at: now) }
        }
        guard self.calls.isEmpty else { return }
        for key in self.workers.keys {
            switch self.workers[key].state {
            case .starting, .handshaking, .ready:
                self.stopWorker(key, step: deadline <= now ? .terminated : .inputClosed, at: now)
            case .stopping(.inputClosed) where deadline <= now: self.stopWorker(key, step: .killed, at: now)
            case .stopping: break
            }
        }
        guard self.workers.isEmpty else { return }
        guard self.connections.isEmpty || deadline <= now else { return }
        self.lifecycle = .stopped
        for key in self.connections.keys { self.endConnection(key, at: now) }
        self.log(.info, "stopped", [.number("callsAnswered", Int64(clamping: self.counters.callsAnswered))])
        self.effects.append(.exit(status: 0))
    }
}
