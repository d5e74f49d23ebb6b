public import Base
import MCP

extension Supervisor {
    /// Runs everything whose deadline is not after `now`. A call too early or too late is harmless.
    public mutating func timersDue(at now: Instant) {
        while let timer = self.timers.popDue(at: now) {  // Bound: what a timer arms again lies after `now`.
            switch timer {
            case .connection(let slot, let armed):
                if let key = self.connectionTimers.fired(slot, armed: armed) { self.connectionTimerDue(key, at: now) }
            case .call(let slot, let armed):
                if let key = self.orphanTimers.fired(slot, armed: armed) { self.orphanTimerDue(key, at: now) }
            case .session(let slot, let armed):
                if let key = self.sessionTimers.fired(slot, armed: armed) { self.sessionTimerDue(key, at: now) }
            case .worker(let key): self.workerTimerDue(key, at: now)
            case .restart(let server): self.restartTimerDue(server, at: now)
            case .tools(let server): self.toolsTimerDue(server, at: now)
            case .input(let key): self.inputTimerDue(key, at: now)
            case .inputProgress(let key): self.inputProgressDue(key, at: now)
            case .variant(let server): self.variantTimerDue(server, at: now)
            case .drain: self.continueDrain(at: now)
            }
        }
        self.finishEvent(at: now)
    }

    mutating func armSession(_ key: SessionKey, at deadline: Instant) {
        guard self.sessionTimers.arm(key, at: deadline) else { return }
        self.timers.add(.session(slot: key.slot, armed: deadline), at: deadline)
    }

    /// For a call that no connection's timer watches.
    mutating func armOrphan(_ key: CallKey, at deadline: Instant) {
        guard self.orphanTimers.arm(key, at: deadline) else { return }
        self.timers.add(.call(slot: key.slot, armed: deadline), at: deadline)
    }

    mutating func setDeadline(_ key: ConnectionKey, _ deadline: Instant) {
        self.connections[key].deadline = deadline
        self.arm(key, at: deadline)
    }

    /// Deadlines that move later cost nothing: the entry in the heap fires early and is put back.
    mutating func arm(_ key: ConnectionKey, at deadline: Instant) {
        guard self.connectionTimers.arm(key, at: deadline) else { return }
        self.timers.add(.connection(slot: key.slot, armed: deadline), at: deadline)
    }

    private mutating func connectionTimerDue(_ key: ConnectionKey, at now: Instant) {
        // Expected: the timer of a connection that is gone, in a slot that no other has taken.
        guard self.connections.contains(key) else { return }
        let deadline = Swift.min(self.connections[key].deadline, self.connections[key].writeDeadline)
        guard deadline <= now else { return self.arm(key, at: deadline) }
        if self.connections[key].writeDeadline <= now {
            return self.connectionLost(key, at: now)
        }
        self.connectionDeadlinePassed(key, at: now)
        guard self.connections.contains(key) else { return }
        // Whatever was decided, a connection always has a timer.
        self.arm(key, at: Swift.min(self.connections[key].deadline, self.connections[key].writeDeadline))
    }

    private mutating func connectionDeadlinePassed(_ key: ConnectionKey, at now: Instant) {
        switch self.connections[key].phase {
        case .lingering:
            self.connectionLost(key, at: now)
        case .reading where self.connections[key].unsentBytes > 0:
            // The answer is still on its way; the write deadline watches it.
            self.connections[key].deadline = now + self.configuration.limits.idleTimeout
        case .reading where self.connections[key].requestStage == .none:
            self.connectionLost(key, at: now)
        case .reading:
            self.connections[key].exchange.keepAlive = false
            self.refuse(key, Refusal(408, .invalidRequest, "the request did not arrive in time"), at: now)
        case .waiting(let call):
            self.waitingCallDue(call, key, at: now)
        case .streaming(.call(let call)):
            if self.calls.contains(call), self.calls[call].deadline <= now {
                self.callTimedOut(call, at: now)
            } else {
                self.sendKeepAlive(key, at: now)
            }
        case .streaming(.batch), .streaming(.replay):
            self.sendKeepAlive(key, at: now)
        case .duplex(let duplex):
            self.duplexTimerDue(key, duplex, at: now)
        case .streaming(.session), .streaming(.listen), .streaming(.operation):
            let isOld = self.connections[key].streamOpenedAt + self.configuration.limits.streamAge <= now
            if isOld || self.hasExpired(key) {
                // Clients reconnect; the time-out of a call is not this one's business.
                self.endSubscription(key, at: now)
            } else {
                self.sendKeepAlive(key, at: now)
            }
        }
    }
}
