import Base
import MCP
import Wire

/// Restarts that clients need not notice: calls that are made again, and lists that are compared.
extension Supervisor {
    // MARK: Lists

    /// The answer to a client's list.
    mutating func listPassed(_ call: Call, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>) {
        guard envelope.kind == .result else { return }
        switch call.method {
        case .toolsList, .promptsList, .resourcesList:
            // Whoever asked knows. That it changed is the server's to tell while its worker lives.
            _ = self.servers[call.server].catalogue.listed(
                call.method, isFirstPage: !call.hasCursor, self.workerScanner.members, message)
        default: break
        }
    }

    /// A worker has taken the place of another: asks it for the lists that clients have seen.
    mutating func compareLists(_ key: WorkerKey) {
        let server = self.workers[key].server
        guard self.servers[server].epoch > 1, let identity = self.servers[server].identity else { return }
        let wanted = self.servers[server].catalogue.known.intersection(identity.lists)
        for (place, kind) in Catalogue.kinds.enumerated() where wanted.contains(kind.list) {
            var line = [UInt8](#"{"jsonrpc":"2.0","id":"#)
            Self.appendListID(place, to: &line)
            line.append(#","method":""#)
            line.append(kind.method.text)
            line.append(0x22)
            if self.servers[server].era == .modern {
                line.append(#","params":{"_meta":{"#)
                Handshake.appendModernMeta(to: &line)
                line.append("}}")
            }
            line.append("}\n")
            self.sendLine(line.span, to: key)
        }
    }

    /// A string: the ids of calls are integers. Each is used once in a worker's life.
    private static func appendListID(_ place: Int, to output: inout [UInt8]) {
        output.append(#""catalogue-"#)
        output.append(decimal: UInt64(place))
        output.append(0x22)
    }

    /// Whether the answer is one to `compareLists`.
    mutating func listCompared(_ key: WorkerKey, _ envelope: JSONRPCEnvelope, _ line: Span<UInt8>) -> Bool {
        guard let id = envelope.id, line[id.lowerBound] == 0x22 else { return false }
        for (place, kind) in Catalogue.kinds.enumerated() {
            var own: [UInt8] = []
            Self.appendListID(place, to: &own)
            guard own.span.equals(line.extracting(id.range)) else { continue }
            guard envelope.kind == .result else { return true }
            let server = self.workers[key].server
            let changed = self.servers[server].catalogue.listed(
                kind.method, isFirstPage: true, self.workerScanner.members, line)
            self.servers[server].changedLists.formUnion(changed)
            return true
        }
        return false
    }

    // MARK: Calls

    /// Whether the request may be made again when its worker dies, without anybody noticing: it only reads, or its tool is annotated
    /// as read-only or idempotent.
    /// A cursor is the dead worker's.
    func mayBeRepeated(_ key: CallKey, _ request: IncomingRequest, _ message: Span<UInt8>) -> Bool {
        let server = self.calls[key].server
        guard self.servers[server].configuration.isStateless != false, request.envelope.whole.count <= Self.repeatedBytesMax,
            !self.calls[key].hasCursor
        else { return false }
        switch self.calls[key].method {
        case .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList, .resourcesRead: return true
        case .toolsCall:
            guard let name = request.params.value("name", in: message) else { return false }
            return self.servers[server].catalogue.isHarmless(message.extracting(name.range))
        default: return false
        }
    }

    /// Larger requests are not kept.
    private static let repeatedBytesMax = 64 << 10

    /// Makes the call wait for the next worker, once. False: it must be answered now.
    mutating func repeatCall(_ old: CallKey, at now: Instant) -> Bool {
        guard self.calls.contains(old), !self.calls[old].again.isEmpty, !self.calls[old].hasReachedWorker, !self.isDraining,
            self.calls[old].connection != nil || self.calls[old].session != nil
        else { return false }
        if let inputs = self.inputs[old] {
            guard inputs.round == 0, inputs.asks.isEmpty, inputs.questions.isEmpty, !inputs.isParked else { return false }
        }
        let settings = self.servers[self.calls[old].server].configuration.workers
        let waiting = self.servers[self.calls[old].server].queuedBytes + self.calls[old].again.count
        guard self.servers[self.calls[old].server].queue.count < settings.queueMax, waiting <= settings.queueBytesMax,
            let key = self.renamed(old)
        else { return false }
        self.calls[key].startAgain()
        let server = self.calls[key].server
        self.servers[server].queue.append(key)
        self.servers[server].queuedBytes += self.calls[key].line.count
        return true
    }

    /// The sessions of a server that keeps state: what they had there is gone with its worker. Their next requests are told so.
    mutating func endSessions(of server: Int, at now: Instant) {
        guard self.servers[server].configuration.isStateless == false else { return }
        for key in self.sessions.allKeys  // Bound: `sessions`.
        where self.sessions.contains(key) && self.sessions[key].variant == server {
            self.endSession(key, at: now)
        }
    }
}
