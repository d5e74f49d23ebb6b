import Base
import MCP
import Wire

/// What is common to all questions in the middle of calls: what is kept of a call for them, whose time passes, and what becomes of
/// them when the call ends.
extension Supervisor {
    /// Keeps what a call needs that can be asked.
    mutating func beginInputs(
        _ key: CallKey, _ request: IncomingRequest, _ message: Span<UInt8>, _ early: [InputAnswers.Answer]
    ) {
        var inputs = InputState()
        // Alone: of a batch, the others are no business of this call.
        let whole = request.envelope.whole
        let hasRoom = self.inputs.hasRoom(for: whole.count)
        switch self.calls[key].revision.era {
        case .legacy:
            // Without it the call could not be made again, so its worker is not told that it can ask.
            guard hasRoom else { return self.calls[key].promiseNothing() }
            inputs.message = [UInt8](message, whole)
        case .modern:
            if whole.count <= InputState.messageBytesMax, hasRoom {
                inputs.message = [UInt8](message, whole)
            } else {
                inputs.digest = RequestDigest(request.method, message, params: request.params, self.sealing.digests)
            }
            if hasRoom { inputs.earlyAnswers = early }
        }
        self.inputs[key] = inputs
    }

    /// The call is over, however: nobody waits for answers to what was asked in it.
    mutating func forgetInputs(_ key: CallKey) {
        guard let inputs = self.inputs.removeValue(forKey: key) else { return }
        for ask in inputs.asks {
            guard let ended = self.asks.remove(ask) else { continue }
            self.inputs.askEnded(ended.byteCount)
        }
        if let id = inputs.callID { self.parked[id] = nil }
    }

    /// What is still open is answered by nobody: each worker gets the one answer to its question, each client hears that there is
    /// nothing to answer any more. The latter may be the end of its connection, and with that of the call.
    mutating func abandonInputs(_ key: CallKey, at now: Instant) {
        guard !self.inputs.isEmpty, let inputs = self.inputs[key] else { return }
        if !inputs.questions.isEmpty { self.inputs[key]?.questions = [] }
        for question in inputs.questions {  // Bound: `InputRequired.questionsMax`, as the next.
            self.answerWorker(question.worker, id: question.id, .abandoned, question.request)
        }
        for ask in inputs.asks {
            guard let open = self.asks.find(ask) else { continue }
            if case .worker(let worker, let id) = open.asker { self.answerWorker(worker, id: id, .abandoned, open.request) }
            self.withdrawAsk(ask, at: now)
        }
    }

    mutating func answerWorker(_ worker: WorkerKey, id: [UInt8], _ outcome: InputOutcome, _ request: InputRequest) {
        var member: [UInt8] = []
        outcome.append(for: request, to: &member)
        self.answerWorker(worker, id: id, member)
    }

    /// A legacy client has lost the stream of the call and cannot resume it. Nobody sees the questions any more, so the worker is not
    /// kept waiting; and a call that could only be made again with the answers has nobody left to make it for.
    mutating func clientOfInputsLeft(_ key: CallKey, at now: Instant) {
        guard !self.inputs.isEmpty, self.inputs[key] != nil else { return }
        self.abandonInputs(key, at: now)
        guard let call = self.calls.find(key), call.state == .suspended else { return }
        self.forget(key)
    }

    // MARK: Time

    /// The client has said all that it was asked, since `since`: that was none of the worker's time.
    mutating func continueTime(_ key: CallKey, _ since: Instant, at now: Instant) {
        guard let call = self.calls.find(key), case .dispatched = call.state else { return }
        let timeout = self.servers[call.server].configuration.workers.callTimeout
        self.calls[key].lastDeadline = call.lastDeadline + (now - since)
        self.calls[key].deadline = Swift.min(now + timeout, self.calls[key].lastDeadline)
        self.watch(key)
    }

    /// The call's deadline has become sooner: what looks at it is told.
    mutating func watch(_ key: CallKey) {
        let deadline = self.calls[key].deadline
        guard let connection = self.calls[key].connection, self.connections.contains(connection),
            !self.connections[connection].isShared
        else { return self.armOrphan(key, at: deadline) }
        guard deadline < self.connections[connection].deadline else { return }
        self.setDeadline(connection, deadline)
    }

    /// Of a server that gets one call at a time that can be asked, while others wait: whoever is asked has half of the time that they
    /// wait at most, and not all of `inputTimeout`. Otherwise one client that does not come back would keep all others away.
    mutating func hurryClients(_ server: Int, at now: Instant) {
        guard self.servers[server].isInteractive, !self.inputs.isEmpty, !self.servers[server].queue.isEmpty else { return }
        let latest = now + self.servers[server].configuration.workers.callTimeout / 2
        for key in self.calls.keys {  // Bound: the calls in flight; only of such servers.
            guard self.calls[key].server == server, case .dispatched = self.calls[key].state,
                self.inputs[key]?.isWaitingForClient == true, self.calls[key].deadline > latest
            else { continue }
            self.calls[key].deadline = latest
            self.watch(key)
        }
    }

    /// Many servers give up a question after a minute unless they hear of progress. One that wants to hear of it does, for as long
    /// as the client thinks.
    mutating func keepAlive(_ key: CallKey, _ request: InputRequest, at now: Instant) {
        guard request.origin.progressToken != nil, self.inputs[key]?.isKeptAlive == false else { return }
        self.inputs[key]?.isKeptAlive = true
        self.timers.add(.inputProgress(key), at: now + self.configuration.limits.keepAlive)
    }

    mutating func inputProgressDue(_ key: CallKey, at now: Instant) {
        // Expected: the call has ended meanwhile.
        guard self.calls.contains(key), let inputs = self.inputs[key] else { return }
        let step = inputs.steps + 1
        var isWanted = false
        for question in inputs.questions {
            guard let token = question.request.origin.progressToken else { continue }
            isWanted = true
            self.tellProgress(question.worker, token, step)
        }
        for ask in inputs.asks {
            guard let open = self.asks.find(ask), case .worker(let worker, _) = open.asker,
                let token = open.request.origin.progressToken
            else { continue }
            isWanted = true
            if !open.reportsProgress { self.tellProgress(worker, token, step) }
        }
        self.inputs[key]?.steps = step
        self.inputs[key]?.isKeptAlive = isWanted
        if isWanted { self.timers.add(.inputProgress(key), at: now + self.configuration.limits.keepAlive) }
    }

    private mutating func tellProgress(_ worker: WorkerKey, _ token: JSONValue, _ step: UInt64) {
        guard self.workers.contains(worker), self.workers[worker].state == .ready,
            self.workers[worker].unsentBytes < Self.workerBacklogBytesMax
        else { return }
        var line = [UInt8](#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#)
        token.append(to: &line)
        line.append(#","progress":"#)
        line.append(decimal: step)
        line.append("}}\n")
        self.sendLine(line.span, to: worker)
    }
}
