import Base
import Wire

/// What the program in a worker reads and writes.
extension SimWorker {
    /// One line from the supervisor, already checked by the channel's observer.
    func line(_ bytes: [UInt8]) {
        guard let message = self.world.channels.line(bytes, of: self) else { return }
        switch message.method {
        case "initialize" where self.isModern:
            self.write(
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{\"supported\":[\"2026-07-28\"]}}}"
            )
        case "server/discover" where !self.isModern:
            switch self.manner {
            case .deadly: self.add(.exit(1), after: .microseconds(50) ... .milliseconds(20))
            case .silent: break
            case .legacy, .modern, .builtin:
                self.write("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32601,\"message\":\"no\"}}")
            }
        case "initialize", "server/discover":
            self.mayAsk = !self.isBuiltin && message.promises
            if self.greeting != .mute { self.add(.handshake, after: .microseconds(50) ... .milliseconds(20)) }
        case "notifications/cancelled": self.cancelled(message)
        case "subscriptions/listen": self.listenedTo(message.ownID)
        case "tools/list" where !message.ownID.isEmpty, "prompts/list": self.listedFor(message.ownID)
        case "tools/call", "tools/list": self.called(message)
        case "logging/setLevel": if let id = message.id { self.write("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{}}") }
        default: break
        }
    }

    /// One server keeps the subscription, others end, refuse or forget it.
    private func listenedTo(_ id: String) {
        let manner = self.random.below(6)
        guard manner > 1 else {
            if manner == 0 { self.write("{\"jsonrpc\":\"2.0\",\"id\":\"\(id)\",\"error\":{\"code\":-32603,\"message\":\"no\"}}") }
            return
        }
        self.write(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"notifications\":{},"
                + "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"\(id)\"}}}")
        guard manner == 2 else { return }
        self.write("{\"jsonrpc\":\"2.0\",\"id\":\"\(id)\",\"result\":{\"resultType\":\"complete\"}}")
    }

    private func listedFor(_ id: String) {
        let tools = self.random.flip() ? "" : "{\"name\":\"other\",\"inputSchema\":{\"type\":\"object\"}}"
        self.write("{\"jsonrpc\":\"2.0\",\"id\":\"\(id)\",\"result\":{\"tools\":[\(tools)],\"prompts\":[]}}")
    }

    private func called(_ message: WorkerChannelChecker.Message) {
        guard let id = message.id else { return }
        self.calls[id] = Call(
            nonce: message.nonce, arguments: message.arguments, isList: message.method == "tools/list",
            wantsProgress: message.hasProgressToken)
        guard !self.stumble() else { return }
        let patience = Interval.microseconds(20)...(self.random.below(6) == 0 ? .seconds(3) : .milliseconds(3))
        if message.nonce >= 0, self.random.below(3) == 0 {
            for _ in 0..<self.random.size(1...8) {
                self.add(
                    message.hasProgressToken && self.random.flip() ? .progress(id) : .log(id),
                    after: .microseconds(1)...patience.upperBound)
            }
        }
        if self.mayAsk, message.nonce >= 0, self.random.flip() {
            // One server waits for what it asked, another goes on without it.
            let waits = self.random.below(4) != 0
            self.add(.question(id, waits: waits), after: patience)
            if self.random.below(4) == 0 { self.add(.question(id, waits: false), after: patience) }
            if waits { return }
        }
        self.add(.answer(id, isError: self.random.permille(self.world.faults.errorAnswer)), after: patience)
        if self.random.permille(self.world.faults.duplicateAnswer) {
            self.add(.rawAnswer(id), after: patience.upperBound...patience.upperBound + .seconds(1))
        }
    }

    private func cancelled(_ message: WorkerChannelChecker.Message) {
        guard let id = message.cancelledID else { return }
        // A good server stops; one that is late answers anyway, and talks about the call as if nothing had happened.
        guard self.random.permille(self.world.faults.lateAnswer) else { return self.calls[id] = nil }
        self.calls[id]?.cancelledAt = self.world.now
    }

    // MARK: Questions

    /// Asks the client of a call, without saying which: third-party servers do not.
    func question(_ id: Int64, waits: Bool) {
        guard let call = self.calls[id], !self.isLogless else { return }
        if let cancelled = call.cancelledAt, cancelled + .seconds(4) < self.world.now { return }
        self.asked += 1
        let name = "q\(self.asked)"
        self.openQuestions[name] = waits ? id : 0
        let meta = self.random.flip() ? ",\"_meta\":{\"progressToken\":\"\(name)\"}" : ""
        self.write(
            "{\"jsonrpc\":\"2.0\",\"id\":\"\(name)\",\"method\":\"elicitation/create\",\"params\":{\"message\":\"~n\(call.nonce)~\","
                + "\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}\(meta)}}")
        guard self.random.below(12) == 0 else { return }
        self.openQuestions[name] = nil
        self.takenBack.insert(name)
        self.write(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"\(name)\"}}")
        if waits { self.add(.answer(id, isError: false), after: .microseconds(1) ... .milliseconds(3)) }
    }

    /// False when it is no answer to an open question, or the second one.
    func questionAnswered(_ name: String) -> Bool {
        if self.takenBack.remove(name) != nil { return true }
        guard let id = self.openQuestions.removeValue(forKey: name) else { return false }
        if id != 0 { self.add(.answer(id, isError: false), after: .microseconds(1) ... .milliseconds(3)) }
        return true
    }

    // MARK: Writing

    func greet() {
        switch self.greeting {
        case .mute: return
        case .error: return self.write("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32603,\"message\":\"no\"}}")
        case .malformed: return self.write("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"nothing\":1}}")
        case .oldRevision:
            return self.write(
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"1990-01-01\",\"supportedVersions\":[],\"capabilities\":{}}}"
            )
        case .good: break
        }
        let capabilities = "\"capabilities\":{\"tools\":{\"listChanged\":true},\"logging\":{},\"prompts\":{\"listChanged\":true}}"
        if self.isModern {
            self.write(
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\(capabilities)}}"
            )
        } else {
            self.write(
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\",\(capabilities),"
                    + "\"serverInfo\":{\"name\":\"sim\",\"version\":\"1\"}}}")
        }
    }

    func progress(_ id: Int64) {
        guard var call = self.calls[id] else { return }
        call.progress += 1
        self.calls[id] = call
        self.write(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\(id),"
                + "\"progress\":\(call.progress),\"message\":\"~n\(call.nonce)~\"}}")
    }

    func log(_ id: Int64) {
        guard let call = self.calls[id], self.isBuiltin || !self.isLogless else { return }
        if let cancelled = call.cancelledAt, cancelled + .seconds(4) < self.world.now { return }
        let meta = self.isBuiltin ? ",\"_meta\":{\"io.mcp-supervisor/relatedRequest\":\(id)}" : ""
        self.write(
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"error\",\"data\":\"~n\(call.nonce)~\"\(meta)}}"
        )
    }

    func answer(_ id: Int64, isError: Bool) {
        guard let call = self.calls.removeValue(forKey: id) else { return }
        self.answered[id] = call
        self.world.channels.answered(id, by: self)
        if isError, call.nonce >= 0 {
            let code = self.random.one(of: [-32603, -32602, -32000, -32002, -32601, -32042, 1])
            return self.write(
                "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"error\":{\"code\":\(code),\"message\":\"failed ~n\(call.nonce)~\"}}")
        }
        self.writeResult(id, call)
    }

    func writeResult(_ id: Int64, _ call: Call) {
        let extra = self.isModern ? ",\"resultType\":\"complete\"" : ""
        if call.isList { return self.write("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"tools\":[]\(extra)}}") }
        var padding = ""
        if self.random.permille(self.world.faults.hugeAnswer) {
            padding = String(repeating: "h", count: self.random.size(1000...2_000_000))
        }
        self.outbox += Array(
            "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"~n\(call.nonce)~\(padding)\"}]\(extra),\"structuredContent\":"
                .utf8)
        self.outbox += call.arguments
        self.outbox += Array("}}\n".utf8)
    }
}
