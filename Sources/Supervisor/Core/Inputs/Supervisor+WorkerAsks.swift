import Base
import MCP
import Wire

/// Requests of a legacy worker in the middle of a call: elicitation, sampling, roots.
extension Supervisor {
    mutating func workerAsked(
        _ worker: WorkerKey, _ method: MCPMethod, _ envelope: JSONRPCEnvelope, _ line: Span<UInt8>, at now: Instant
    ) {
        guard let idRange = envelope.id else { return }
        let id = [UInt8](line, idRange)
        // Expected: before its handshake, or while it is being stopped, it has no call to ask in, or is not listened to any more.
        guard self.workers[worker].state == .ready else { return }
        // To a server that was told that its clients can do nothing there is no such method, whatever it sends with it.
        guard !self.servers[self.workers[worker].server].capabilities.isEmpty else {
            return self.answerWorker(worker, id: id, [UInt8](Self.noSuchMethod))
        }
        let request: InputRequest
        do throws(InputRequestRefusal) {
            request = try InputRequest(method: method, line, params: envelope.params)
        } catch {
            var member = [UInt8](#""error":{"code":"#)
            member.append(decimal: error.code.rawValue)
            member.append(#","message":"#)
            member.appendJSON(string: error.reason)
            member.append(0x7D)
            return self.answerWorker(worker, id: id, member)
        }
        guard let call = self.asking(worker, request, at: now) else {
            return self.unattributable(worker, id: id, request, at: now)
        }
        guard request.missing(in: self.calls[call].capabilities).isEmpty else {
            return self.clientLacks(call, request, worker, id: id, at: now)
        }
        switch self.calls[call].revision.era {
        case .legacy: self.ask(call, request, for: .worker(worker, id: id), byteCount: line.count, at: now)
        case .modern: self.collect(call, request, worker, id: id, byteCount: line.count, at: now)
        }
    }

    private static let noSuchMethod: StaticString =
        #""error":{"code":-32601,"message":"the client does not support this request"}"#

    /// The call that the worker asks for: named by it, or the only one that runs there and can be asked for. Never guessed: to show
    /// one user's question to another would give away what it says.
    private mutating func asking(_ worker: WorkerKey, _ request: InputRequest, at now: Instant) -> CallKey? {
        if let integer = request.origin.relatedRequest {
            guard let key = WireID.key(integer), self.calls.contains(key), case .dispatched(worker, _, _) = self.calls[key].state
            else { return nil }
            return key
        }
        guard self.workers[worker].inFlight >= 1, !self.workers[worker].mayWriteAboutWithdrawnCall(at: now) else { return nil }
        var found: CallKey?
        for key in self.calls.keys {  // Bound: the calls in flight.
            guard case .dispatched(worker, _, _) = self.calls[key].state, self.calls[key].method.mayAskForInput else { continue }
            guard found == nil else { return nil }
            found = key
        }
        return found
    }

    /// The worker learns that nobody can answer, and from now on has only one call at a time that could ask.
    private mutating func unattributable(_ worker: WorkerKey, id: [UInt8], _ request: InputRequest, at now: Instant) {
        let server = self.workers[worker].server
        let isOutsideOfCalls = self.workers[worker].inFlight == 0
        self.answerWorker(worker, id: id, isOutsideOfCalls ? .unsupported : .unattributable, request)
        guard !isOutsideOfCalls else { return }
        self.counters.unattributed += 1
        guard !self.servers[server].isInteractive else { return }
        for other in self.servers.indices where self.servers[other].definition == self.servers[server].definition {
            self.servers[other].isInteractive = true
        }
        self.log(
            .warning,
            "a server asked for input in one of several calls, without saying in which; it gets one such call at a time now",
            [.text("server", self.servers[server].name)])
    }

    /// A modern client is told what it would have to declare; a legacy one cannot be, so its worker is.
    private mutating func clientLacks(
        _ call: CallKey, _ request: InputRequest, _ worker: WorkerKey, id: [UInt8], at now: Instant
    ) {
        self.answerWorker(worker, id: id, .unsupported, request)
        // One that is not there cannot be told, and may bring the capability when it comes back.
        guard self.calls[call].revision.era == .modern, self.inputs[call]?.isParked != true else { return }
        let missing = request.missing(in: self.calls[call].capabilities)
        self.failForCapabilities(call, missing, at: now)
    }

    /// Error -32021, and the end of the call.
    mutating func failForCapabilities(_ key: CallKey, _ missing: ClientCapabilities, at now: Instant) {
        let call = self.calls[key]
        var data: [UInt8] = []
        missing.appendMissingData(to: &data)
        self.withdraw(key, reason: "the client does not support what the server asked for", at: now)
        self.answer(
            call, .missingClientCapability, errorText: "the server needs a capability that the client has not declared",
            status: 400,
            data: data, at: now)
        self.continueDrain(at: now)
    }

    /// `member` is `"result":…` or `"error":…`.
    mutating func answerWorker(_ worker: WorkerKey, id: [UInt8], _ member: [UInt8]) {
        guard self.workers.contains(worker), self.workers[worker].state == .ready else { return }
        var line = [UInt8](#"{"jsonrpc":"2.0","id":"#)
        line.append(contentsOf: id)
        line.append(0x2C)
        line.append(contentsOf: member)
        line.append("}\n")
        self.sendLine(line.span, to: worker)
    }

    /// `notifications/cancelled` of a worker, about a question of its own.
    mutating func workerCancelled(_ worker: WorkerKey, _ line: Span<UInt8>, at now: Instant) {
        guard let range = self.workerScanner.members.value("requestId", in: line) else { return }
        let id = [UInt8](line, range)
        for key in self.asks.keys {  // Bound: `Ask.countMax`.
            guard case .worker(worker, let asked) = self.asks[key].asker, asked == id else { continue }
            return self.withdrawAsk(key, at: now)
        }
        for call in self.calls.keys {  // Bound: the calls in flight.
            guard case .dispatched(worker, _, _) = self.calls[call].state, let questions = self.inputs[call]?.questions,
                questions.contains(where: { $0.id == id })
            else { continue }
            self.inputs[call]?.questions.removeAll { $0.id == id }
        }
    }
}
